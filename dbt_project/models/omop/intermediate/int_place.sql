-- Where encounters happened, as it was when this build began to read it.
SELECT
    visit_detail_key,
    resource_key,
    person_key,
    visit_occurrence_key,
    care_site_key,
    visit_detail_source_value,
    visit_detail_start_date,
    visit_detail_start_datetime,
    visit_detail_end_date,
    visit_detail_end_datetime
FROM {{ source('bronze', 'visit_detail') }}
