UPDATE bronze.resource AS known
SET version_order = confirmed.version_order
FROM unnest(%(resource_keys)s::bigint[], %(version_orders)s::text[]) AS confirmed (resource_key, version_order)
WHERE known.resource_key = confirmed.resource_key AND known.version_order < confirmed.version_order
