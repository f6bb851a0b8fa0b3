-- Questions that are asked of every event table: question, strata, count, distribution (minimum, maximum, mean, standard
-- deviation, median, percentiles 10, 25, 75 and 90). Where Achilles counts observed events alone, so does this.
WITH observed AS (
    SELECT * FROM event WHERE observed
),

concepts_of_person AS (
    SELECT count(DISTINCT concept_id) AS value FROM observed GROUP BY person_id
),

first_age AS (
    SELECT concept_id, gender_concept_id, min(year) - year_of_birth AS value
    FROM observed WHERE has_person
    GROUP BY person_id, concept_id, gender_concept_id, year_of_birth
),

age AS (
    SELECT gender_concept_id, min(year) - year_of_birth AS value
    FROM observed WHERE has_person
    GROUP BY person_id, gender_concept_id, year_of_birth
),

records_of_person AS (
    SELECT concept_id, person_id, count(*) AS records FROM observed GROUP BY concept_id, person_id
),

concept_of_person AS (
    SELECT person_id, concept_id, count(*) AS records FROM event WHERE concept_id <> 0 GROUP BY person_id, concept_id
),

outside AS (
    SELECT
        count(*) AS records,
        count(DISTINCT person_id) AS persons,
        count(*) FILTER (WHERE NOT observed) AS records_outside,
        count(DISTINCT person_id) FILTER (WHERE NOT observed) AS persons_outside
    FROM event
)

SELECT 'persons by concept', ARRAY[concept_id::text], count(DISTINCT person_id), NULL::double precision[]
FROM observed GROUP BY concept_id
UNION ALL
SELECT 'records by concept', ARRAY[concept_id::text], count(*), NULL
FROM observed GROUP BY concept_id
UNION ALL
SELECT 'persons by concept and month', ARRAY[concept_id::text, month], count(DISTINCT person_id), NULL
FROM observed GROUP BY concept_id, month
UNION ALL
SELECT 'persons by month', ARRAY[month], count(DISTINCT person_id), NULL
FROM observed GROUP BY month
UNION ALL
SELECT
    'distinct concepts of a person', '{{}}', count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)::double precision[]
FROM concepts_of_person HAVING count(*) > 0
UNION ALL
SELECT
    'persons by concept, year, gender and age',
    ARRAY[concept_id::text, year::text, gender_concept_id::text, age_decile::text],
    count(DISTINCT person_id), NULL
FROM observed WHERE has_person GROUP BY concept_id, year, gender_concept_id, age_decile
UNION ALL
SELECT
    'persons by year, gender and age', ARRAY[year::text, gender_concept_id::text, age_decile::text],
    count(DISTINCT person_id), NULL
FROM observed WHERE has_person GROUP BY year, gender_concept_id, age_decile
UNION ALL
SELECT
    'persons by year, gender and age, observed or not',
    ARRAY[year::text, gender_concept_id::text, age_decile::text], count(DISTINCT person_id), NULL
FROM event WHERE has_person GROUP BY year, gender_concept_id, age_decile
UNION ALL
SELECT 'records by concept and type', ARRAY[concept_id::text, type_concept_id::text], count(*), NULL
FROM observed GROUP BY concept_id, type_concept_id
UNION ALL
SELECT 'records by type', ARRAY[type_concept_id::text], count(*), NULL
FROM observed GROUP BY type_concept_id
UNION ALL
SELECT
    'age at the first by concept and gender', ARRAY[concept_id::text, gender_concept_id::text], count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)::double precision[]
FROM first_age GROUP BY concept_id, gender_concept_id
UNION ALL
SELECT
    'age by gender', ARRAY[gender_concept_id::text], count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)::double precision[]
FROM age GROUP BY gender_concept_id
UNION ALL
SELECT
    'days by concept', ARRAY[concept_id::text], count(*),
    ARRAY[min(end_date - start_date), max(end_date - start_date), avg(end_date - start_date),
          stddev_samp(end_date - start_date)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY end_date - start_date)::double precision[]
FROM observed WHERE end_date IS NOT NULL GROUP BY concept_id
UNION ALL
SELECT 'records by month', ARRAY[month], count(*), NULL
FROM observed GROUP BY month
UNION ALL
SELECT 'persons by year', ARRAY[year::text], count(DISTINCT person_id), NULL
FROM observed GROUP BY year
UNION ALL
SELECT 'records by source concept', ARRAY[source_concept_id::text], count(*), NULL
FROM observed GROUP BY source_concept_id
UNION ALL
SELECT 'records by source concept, observed or not', ARRAY[source_concept_id::text], count(*), NULL
FROM event GROUP BY source_concept_id
UNION ALL
SELECT
    'persons with so many records of a concept', ARRAY[concept_id::text, records::text],
    sum(count(*)) OVER (PARTITION BY concept_id ORDER BY records DESC)::bigint, NULL
FROM records_of_person GROUP BY concept_id, records
UNION ALL
-- Every pair: which of them are the ten most frequent is left to who compares, since they may tie.
SELECT
    'pairs of concepts', ARRAY[one.concept_id::text, other.concept_id::text, NULL, count(*)::text,
    sum(one.records * other.records)::text], count(*), NULL
FROM concept_of_person AS one
INNER JOIN concept_of_person AS other ON one.person_id = other.person_id AND one.concept_id <> other.concept_id
GROUP BY one.concept_id, other.concept_id
UNION ALL
SELECT 'records of no person', '{{}}', count(*), NULL FROM event WHERE NOT has_person
UNION ALL
SELECT 'records outside of observation', '{{}}', records_outside, NULL FROM outside
UNION ALL
SELECT 'records within observation', '{{}}', records - records_outside, NULL FROM outside
UNION ALL
SELECT 'records', '{{}}', records, NULL FROM outside
UNION ALL
SELECT
    'share of persons outside of observation',
    ARRAY[(persons_outside::double precision / nullif(persons, 0))::text, persons_outside::text, persons::text],
    sign(persons_outside)::bigint, NULL
FROM outside
UNION ALL
SELECT
    'share of records outside of observation',
    ARRAY[(records_outside::double precision / nullif(records, 0))::text, records_outside::text, records::text],
    sign(records_outside)::bigint, NULL
FROM outside
UNION ALL
SELECT 'records that end before they start', '{{}}', count(*), NULL FROM event WHERE end_date < start_date
UNION ALL
SELECT 'records of no provider', '{{}}', count(*), NULL
FROM event WHERE provider_id NOT IN (SELECT provider_id FROM omop.provider)
UNION ALL
SELECT 'records of no visit', '{{}}', count(*), NULL
FROM event WHERE visit_occurrence_id NOT IN (SELECT visit_occurrence_id FROM omop.visit_occurrence)
UNION ALL
SELECT 'records of no care site', '{{}}', count(*), NULL
FROM event WHERE care_site_id NOT IN (SELECT care_site_id FROM omop.care_site)
UNION ALL
SELECT 'persons', '{{}}', count(DISTINCT person_id), NULL FROM observed
