"""Organization, Location → care_site, location; Practitioner → provider."""

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    all_codings,
    codings,
    local_date,
    reference_key,
)
from pipelines.fhir.mapping.result import Mapped, Row
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_NPI = "http://hl7.org/fhir/sid/us-npi"


def organization(resource: Resource, context: Context, _: Profile) -> Mapped:
    """A care site with its address."""
    address = (resource.get("address") or [None])[0]
    place = all_codings(resource.get("type"))
    parent = reference_key(context, resource.get("partOf"), "Organization")
    return Mapped(_care_site(resource, context, address, place, parent))


def location(resource: Resource, context: Context, _: Profile) -> Mapped:
    """A care site within its part-of location or managing organisation, with its address."""
    parent = reference_key(context, resource.get("partOf"), "Location") or reference_key(
        context, resource.get("managingOrganization"), "Organization"
    )
    place = all_codings(resource.get("type")) or codings(resource.get("physicalType")) or None
    return Mapped(_care_site(resource, context, resource.get("address"), place, parent))


def _care_site(
    resource: Resource,
    context: Context,
    address: Resource | None,
    place: list[dict[str, str]] | None,
    parent: int | None,
) -> dict[str, list[Row]]:
    where: list[Row] = []
    if address:
        where.append(
            {
                "location_key": derived_key(str(context.key), "address"),
                "city": address.get("city"),
                "state": address.get("state"),
                "zip": address.get("postalCode"),
                "county": address.get("district"),
                "country": address.get("country"),
            }
        )
    site: Row = {
        "care_site_key": context.key,
        "care_site_name": resource.get("name"),
        "place_of_service_codings": place,
        "location_key": where[0]["location_key"] if where else None,
        "parent_care_site_key": parent,
    }
    return {"care_site": [site], "location": where, "reference_alias": alias_rows(context, resource)}


def practitioner(resource: Resource, context: Context, _: Profile) -> Mapped:
    """A provider: NPI, gender, year of birth; names stay in landing."""
    identifiers = resource.get("identifier") or ()
    born = local_date(resource.get("birthDate"))
    provider: Row = {
        "provider_key": context.key,
        "npi": next(
            (str(part["value"]) for part in identifiers if part.get("system") == _NPI and "value" in part), None
        ),
        "specialty_codings": codings(*(part.get("code") for part in resource.get("qualification") or ())) or None,
        "gender_source_value": resource.get("gender"),
        "year_of_birth": born.year if born else None,
    }
    return Mapped({"provider": [provider], "reference_alias": alias_rows(context, resource)})
