-- mapping_version ends with how resources were validated; that of HL7 v2 messages has no such end.
SELECT
    source_system,
    mapping_profile,
    regexp_replace(mapping_version, '-(structural|full)$', '') AS mapping_version,
    substring(mapping_version FROM '-(structural|full)$') AS validation,
    loaded_at
FROM landing.file_load
WHERE file_id = %(file_id)s AND (%(source_system)s::text IS NULL OR source_system = %(source_system)s)
ORDER BY loaded_at, source_system, mapping_profile, mapping_version
