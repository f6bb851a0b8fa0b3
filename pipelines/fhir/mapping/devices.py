"""Device → device; DeviceUseStatement, and devices of a Procedure → device_exposure. Source: OMOP CDM 5.4.

A Device has no day of use (when it was made says nothing of that), so it is an exposure only by what says that it was
used.
"""

from collections.abc import Iterator

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    all_codings,
    codeable_concept,
    contained,
    local_date,
    local_datetime,
    objects_of,
    patient_key,
    period_end,
    practitioner_key,
    reference_key,
    reference_type,
    start_of,
)
from pipelines.fhir.mapping.reasons import reasons
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key


def device(resource: Resource, context: Context, _: Profile) -> Mapped | Excluded:
    """A device, a patient's or not."""
    person = patient_key(resource, context)
    if resource.get("status") == "entered-in-error":
        return Excluded("status:entered-in-error", person)
    row = {"device_key": context.key, "person_key": person, **_description(resource)}
    return Mapped({"device": [row], "reference_alias": alias_rows(context, resource)}, person)


def device_use(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """The use of a device by a patient."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["DeviceUseStatement"]:
        return not_taken("status", status, person)
    named = _named(resource, resource.get("device"), context)
    if named is None:
        return Excluded("no_device", person)
    start = start_of(resource, "timing") or resource.get("recordedOn")
    end_date, end_datetime = period_end(resource, "timing")
    row: Row = {
        **named,
        "device_exposure_key": context.key,
        "person_key": person,
        "provider_key": practitioner_key(context, resource.get("source")),
        "status": status,
        "device_exposure_start_date": local_date(start),
        "device_exposure_start_datetime": local_datetime(start),
        "device_exposure_end_date": end_date,
        "device_exposure_end_datetime": end_datetime,
        "body_site_codings": all_codings(objects_of(resource.get("bodySite"))),
        **reasons(resource, context),
    }
    return Mapped({"device_exposure": [row]}, person)


def devices_of_procedure(resource: Resource, context: Context, shared: Row) -> Iterator[Row]:
    """A row for each device that a procedure implanted, removed or used, on its day.

    Args:
        resource: the Procedure.
        context: the resource at hand.
        shared: columns every clinical event has.
    """
    named = [part.get("manipulated") for part in resource.get("focalDevice") or ()]
    named += [part for part in resource.get("usedReference") or () if reference_type(part) == "Device"]
    start = start_of(resource, "performed")
    for number, reference in enumerate(named):
        found = _named(resource, reference, context)
        if found is not None:
            yield {
                **shared,
                **found,
                "device_exposure_key": derived_key(str(context.key), "device", str(number)),
                "status": resource.get("status"),
                "device_exposure_start_date": local_date(start),
                "device_exposure_start_datetime": local_datetime(start),
            }


def _named(resource: Resource, reference: Resource | None, context: Context) -> Row | None:
    """What a reference says of a device: the contained one's type, or a key and words; None if nothing."""
    inside = contained(resource, reference)
    if inside is not None:
        return _description(inside)
    key = reference_key(context, reference, "Device")
    text = (reference or {}).get("display")
    return None if key is None and text is None else {"codings": [], "code_text": text, "device_key": key}


def _description(resource: Resource) -> Row:
    """Type and identifiers; names that people gave a device stay in landing."""
    carrier: Resource = next(iter(resource.get("udiCarrier") or ()), {})
    produced = (resource.get(name) for name in ("distinctIdentifier", "serialNumber", "lotNumber"))
    return {
        **codeable_concept(resource.get("type")),
        "unique_device_id": carrier.get("deviceIdentifier"),
        "production_id": next((value for value in produced if value), None),
    }
