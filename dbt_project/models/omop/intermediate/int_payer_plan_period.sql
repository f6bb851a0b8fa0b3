-- Coverages with a first day and an end: one that is open lasts until this build's day, but of one that was cancelled
-- nobody knows until when.
SELECT
    coverage.payer_plan_period_key,
    coverage.resource_key,
    crosswalk.person_id,
    coverage.status,
    coverage.start_date,
    greatest(coverage.start_date, coalesce(coverage.end_date, {{ as_of() }})) AS end_date,
    coverage.type_codings,
    coalesce(alias.resource_key, coverage.care_site_key) AS care_site_key,
    coverage.payer_name,
    coverage.plan_name
FROM {{ source('bronze', 'payer_plan_period') }} AS coverage
INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON coverage.person_key = crosswalk.person_key
LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON coverage.care_site_key = alias.alias_key
WHERE
    coverage.start_date IS NOT NULL
    AND (coverage.end_date IS NOT NULL OR coverage.status <> 'cancelled')
