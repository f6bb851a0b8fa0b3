"""Procedure → procedure_occurrence, device_exposure; Immunization → drug_exposure; not done, both → observation."""

from collections.abc import Iterator
from typing import Any

from pipelines.fhir.mapping.clinical import event
from pipelines.fhir.mapping.devices import devices_of_procedure
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    all_codings,
    codeable_concept,
    codings,
    end_of,
    first_code,
    local_date,
    local_datetime,
    patient_key,
    start_of,
)
from pipelines.fhir.mapping.orders import not_done
from pipelines.fhir.mapping.reasons import reasons
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile


def procedure(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A procedure that was done with its devices, or the observation that it was not."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status == "not-done":
        return not_done(
            resource, context, person, codeable_concept(resource.get("code")), start_of(resource, "performed")
        )
    if status not in profile.statuses["Procedure"]:
        return not_taken("status", status, person)
    start, (end_date, end_datetime) = start_of(resource, "performed"), end_of(resource, "performed")
    shared = event(resource, context, person, *_actors(resource))
    row: Row = {
        **shared,
        "procedure_occurrence_key": context.key,
        **codeable_concept(resource.get("code")),
        "status": status,
        "procedure_date": local_date(start),
        "procedure_datetime": local_datetime(start),
        "procedure_end_date": end_date,
        "procedure_end_datetime": end_datetime,
        "body_site_codings": all_codings(resource.get("bodySite")),
        **reasons(resource, context),
    }
    devices = list(devices_of_procedure(resource, context, shared))
    return Mapped({"procedure_occurrence": [row], "device_exposure": devices}, person)


def immunization(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A vaccination that was given, or the observation that it was not.

    What the patient's side recalls is a statement. Source: FHIR R4 Immunization.reportOrigin.
    """
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status == "not-done":
        when = start_of(resource, "occurrence") or resource.get("recorded")
        return not_done(resource, context, person, codeable_concept(resource.get("vaccineCode")), when)
    if status not in profile.statuses["Immunization"]:
        return not_taken("status", status, person)
    is_recalled = first_code(resource.get("reportOrigin")) == "recall"
    when = resource.get("occurrenceDateTime")
    dose = resource.get("doseQuantity") or {}
    row: Row = {
        **event(resource, context, person, *_actors(resource)),
        "drug_exposure_key": context.key,
        "kind": "statement" if is_recalled else "immunization",
        **codeable_concept(resource.get("vaccineCode")),
        "status": status,
        "drug_exposure_start_date": local_date(when),
        "drug_exposure_start_datetime": local_datetime(when),
        "drug_exposure_end_date": local_date(when),
        "drug_exposure_end_datetime": local_datetime(when),
        "quantity": dose.get("value"),
        "dose_unit_source_value": dose.get("unit") or dose.get("code"),
        "route_codings": codings(resource.get("route")) or None,
        "lot_number": resource.get("lotNumber"),
        "primary_source": resource.get("primarySource"),
        **reasons(resource, context),
    }
    return Mapped({"drug_exposure": [row]}, person)


def _actors(resource: Resource) -> Iterator[Any]:
    return (performer.get("actor") for performer in resource.get("performer") or ())
