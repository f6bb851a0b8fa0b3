{#- One CDM row as it is named in deciding_rows. -#}
{% macro deciding_row(relation) -%}
    jsonb_build_array(jsonb_build_object('cdm_table', {{ relation }}.cdm_table, 'cdm_id', {{ relation }}.cdm_id))
{%- endmacro %}

{#- A value set, in words. -#}
{% macro in_words(value_set) -%}
    replace({{ value_set }}, '_', ' ')
{%- endmacro %}

{#- Names as SQL lists them. -#}
{% macro listed(names) -%}
    (
        '{{ names | join("',\n        '") }}'
    )
{%- endmacro %}

{#- Texts of a list in JSON; none: an empty array. -#}
{% macro texts_of(column) -%}
    ARRAY(SELECT jsonb_array_elements_text(coalesce({{ column }}, '[]'::jsonb)))
{%- endmacro %}

{#- Intents of a request that orders: the logic counts no plan and no proposal. -#}
{% macro order_intents() -%}
    ('order', 'original-order', 'reflex-order', 'filler-order', 'instance-order')
{%- endmacro %}

{#- Statuses of an Observation that stands. -#}
{% macro final_statuses() -%}
    ('final', 'amended', 'corrected')
{%- endmacro %}

{#- The encounters of the shared library AdultOutpatientEncounters. -#}
{% macro adult_outpatient_encounters() -%}
    {{ return([
        'office_visit', 'annual_wellness_visit', 'preventive_care_established', 'preventive_care_initial',
        'home_healthcare', 'virtual_encounter', 'telephone_visit'
    ]) }}
{%- endmacro %}

{#- Each person's first qualifying encounter among these value sets. -#}
{% macro first_encounter(value_sets) -%}
SELECT DISTINCT ON (person_id)
    person_id,
    cdm_table,
    cdm_id,
    code,
    start_date
FROM {{ ref('qualifying_encounter') }}
WHERE value_set IN {{ listed(value_sets) }}
ORDER BY person_id, start_date, cdm_table, cdm_id, code
{%- endmacro %}

{#- Events of these value sets with their persons, each by the name event and person. -#}
{% macro events(value_sets) -%}
FROM {{ ref('measure_event') }} AS event
INNER JOIN {{ ref('measure_person') }} AS person
    ON event.person_id = person.person_id AND event.value_set IN {{ listed(value_sets) }}
{%- endmacro %}

{#- Of each person the first of the conditions in these value sets that meet a criterion; kind, if given, says in words
    what the condition is: else the value set's name does. -#}
{% macro first_condition(value_sets, criterion, kind=none) -%}
SELECT DISTINCT ON (event.person_id)
    event.person_id,
    event.cdm_table,
    event.cdm_id,
    event.code,
    event.start_date,
    {{ "'" ~ kind ~ "'" if kind else in_words('event.value_set') }}
    || ' by ' || event.code || ' on ' || event.start_date AS reason
{{ events(value_sets) }}
WHERE event.bronze_table = 'condition_occurrence' AND {{ criterion }}
ORDER BY event.person_id, event.start_date, event.cdm_table, event.cdm_id, event.value_set
{%- endmacro %}

{#- Whether a condition's prevalence has a day in common with the measurement period. -#}
{% macro is_prevalent() -%}
    event.start_date <= person.period_end
    AND event.prevalence_end_date >= person.period_start
{%- endmacro %}

{#- An event as an exclusion of the measure's own: which rule, in words. -#}
{% macro own_exclusion(rule=none) -%}
event.person_id,
    {{ "'" ~ rule ~ "'" if rule else in_words('event.value_set') }} AS rule,
    event.start_date AS first_date,
    {{ "'" ~ rule ~ "'" if rule else in_words('event.value_set') }}
    || ' by ' || event.code || ' on ' || event.start_date AS reason,
    {{ deciding_row('event') }} AS deciding_rows
{%- endmacro %}

{#- Each person's denominator exclusion: the first by name among the shared rules and the measure's own. -#}
{% macro first_exclusion(rules, own) -%}
SELECT DISTINCT ON (person_id)
    person_id,
    reason,
    deciding_rows
FROM (
    SELECT
        person_id,
        rule,
        first_date,
        reason,
        deciding_rows
    FROM {{ ref('person_exclusion') }}
    WHERE rule IN {{ listed(rules) }}
    {%- if own %}
    UNION ALL
    SELECT
        person_id,
        rule,
        first_date,
        reason,
        deciding_rows
    FROM {{ own }}
    {%- endif %}
) AS exclusion
ORDER BY person_id, rule, first_date, deciding_rows
{%- endmacro %}

{#- The exclusions that most screenings of older adults share. -#}
{% macro exclusions_of_older_adults() -%}
    {{ return(['hospice care', 'palliative care', 'long-term nursing home resident', 'frailty with advanced illness']) }}
{%- endmacro %}

{#- The populations of one group after precedence. From a CTE with, of each person:
    ineligible_reason: why not in the initial population; null: is in it
    population_reason, population_rows: what put the person into it
    exclusion_reason, exclusion_rows: null: not excluded
    is_numerator, outcome_reason, outcome_rows: whether the numerator is met, and by what
    exception_reason, exception_rows: where the measure has exceptions; null: none applies
    last_event_date: day of the event that decided the numerator.
    Source: HL7 Quality Measure IG, proportion measures: a population counts only who is not in one before it. -#}
{% macro measure_result(measure_id, group_number=1, relation='judged', denominator='TRUE', has_exception=false) -%}
SELECT
    person_id,
    '{{ measure_id }}' AS measure_id,
    {{ group_number }} AS group_number,
    ineligible_reason IS NULL AS initial_population,
    ineligible_reason IS NULL AND {{ denominator }} AS denominator,
    ineligible_reason IS NULL AND {{ denominator }} AND exclusion_reason IS NOT NULL AS denominator_exclusion,
    {% if has_exception -%}
    ineligible_reason IS NULL AND {{ denominator }} AND exclusion_reason IS NULL
    AND NOT is_numerator AND exception_reason IS NOT NULL
    {%- else -%}
    NULL::boolean
    {%- endif %} AS denominator_exception,
    ineligible_reason IS NULL AND {{ denominator }} AND exclusion_reason IS NULL AND is_numerator AS numerator,
    NULL::boolean AS numerator_exclusion,
    CASE
        WHEN ineligible_reason IS NOT NULL THEN ineligible_reason
        WHEN NOT {{ denominator }} THEN population_reason || '; not in this denominator; ' || outcome_reason
        WHEN exclusion_reason IS NOT NULL THEN population_reason || '; excluded: ' || exclusion_reason
        {% if has_exception -%}
        WHEN NOT is_numerator AND exception_reason IS NOT NULL
            THEN population_reason || '; ' || outcome_reason || '; exception: ' || exception_reason
        {% endif -%}
        ELSE population_reason || '; ' || outcome_reason
    END AS reason,
    CASE
        WHEN ineligible_reason IS NOT NULL THEN '[]'::jsonb
        WHEN exclusion_reason IS NOT NULL THEN population_rows || exclusion_rows
        {% if has_exception -%}
        WHEN NOT is_numerator AND exception_reason IS NOT NULL
            THEN population_rows || coalesce(outcome_rows, '[]'::jsonb) || exception_rows
        {% endif -%}
        ELSE population_rows || coalesce(outcome_rows, '[]'::jsonb)
    END AS deciding_rows,
    last_event_date
FROM {{ relation }}
{%- endmacro %}

{#- Classes of encounters that are stays in a hospital or an emergency department; EMER-IMP is one that became the other. -#}
{% macro acute_classes() -%}
    ('EMER', 'EMER-IMP', 'IMP', 'ACUTE', 'NONAC', 'PRENC', 'SS')
{%- endmacro %}

{#- Whether what an encounter is can be told by its class alone: it states no type, as in HL7 v2, or the site has no value
    set of inpatient encounters to know one by. -#}
{% macro is_known_by_class(encounter) -%}
(
    coalesce({{ encounter }}.codings, '[]'::jsonb) = '[]'::jsonb
    OR NOT EXISTS (
        SELECT
        FROM {{ ref('value_set') }} AS listed
        WHERE listed.name = 'encounter_inpatient'
    )
)
{%- endmacro %}

{#- CTEs code_in_use and matched: each code of a relation with columns system and code once, and the value sets it is in. -#}
{% macro matched_codes(relation) -%}
code_in_use AS (
    SELECT DISTINCT
        coding.system,
        coding.code,
        coalesce(code_system.vocabulary_id, coding.system) AS vocabulary_id
    FROM {{ relation }} AS coding
    LEFT JOIN {{ ref('code_system') }} AS code_system ON coding.system = code_system.system
),

matched AS (
    SELECT DISTINCT
        value_set.name,
        code_in_use.system,
        code_in_use.code
    FROM code_in_use
    INNER JOIN {{ ref('value_set') }} AS value_set
        ON
            code_in_use.vocabulary_id = value_set.vocabulary_id
            AND (
                code_in_use.code = value_set.code
                OR (value_set.is_prefix AND starts_with(code_in_use.code, value_set.code))
            )
)
{%- endmacro %}
