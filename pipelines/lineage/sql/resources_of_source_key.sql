-- A key by which a source person is referred to: its own, or another that leads to it.
SELECT resource_key FROM bronze.person WHERE person_key = %(row_id)s
UNION
SELECT resource_key FROM bronze.reference_alias WHERE alias_key = %(row_id)s
