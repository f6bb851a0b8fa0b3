-- The file's rows as they are, numbered as its lines; the first is the header.
CREATE TEMPORARY TABLE site_code (
    LIKE vocab.source_to_concept_map,
    line bigint GENERATED ALWAYS AS IDENTITY (START WITH 2)
) ON COMMIT DROP;
ALTER TABLE site_code
ALTER COLUMN source_code DROP NOT NULL,
ALTER COLUMN source_concept_id DROP NOT NULL,
ALTER COLUMN source_vocabulary_id DROP NOT NULL,
ALTER COLUMN target_concept_id DROP NOT NULL,
ALTER COLUMN target_vocabulary_id DROP NOT NULL,
ALTER COLUMN valid_start_date DROP NOT NULL,
ALTER COLUMN valid_end_date DROP NOT NULL
