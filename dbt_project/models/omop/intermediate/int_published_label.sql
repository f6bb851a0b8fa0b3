-- Of which resources the labels are in access.sensitive_row: labelled tables of omop are made after this one, and
-- labels_are_published compares it with the sources.
-- depends_on: {{ ref('int_sensitive_row') }}
SELECT
    resource_key,
    security_labels
FROM {{ ref('int_labelled_resource') }}
