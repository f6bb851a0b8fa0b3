SELECT
    event.bronze_table,
    event.bronze_key,
    event.person_key,
    element.coding ->> 'system' AS system,
    element.coding ->> 'code' AS code
FROM (
    SELECT
        'measurement' AS bronze_table,
        measurement_key AS bronze_key,
        person_key,
        codings
    FROM bronze.measurement
    UNION ALL
    SELECT
        'condition_occurrence',
        condition_occurrence_key,
        person_key,
        codings
    FROM bronze.condition_occurrence
    UNION ALL
    SELECT
        'drug_exposure',
        drug_exposure_key,
        person_key,
        codings
    FROM bronze.drug_exposure
    UNION ALL
    SELECT
        'procedure_occurrence',
        procedure_occurrence_key,
        person_key,
        codings
    FROM bronze.procedure_occurrence
    UNION ALL
    SELECT
        'device_exposure',
        device_exposure_key,
        person_key,
        codings
    FROM bronze.device_exposure
    UNION ALL
    SELECT
        'observation',
        observation_key,
        person_key,
        codings
    FROM bronze.observation
    UNION ALL
    SELECT
        'visit_occurrence',
        visit_occurrence_key,
        person_key,
        type_codings
    FROM bronze.visit_occurrence
    UNION ALL
    SELECT
        'note',
        note_key,
        person_key,
        type_codings
    FROM bronze.note
) AS event
CROSS JOIN LATERAL jsonb_array_elements(event.codings) AS element (coding)
