SELECT
    record.record_id,
    record.record_key,
    record.reason,
    record.detail,
    coalesce(record.resource_type, 'unknown') AS record_type,
    quarantine.source_system(record.file_id, record.message_id) AS source_system,
    record.quarantined_at,
    record.released_at,
    coalesce(record.file_id, message.file_id) AS file_id,
    record.line_number,
    record.entry,
    coalesce(record.byte_offset, message.byte_offset) AS byte_offset,
    record.message_id,
    encode(file.sha256, 'hex') AS file_sha256,
    file.kind,
    file.received_at
FROM quarantine.record AS record
LEFT JOIN landing.hl7_message AS message ON record.message_id = message.message_id
LEFT JOIN landing.file AS file ON coalesce(record.file_id, message.file_id) = file.file_id
WHERE record.record_key = %(key)s
