"""Organization, Location → care_site, location; Practitioner → provider; PractitionerRole → provider_role."""

import re

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    all_codings,
    codings,
    local_date,
    period_of,
    reference_key,
)
from pipelines.fhir.mapping.result import Mapped, Row
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key, resource_key

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
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


def practitioner_role(resource: Resource, context: Context, _: Profile) -> Mapped:
    """What a practitioner does for an organisation: specialty, place and period.

    A reference by ``urn:uuid:`` doesn't say that it means a role; it is taken for a practitioner's, so a role whose id
    is a UUID is known by that key too.
    """
    start, end = period_of(resource.get("period"))
    places = [reference_key(context, resource.get("organization"), "Organization")]
    places += [reference_key(context, part, "Location") for part in resource.get("location") or ()]
    role: Row = {
        "provider_role_key": context.key,
        "provider_key": reference_key(context, resource.get("practitioner"), "Practitioner"),
        "care_site_key": next((key for key in places if key is not None), None),
        "specialty_codings": all_codings(resource.get("specialty")),
        "is_active": resource.get("active") is not False,
        "start_date": start,
        "end_date": end,
    }
    aliases = alias_rows(context, resource)
    if _UUID.fullmatch(str(resource["id"])):
        alias = resource_key(context.source_system, "Practitioner", str(resource["id"]))
        aliases.append({"reference_alias_key": derived_key(str(context.key), str(alias)), "alias_key": alias})
    return Mapped({"provider_role": [role], "reference_alias": aliases})
