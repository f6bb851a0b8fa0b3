-- OMOP CDM 5.4 vocabulary tables. sanctum vocab load fills a new set of tables and switches by renaming.
CREATE TABLE vocab.concept (
    concept_id integer NOT NULL,
    concept_name text NOT NULL,
    domain_id text NOT NULL,
    vocabulary_id text NOT NULL,
    concept_class_id text NOT NULL,
    standard_concept text,
    concept_code text NOT NULL,
    valid_start_date date NOT NULL,
    valid_end_date date NOT NULL,
    invalid_reason text
);
CREATE TABLE vocab.concept_relationship (
    concept_id_1 integer NOT NULL,
    concept_id_2 integer NOT NULL,
    relationship_id text NOT NULL,
    valid_start_date date NOT NULL,
    valid_end_date date NOT NULL,
    invalid_reason text
);
CREATE TABLE vocab.concept_ancestor (
    ancestor_concept_id integer NOT NULL,
    descendant_concept_id integer NOT NULL,
    min_levels_of_separation integer NOT NULL,
    max_levels_of_separation integer NOT NULL
);
CREATE TABLE vocab.value_set_member (
    oid text NOT NULL,
    value_set_name text NOT NULL,
    system text NOT NULL,
    code text NOT NULL,
    display text,
    PRIMARY KEY (oid, system, code)
);
COMMENT ON TABLE vocab.value_set_member IS
'Value sets a site has loaded (licensed content stays at the site); starter lists of public codes are dbt seeds.';
CREATE TABLE vocab.release (
    release_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content_sha256 text NOT NULL,
    concepts bigint NOT NULL,
    relationships bigint NOT NULL,
    ancestors bigint NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vocab.release IS 'Every vocabulary load; the newest row is what the tables hold.';

CREATE UNIQUE INDEX concept_id ON vocab.concept (concept_id);
CREATE INDEX concept_code ON vocab.concept (vocabulary_id, concept_code);
CREATE INDEX concept_relationship_1 ON vocab.concept_relationship (concept_id_1, relationship_id);
CREATE INDEX concept_ancestor_descendant ON vocab.concept_ancestor (descendant_concept_id);
CREATE INDEX concept_ancestor_ancestor ON vocab.concept_ancestor (ancestor_concept_id);

GRANT CREATE ON SCHEMA vocab TO sanctum_ingest;
DO $$
DECLARE
    table_name text;
BEGIN
    FOREACH table_name IN ARRAY ARRAY['concept', 'concept_relationship', 'concept_ancestor', 'value_set_member', 'release'] LOOP
        EXECUTE format('ALTER TABLE vocab.%I OWNER TO sanctum_ingest', table_name);
        EXECUTE format(
            'GRANT SELECT ON vocab.%I TO sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer', table_name
        );
    END LOOP;
END
$$;
