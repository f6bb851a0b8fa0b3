-- An address is one location whoever lives there: its values are its key.
SELECT
    location_key,
    resource_key,
    {{ hashed_key(["coalesce(city, '')", "coalesce(state, '')", "coalesce(zip, '')", "coalesce(county, '')",
        "coalesce(country, '')"]) }} AS location_id,
    city,
    state,
    zip,
    county,
    country
FROM {{ source('bronze', 'location') }}
