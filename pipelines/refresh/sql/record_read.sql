SELECT audit.append(
    'service:transform', 'HOPERAT', 'read', NULL, 'bronze.note', '{}', 0, jsonb_build_object('changes', %(changes)s::bigint)
)
