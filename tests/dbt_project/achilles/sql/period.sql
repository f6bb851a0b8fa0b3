-- Questions about the periods in which persons are observed or insured. Years and months are those in which any period
-- starts, but where they are said to be all.
WITH period AS (
    SELECT
        row_of.person_id,
        row_of.{start} AS starts,
        row_of.{end} AS ends,
        person.gender_concept_id,
        person.year_of_birth,
        row_number() OVER (PARTITION BY row_of.person_id ORDER BY row_of.{start}) AS number
    FROM omop.{table} AS row_of
    LEFT JOIN omop.person USING (person_id)
),

first_period AS (
    SELECT
        *,
        ends - starts AS days,
        extract(YEAR FROM starts)::integer - year_of_birth AS age,
        floor((extract(YEAR FROM starts) - year_of_birth) / 10)::integer AS age_decile
    FROM period WHERE number = 1
),

number AS (
    SELECT 'days of the first' AS question, '{{}}'::text[] AS strata, days AS value FROM first_period
    UNION ALL
    SELECT 'days of the first by gender', ARRAY[gender_concept_id::text], days FROM first_period
    UNION ALL
    SELECT 'days of the first by age', ARRAY[age_decile::text], days FROM first_period
    UNION ALL
    SELECT 'age at the first', '{{}}', age FROM first_period
    UNION ALL
    SELECT 'age at the first by gender', ARRAY[gender_concept_id::text], age FROM first_period
),

start_year AS (
    SELECT DISTINCT date_trunc('year', starts)::date AS day FROM period
),

every_year AS (
    SELECT generate_series(min(day), max(day), '1 year')::date AS day FROM start_year
),

start_month AS (
    SELECT DISTINCT date_trunc('month', starts)::date AS day FROM period
),

every_month AS (
    SELECT generate_series(date_trunc('month', min(starts)), max(ends), '1 month')::date AS day FROM period
)

SELECT
    question, strata, count(*),
    ARRAY[min(value), max(value), avg(value), stddev_samp(value)]
    || percentile_disc(ARRAY[0.5, 0.1, 0.25, 0.75, 0.9]) WITHIN GROUP (ORDER BY value)::double precision[]
FROM number GROUP BY question, strata
UNION ALL
SELECT 'persons by age at the first', ARRAY[age::text], count(*), NULL FROM first_period GROUP BY age
UNION ALL
SELECT 'persons by gender and age at the first', ARRAY[gender_concept_id::text, age::text], count(*), NULL
FROM first_period GROUP BY gender_concept_id, age
UNION ALL
SELECT 'persons by thirties of days of the first', ARRAY[floor(days / 30.0)::text], count(*), NULL
FROM first_period GROUP BY floor(days / 30.0)
UNION ALL
SELECT 'persons by year throughout, all years', ARRAY[to_char(day, 'YYYY')], count(DISTINCT person_id), NULL
FROM every_year INNER JOIN period ON starts <= day AND ends >= day + interval '1 year' - interval '1 day'
GROUP BY day
UNION ALL
SELECT 'persons by year', ARRAY[to_char(day, 'YYYY')], count(DISTINCT person_id), NULL
FROM start_year INNER JOIN period ON starts < day + interval '1 year' AND ends >= day
GROUP BY day
UNION ALL
SELECT
    'persons by year, gender and age',
    ARRAY[
        to_char(day, 'YYYY'), gender_concept_id::text,
        floor((extract(YEAR FROM day) - year_of_birth) / 10)::integer::text
    ],
    count(DISTINCT person_id), NULL
FROM start_year INNER JOIN period ON starts < day + interval '1 year' AND ends >= day
GROUP BY day, gender_concept_id, floor((extract(YEAR FROM day) - year_of_birth) / 10)
UNION ALL
SELECT 'persons by month throughout', ARRAY[to_char(day, 'YYYYMM')], count(DISTINCT person_id), NULL
FROM start_month INNER JOIN period ON starts <= day AND ends >= day + interval '1 month' - interval '1 day'
GROUP BY day
UNION ALL
SELECT 'persons by month, all months', ARRAY[to_char(day, 'YYYYMM')], count(DISTINCT person_id), NULL
FROM every_month INNER JOIN period ON starts < day + interval '1 month' AND ends >= day
GROUP BY day
UNION ALL
SELECT 'persons by month of start', ARRAY[to_char(starts, 'YYYYMM')], count(DISTINCT person_id), NULL
FROM period GROUP BY to_char(starts, 'YYYYMM')
UNION ALL
SELECT 'persons by first day of the month of start', ARRAY[to_char(starts, 'YYYY-MM-01')], count(DISTINCT person_id), NULL
FROM period GROUP BY to_char(starts, 'YYYY-MM-01')
UNION ALL
SELECT 'persons by month of end', ARRAY[to_char(ends, 'YYYYMM')], count(DISTINCT person_id), NULL
FROM period GROUP BY to_char(ends, 'YYYYMM')
UNION ALL
SELECT 'persons by number of periods', ARRAY[periods::text], count(*), NULL
FROM (SELECT max(number) AS periods FROM period GROUP BY person_id) AS counted GROUP BY periods
UNION ALL
SELECT 'persons with a period before their birth', '{{}}', count(*), NULL FROM first_period WHERE age < 0
UNION ALL
SELECT 'periods that end before they start', '{{}}', count(*), NULL FROM period WHERE ends < starts
UNION ALL
SELECT 'periods of no person', '{{}}', count(*), NULL FROM period WHERE year_of_birth IS NULL
UNION ALL
SELECT 'periods by concept', ARRAY[{concept}::text], count(*), NULL FROM omop.{table} GROUP BY {concept}
