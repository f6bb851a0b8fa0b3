-- Members of value sets, codes of the site's own map, and how many of these lead to nothing since a release.
SELECT
    (SELECT count(*) FROM vocab.value_set_member) AS value_set_members,
    (SELECT count(*) FROM vocab.source_to_concept_map) AS site_codes,
    (
        SELECT count(*)
        FROM vocab.source_to_concept_map AS map
        WHERE
            map.invalid_reason IS NULL
            AND map.target_concept_id <> 0
            AND NOT EXISTS (
                SELECT 1
                FROM vocab.concept AS target
                WHERE
                    target.concept_id = map.target_concept_id
                    AND target.standard_concept = 'S'
                    AND target.invalid_reason IS NULL
            )
    ) AS site_codes_without_target
