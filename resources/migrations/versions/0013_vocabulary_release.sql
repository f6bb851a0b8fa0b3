-- A download is loaded into tables of vocab_next, which then take the place of those of vocab in one transaction.
CREATE SCHEMA vocab_next AUTHORIZATION sanctum_ingest;
COMMENT ON SCHEMA vocab_next IS 'One version of the vocabulary on its way to vocab; the next load removes what is left.';

CREATE TABLE vocab.concept_synonym (
    concept_id integer NOT NULL,
    concept_synonym_name text NOT NULL,
    language_concept_id integer NOT NULL
);
CREATE TABLE vocab.vocabulary (
    vocabulary_id text NOT NULL PRIMARY KEY,
    vocabulary_name text NOT NULL,
    vocabulary_reference text,
    vocabulary_version text,
    vocabulary_concept_id integer NOT NULL
);
CREATE TABLE vocab.domain (
    domain_id text NOT NULL PRIMARY KEY,
    domain_name text NOT NULL,
    domain_concept_id integer NOT NULL
);
CREATE TABLE vocab.concept_class (
    concept_class_id text NOT NULL PRIMARY KEY,
    concept_class_name text NOT NULL,
    concept_class_concept_id integer NOT NULL
);
CREATE TABLE vocab.relationship (
    relationship_id text NOT NULL PRIMARY KEY,
    relationship_name text NOT NULL,
    is_hierarchical text NOT NULL,
    defines_ancestry text NOT NULL,
    reverse_relationship_id text NOT NULL,
    relationship_concept_id integer NOT NULL
);
CREATE TABLE vocab.drug_strength (
    drug_concept_id integer NOT NULL,
    ingredient_concept_id integer NOT NULL,
    amount_value numeric,
    amount_unit_concept_id integer,
    numerator_value numeric,
    numerator_unit_concept_id integer,
    denominator_value numeric,
    denominator_unit_concept_id integer,
    box_size integer,
    valid_start_date date NOT NULL,
    valid_end_date date NOT NULL,
    invalid_reason text
);
CREATE INDEX concept_synonym_concept ON vocab.concept_synonym (concept_id);
CREATE INDEX drug_strength_drug ON vocab.drug_strength (drug_concept_id);

DROP INDEX vocab.concept_id, vocab.concept_relationship_1;
ALTER TABLE vocab.concept ADD PRIMARY KEY (concept_id);
CREATE INDEX concept_relationship_1 ON vocab.concept_relationship (concept_id_1);
CREATE INDEX concept_relationship_maps_to ON vocab.concept_relationship (concept_id_1, concept_id_2)
WHERE relationship_id = 'Maps to' AND invalid_reason IS NULL;
CREATE INDEX concept_relationship_value ON vocab.concept_relationship (concept_id_1, concept_id_2)
WHERE relationship_id = 'Maps to value' AND invalid_reason IS NULL;

CREATE TABLE vocab.concept_change (
    concept_id integer NOT NULL,
    vocabulary_id text NOT NULL,
    concept_code text NOT NULL,
    change text NOT NULL
    CHECK (change IN ('removed', 'deprecated', 'revived', 'standard', 'domain', 'maps_to')),
    before text,
    after text
);
COMMENT ON TABLE vocab.concept_change IS
'What the newest release changed in concepts that the one before it had; those it added are not listed.';
CREATE INDEX concept_change_code ON vocab.concept_change (vocabulary_id, concept_code);

ALTER TABLE vocab.release
ADD COLUMN files jsonb NOT NULL DEFAULT '{}',
ADD COLUMN changes jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN vocab.release.files IS 'By file: its bytes, SHA-256, lines and rows.';
COMMENT ON COLUMN vocab.release.changes IS 'By kind of change: how many concepts.';

CREATE TABLE vocab.source_to_concept_map (
    source_code text NOT NULL,
    source_concept_id integer NOT NULL,
    source_vocabulary_id text NOT NULL,
    source_code_description text,
    target_concept_id integer NOT NULL,
    target_vocabulary_id text NOT NULL,
    valid_start_date date NOT NULL,
    valid_end_date date NOT NULL,
    invalid_reason text,
    PRIMARY KEY (source_vocabulary_id, source_code, target_concept_id)
);
COMMENT ON TABLE vocab.source_to_concept_map IS
'A site''s own codes (sanctum vocab map). source_vocabulary_id is an OMOP vocabulary, or the system as sources write it.';

DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY[
        'concept_synonym', 'vocabulary', 'domain', 'concept_class', 'relationship', 'drug_strength', 'concept_change',
        'source_to_concept_map'
    ] LOOP
        EXECUTE format('ALTER TABLE vocab.%I OWNER TO sanctum_ingest', table_name);
        EXECUTE format(
            'GRANT SELECT ON vocab.%I TO sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer', table_name
        );
    END LOOP;
END
$$;
