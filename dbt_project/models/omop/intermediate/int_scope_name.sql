{{ config(post_hook="{{ publish('access.scope_name', ['scope_name', 'scope_id']) }}") }}
-- What an access policy calls a care site, care team or provider.
SELECT
    source_system || '|' || resource_type || '/' || resource_id AS scope_name,
    resource_key AS scope_id
FROM {{ source('bronze', 'resource') }}
WHERE
    resource_type IN ('Organization', 'Location', 'CareTeam', 'Practitioner', 'PractitionerRole')
    AND outcome = 'loaded'
