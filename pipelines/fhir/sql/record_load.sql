INSERT INTO landing.file_load (file_id, source_system, mapping_profile, mapping_version, validation, account)
VALUES (
    %(file_id)s, %(source_system)s, %(mapping_profile)s, %(mapping_version)s, %(validation)s, %(account)s
)
ON CONFLICT (file_id, source_system, mapping_profile, mapping_version, validation)
DO UPDATE SET account = excluded.account, loaded_at = now()
