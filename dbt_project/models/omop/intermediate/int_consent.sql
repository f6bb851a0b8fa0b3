{{ config(post_hook=[
    "{{ publish('access.consent', "
    "['person_id', 'code', 'decision', 'starts_on', 'ends_on', 'decided_at', 'origin'], ['ends_on']) }}",
    "{{ follow_merges() }}",
]) }}
-- What consents of the source decide about labels. A permission counts where it is active and nothing limits it, nor
-- what it is nested in, to a purpose, an action, an actor or a part of the record; a denial counts however it is
-- limited.
WITH RECURSIVE
consent AS (
    SELECT
        consent.consent_key,
        crosswalk.person_id,
        consent.policy_codings,
        coalesce(consent.consent_date, consent.known_at::date) AS consent_date,
        -- When the person decided, not when we heard of it: an old consent may arrive late.
        least(coalesce(consent.decided_at, consent.known_at), consent.known_at) AS decided_at
    FROM {{ source('bronze', 'consent') }} AS consent
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON consent.person_key = crosswalk.person_key
    WHERE consent.status = 'active' AND coalesce(consent.consent_date, consent.known_at::date) IS NOT NULL
),

own AS (
    SELECT
        provision.consent_provision_key,
        provision.parent_provision_key,
        provision.consent_key,
        provision.provision_type,
        provision.start_date,
        provision.end_date,
        provision.security_labels,
        provision.has_actors
        OR provision.has_other_limits
        OR provision.purpose_codings IS NOT NULL
        OR provision.action_codings IS NOT NULL AS is_limited
    FROM {{ source('bronze', 'consent_provision') }} AS provision
),

-- A nested provision is an exception within what it is nested in (FHIR R4 Consent.provision.provision), and decides
-- over it: a later microsecond a level.
provision AS (
    SELECT
        own.consent_provision_key,
        consent.person_id,
        consent.decided_at,
        own.provision_type,
        coalesce(own.start_date, consent.consent_date) AS starts_on,
        own.end_date AS ends_on,
        own.is_limited,
        -- A provision without a label is about what the policy names.
        coalesce(own.security_labels, consent.policy_codings) AS about
    FROM consent
    INNER JOIN own ON consent.consent_key = own.consent_key AND own.parent_provision_key IS NULL
    UNION ALL
    SELECT
        own.consent_provision_key,
        provision.person_id,
        provision.decided_at + interval '1 microsecond' AS decided_at,
        own.provision_type,
        greatest(own.start_date, provision.starts_on) AS starts_on,
        least(own.end_date, provision.ends_on) AS ends_on,
        own.is_limited OR provision.is_limited AS is_limited,
        coalesce(own.security_labels, provision.about) AS about
    FROM provision
    INNER JOIN own ON provision.consent_provision_key = own.parent_provision_key
),

named AS (
    SELECT
        provision.consent_provision_key,
        known.code,
        element.coding ->> 'system' = known.code_system AS is_of_its_system
    FROM provision
    CROSS JOIN LATERAL jsonb_array_elements(provision.about) AS element (coding)
    INNER JOIN {{ source('access', 'sensitivity') }} AS known ON element.coding ->> 'code' = known.code
),

-- What names no label we know is, as a denial, about all that is labelled.
about AS (
    SELECT
        consent_provision_key,
        code,
        is_of_its_system
    FROM named
    UNION ALL
    SELECT
        provision.consent_provision_key,
        known.code,
        FALSE AS is_of_its_system
    FROM provision
    CROSS JOIN {{ source('access', 'sensitivity') }} AS known
    WHERE
        known.hides_rows
        AND NOT EXISTS (
            SELECT 1 FROM named
            WHERE provision.consent_provision_key = named.consent_provision_key
        )
)

SELECT DISTINCT
    provision.person_id,
    about.code,
    provision.provision_type AS decision,
    provision.starts_on,
    provision.ends_on,
    provision.decided_at,
    'source' AS origin
FROM provision
INNER JOIN about ON provision.consent_provision_key = about.consent_provision_key
WHERE
    provision.provision_type = 'deny'
    OR (provision.provision_type = 'permit' AND NOT provision.is_limited AND about.is_of_its_system)
