{{ config(post_hook="{{ publish('access.person_scope', ['person_id', 'scope_id']) }}") }}
-- In whose care a person is: care sites of its visits of the last years and of its registration, the organisations
-- above them, its active care teams and who takes part in them, and its general practitioner. Whoever takes part by a
-- role takes part as the practitioner too, while the role is in force.
WITH
team AS (
    SELECT
        team.care_team_key,
        crosswalk.person_id,
        team.care_site_key
    FROM {{ source('bronze', 'care_team') }} AS team
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON team.person_key = crosswalk.person_key
    WHERE
        team.status = 'active'
        AND coalesce(team.start_date, {{ access_day() }}) <= {{ access_day() }}
        AND coalesce(team.end_date, {{ access_day() }}) >= {{ access_day() }}
),

participant AS (
    SELECT
        team.person_id,
        participant.provider_key,
        participant.care_site_key
    FROM team
    INNER JOIN {{ source('bronze', 'care_team_participant') }} AS participant
        ON team.care_team_key = participant.care_team_key
    WHERE
        coalesce(participant.start_date, {{ access_day() }}) <= {{ access_day() }}
        AND coalesce(participant.end_date, {{ access_day() }}) >= {{ access_day() }}
),

role AS (
    SELECT
        provider_role_key,
        provider_key
    FROM {{ ref('int_provider_role') }}
    WHERE
        is_active
        AND coalesce(start_date, {{ access_day() }}) <= {{ access_day() }}
        AND coalesce(end_date, {{ access_day() }}) >= {{ access_day() }}
),

-- As the source names it: a role that is over has a provider, but leads to nobody's access.
general_practitioner AS (
    SELECT
        person.person_id,
        coalesce(alias.resource_key, registered.provider_key) AS scope_key
    FROM {{ ref('person') }} AS person
    INNER JOIN {{ source('bronze', 'person') }} AS registered ON person.person_id = registered.person_key
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON registered.provider_key = alias.alias_key
),

named AS (
    SELECT
        person_id,
        care_site_id AS scope_key
    FROM {{ ref('person') }}
    UNION
    SELECT
        general_practitioner.person_id,
        general_practitioner.scope_key
    FROM general_practitioner
    INNER JOIN {{ ref('provider') }} AS provider ON general_practitioner.scope_key = provider.provider_id
    UNION
    SELECT
        general_practitioner.person_id,
        general_practitioner.scope_key
    FROM general_practitioner
    INNER JOIN {{ ref('int_provider_role') }} AS known ON general_practitioner.scope_key = known.provider_role_key
    UNION
    SELECT
        person_id,
        care_site_id AS scope_key
    FROM {{ ref('visit_occurrence') }}
    WHERE visit_start_date >= {{ access_day() }} - {{ var('care_relationship_days') }}
    UNION
    SELECT
        person_id,
        care_site_id AS scope_key
    FROM {{ ref('visit_detail') }}
    WHERE visit_detail_start_date >= {{ access_day() }} - {{ var('care_relationship_days') }}
    UNION
    SELECT
        person_id,
        care_team_key AS scope_key
    FROM team
    UNION
    SELECT
        person_id,
        care_site_key AS scope_key
    FROM team
    UNION
    SELECT
        person_id,
        provider_key AS scope_key
    FROM participant
    UNION
    SELECT
        person_id,
        care_site_key AS scope_key
    FROM participant
),

scope AS (
    SELECT
        named.person_id,
        coalesce(alias.resource_key, named.scope_key) AS scope_id
    FROM named
    LEFT JOIN {{ ref('int_reference_alias') }} AS alias ON named.scope_key = alias.alias_key
    WHERE named.scope_key IS NOT NULL
)

SELECT
    person_id,
    scope_id
FROM scope
UNION
SELECT
    scope.person_id,
    role.provider_key AS scope_id
FROM scope
INNER JOIN role ON scope.scope_id = role.provider_role_key
WHERE role.provider_key IS NOT NULL
UNION
SELECT
    scope.person_id,
    above.parent_care_site_key AS scope_id
FROM scope
INNER JOIN {{ ref('int_care_site_parent') }} AS above ON scope.scope_id = above.care_site_key
