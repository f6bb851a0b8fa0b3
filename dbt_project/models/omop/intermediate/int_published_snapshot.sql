-- Up to which transaction the labels of source records are published: of a record that changed since, nobody knows
-- which labels its rows will have.
-- depends_on: {{ ref('int_published_label') }}
SELECT label_snapshot
FROM {{ ref('int_label_snapshot') }}
