SELECT
    NULL::bigint AS note_nlp_id,
    NULL::bigint AS note_id,
    NULL::integer AS section_concept_id,
    NULL::text AS snippet,
    NULL::text AS "offset",
    NULL::text AS lexical_variant,
    NULL::integer AS note_nlp_concept_id,
    NULL::integer AS note_nlp_source_concept_id,
    NULL::text AS nlp_system,
    NULL::date AS nlp_date,
    NULL::timestamp AS nlp_datetime,
    NULL::text AS term_exists,
    NULL::text AS term_temporal,
    NULL::text AS term_modifiers
WHERE FALSE
