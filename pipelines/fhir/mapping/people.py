"""Patient → person, person_link, person_identifier, location. Source: US Core Patient; OMOP CDM 5.4 person."""

from datetime import date
from typing import Any

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    canonical_authority,
    codings,
    extension,
    last_date,
    local_date,
    local_datetime,
    practitioner_key,
    reference_key,
    reference_type,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
_BIRTH_TIME = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"
_BIRTH_SEX = {"M": "male", "F": "female"}


def patient(resource: Resource, context: Context, _: Profile) -> Mapped | Excluded:
    """A person with identifiers and home address, and with whom they are one.

    Without a birth date there is no year_of_birth, hence no person, unless a link says who they are: of a record that
    was merged away a server may leave no more than that.
    """
    born = str(resource.get("birthDate") or "")
    birth_date = local_date(born)
    merged_into, links = _merged_into(resource, context), _links(resource, context)
    if birth_date is None and merged_into is None and not links:
        return Excluded("no_birth_date", context.key)
    address = _home_address(resource)
    location = _location(context, address) if address else None
    person: Row = {
        "person_key": context.key,
        "gender_source_value": _gender(resource),
        "sex_code": _sex_code(resource),
        "year_of_birth": birth_date.year if birth_date else None,
        "month_of_birth": birth_date.month if birth_date and len(born) >= 7 else None,
        "day_of_birth": birth_date.day if birth_date and len(born) >= 10 else None,
        "birth_datetime": _birth_datetime(resource),
        "race_codings": _omb_codings(resource, "us-core-race"),
        "ethnicity_codings": _omb_codings(resource, "us-core-ethnicity"),
        "deceased": bool(resource.get("deceasedBoolean") or resource.get("deceasedDateTime")),
        "death_date": local_date(resource.get("deceasedDateTime")),
        "death_datetime": local_datetime(resource.get("deceasedDateTime")),
        "location_key": location["location_key"] if location else None,
        "provider_key": practitioner_key(context, *(resource.get("generalPractitioner") or ())),
        "care_site_key": reference_key(context, resource.get("managingOrganization"), "Organization"),
        "merged_into_person_key": merged_into,
    }
    rows = {
        "person": [person],
        "person_link": links,
        "person_identifier": _identifiers(resource, context),
        "reference_alias": alias_rows(context, resource),
        "location": [location] if location else [],
    }
    return Mapped(rows, context.key)


def _gender(resource: Resource) -> str | None:
    if resource.get("gender"):
        return str(resource["gender"])
    sex = extension(resource, f"{_US_CORE}us-core-birthsex")
    return _BIRTH_SEX.get(str((sex or {}).get("valueCode")))


def _sex_code(resource: Resource) -> str | None:
    """Code of US Core's extension for the sex that care goes by. Source: US Core Sex Extension, 8.0.0."""
    found = extension(resource, f"{_US_CORE}us-core-sex") or {}
    code = found.get("valueCode") or (found.get("valueCoding") or {}).get("code")
    return None if code is None else str(code)


def _birth_datetime(resource: Resource) -> Any:
    found = extension(resource.get("_birthDate") or {}, _BIRTH_TIME)
    return local_datetime((found or {}).get("valueDateTime"))


def _omb_codings(resource: Resource, name: str) -> list[dict[str, str]] | None:
    found = extension(resource, f"{_US_CORE}{name}")
    if found is None:
        return None
    categories = [part["valueCoding"] for part in found.get("extension") or () if part.get("url") == "ombCategory"]
    return codings({"coding": categories}) or None


def _home_address(resource: Resource) -> Resource | None:
    """The current home address, else the first current one.

    Current on the day the source last knew: mapping has no clock of its own. Where that isn't said, whatever has an
    end is over.
    """
    known = local_date((resource.get("meta") or {}).get("lastUpdated"))
    current = [part for part in resource.get("address") or () if _is_current(part, known)]
    return next((part for part in current if part.get("use") == "home"), current[0] if current else None)


def _is_current(address: Resource, known: date | None) -> bool:
    period = address.get("period") or {}
    start, end = local_date(period.get("start")), last_date(period.get("end"))
    if address.get("use") == "old" or (known and start and start > known):
        return False
    return not period.get("end") or (known is not None and end is not None and end >= known)


def _location(context: Context, address: Resource) -> Row:
    # No street line: the CDM's location is for geography, not for finding a person.
    return {
        "location_key": derived_key(str(context.key), "address"),
        "city": address.get("city"),
        "state": address.get("state"),
        "zip": address.get("postalCode"),
        "county": address.get("district"),
        "country": address.get("country"),
    }


def _linked(resource: Resource, context: Context, kind: str) -> list[int]:
    """Keys of the patients that links of one type name, each once; ``refer`` and ``seealso`` say nothing of who is who.

    Source: FHIR R4 Patient.link, whose ``other`` may be a RelatedPerson too.
    """
    others = [link.get("other") for link in resource.get("link") or () if link.get("type") == kind]
    keys = [reference_key(context, other, "Patient") for other in others if reference_type(other) in (None, "Patient")]
    return [key for key in dict.fromkeys(keys) if key is not None and key != context.key]


def _merged_into(resource: Resource, context: Context) -> int | None:
    return next(iter(_linked(resource, context, "replaced-by")), None)


def _links(resource: Resource, context: Context) -> list[Row]:
    return [
        {
            "person_link_key": derived_key(str(context.key), "replaces", str(key)),
            "person_key": context.key,
            "replaced_person_key": key,
        }
        for key in _linked(resource, context, "replaces")
    ]


def _identifiers(resource: Resource, context: Context) -> list[Row]:
    rows: dict[int, Row] = {}
    for identifier in resource.get("identifier") or ():
        if not identifier.get("value"):
            continue
        authority = canonical_authority(str(identifier.get("system") or ""))
        found = codings(identifier.get("type"))
        key = derived_key(str(context.key), "identifier", authority, str(identifier["value"]))
        rows[key] = {
            "person_identifier_key": key,
            "person_key": context.key,
            "assigning_authority": authority,
            "identifier_value": str(identifier["value"]),
            "identifier_type": found[0]["code"] if found else "",
        }
    return list(rows.values())
