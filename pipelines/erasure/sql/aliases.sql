-- Keys by which references may lead to these source persons; one that also leads to somebody else is left to them.
SELECT alias_key FROM bronze.reference_alias WHERE resource_key = ANY(%(person_keys)s)
EXCEPT
SELECT alias_key FROM bronze.reference_alias WHERE resource_key <> ALL(%(person_keys)s)
