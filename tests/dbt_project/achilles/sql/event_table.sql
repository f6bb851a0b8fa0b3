-- One event table, with what most analyses ask of an event: whose it is, when, and whether the person was observed.
CREATE TEMPORARY TABLE event AS
SELECT
    {key} AS event_id,
    row_of.person_id,
    {concept} AS concept_id,
    {type} AS type_concept_id,
    {source} AS source_concept_id,
    {start} AS start_date,
    {end} AS end_date,
    {visit} AS visit_occurrence_id,
    {provider} AS provider_id,
    {care_site} AS care_site_id,
    extract(YEAR FROM {start})::integer AS year,
    to_char({start}, 'YYYYMM') AS month,
    person.person_id IS NOT NULL AS has_person,
    person.gender_concept_id,
    person.year_of_birth,
    floor((extract(YEAR FROM {start}) - person.year_of_birth) / 10)::integer AS age_decile,
    EXISTS (
        SELECT FROM omop.observation_period AS period
        WHERE
            period.person_id = row_of.person_id
            AND {start} BETWEEN period.observation_period_start_date AND period.observation_period_end_date
    ) AS observed
FROM omop.{table} AS row_of
LEFT JOIN omop.person USING (person_id)
