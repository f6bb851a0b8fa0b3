{{ config(
    post_hook="{{ publish('access.consent', "
    "['person_id', 'code', 'decision', 'starts_on', 'ends_on', 'decided_at', 'origin'], ['ends_on']) }}"
) }}
-- What consents of the source decide about labels. A permission counts where it is active and nothing limits it to a
-- purpose, an action, an actor or a part of the record; a denial counts however it is limited.
WITH
consent AS (
    SELECT
        consent.consent_key,
        crosswalk.person_id,
        consent.policy_codings,
        coalesce(consent.consent_date, consent.known_at::date) AS consent_date,
        coalesce(consent.known_at, consent.consent_date) AS decided_at
    FROM {{ source('bronze', 'consent') }} AS consent
    INNER JOIN {{ ref('person_crosswalk') }} AS crosswalk ON consent.person_key = crosswalk.person_key
    WHERE consent.status = 'active' AND coalesce(consent.consent_date, consent.known_at::date) IS NOT NULL
),

provision AS (
    SELECT
        consent.person_id,
        consent.consent_date,
        consent.decided_at,
        provision.provision_type,
        coalesce(provision.start_date, consent.consent_date) AS starts_on,
        provision.end_date AS ends_on,
        provision.provision_type = 'deny'
        OR NOT (
            provision.has_actors
            OR provision.has_other_limits
            OR jsonb_array_length(coalesce(provision.purpose_codings, '[]')) > 0
            OR jsonb_array_length(coalesce(provision.action_codings, '[]')) > 0
        ) AS counts,
        -- A provision without a label is about what the policy names.
        CASE
            WHEN jsonb_array_length(coalesce(provision.security_labels, '[]')) > 0 THEN provision.security_labels
            ELSE consent.policy_codings
        END AS about
    FROM consent
    INNER JOIN {{ source('bronze', 'consent_provision') }} AS provision
        ON consent.consent_key = provision.consent_key
    WHERE provision.provision_type IS NOT NULL
)

SELECT DISTINCT
    provision.person_id,
    known.code,
    provision.provision_type AS decision,
    provision.starts_on,
    provision.ends_on,
    provision.decided_at,
    'source' AS origin
FROM provision
CROSS JOIN LATERAL jsonb_array_elements(provision.about) AS element (coding)
INNER JOIN {{ source('access', 'sensitivity') }} AS known ON element.coding ->> 'code' = known.code
WHERE provision.counts
