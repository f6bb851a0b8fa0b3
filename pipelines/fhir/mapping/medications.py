"""Medication → medication; MedicationRequest, -Dispense, -Administration, -Statement → drug_exposure.

Source: OMOP CDM 5.4 drug_exposure.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from pipelines.fhir.mapping.clinical import event
from pipelines.fhir.mapping.elements import (
    LAYPEOPLE,
    Context,
    Resource,
    alias_rows,
    codeable_concept,
    codings,
    contained,
    local_date,
    local_datetime,
    patient_key,
    period_end,
    practitioner_key,
    reference_key,
    reference_type,
    start_of,
)
from pipelines.fhir.mapping.orders import is_negated, not_done
from pipelines.fhir.mapping.reasons import reasons
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.mapping.supply import days_of, dispense_supply, request_supply, taken_supply
from pipelines.fhir.profiles import Profile


def medication(resource: Resource, context: Context, _: Profile) -> Mapped | Excluded:
    """A medication that others name by reference; in force or not, those who got it got it."""
    if resource.get("status") == "entered-in-error":
        return Excluded("status:entered-in-error")
    row: Row = {"medication_key": context.key, **codeable_concept(resource.get("code"))}
    return Mapped({"medication": [row], "reference_alias": alias_rows(context, resource)})


def medication_request(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A prescription, which ends with its supply, or the day it starts; or the order not to take it.

    One that the patient's side reported is a statement of theirs, not an order of this house.
    """
    person = patient_key(resource, context)
    status, intent = str(resource.get("status")), str(resource.get("intent"))
    if person is None:
        return Excluded("no_patient")
    if intent not in profile.medication_intents:
        return not_taken("intent", intent, person)
    if status == "entered-in-error":
        return not_taken("status", status, person)
    if "MedicationRequest" in profile.statuses and status not in profile.statuses["MedicationRequest"]:
        return not_taken("status", status, person)
    drug = _drug(resource, context)
    if drug is None:
        return Excluded("no_medication", person)
    if is_negated(resource):
        return not_done(resource, context, person, drug, resource.get("authoredOn"))
    dispense = resource.get("dispenseRequest") or {}
    start = (dispense.get("validityPeriod") or {}).get("start") or resource.get("authoredOn")
    days = _days_supply(dispense.get("expectedSupplyDuration"))
    row: Row = {
        **event(resource, context, person, resource.get("requester")),
        **drug,
        **_dosage(resource.get("dosageInstruction")),
        "drug_exposure_key": context.key,
        "kind": "statement" if _is_reported(resource) else "prescription",
        "status": status,
        "intent": intent,
        "drug_exposure_start_date": local_date(start),
        "drug_exposure_start_datetime": local_datetime(start),
        "drug_exposure_end_date": _last_day(local_date(start), days),
        "days_supply": days,
        "quantity": (dispense.get("quantity") or {}).get("value"),
        "refills": dispense.get("numberOfRepeatsAllowed"),
        "authored_date": local_date(resource.get("authoredOn")),
        **request_supply(resource),
        **reasons(resource, context),
    }
    return Mapped({"drug_exposure": [row]}, person)


def medication_dispense(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A supply that was handed over; it ends with the days it is for."""
    found = _given(resource, context, profile)
    if isinstance(found, Excluded):
        return found
    person, drug = found
    start = resource.get("whenHandedOver") or resource.get("whenPrepared")
    days = _days_supply(resource.get("daysSupply"))
    row: Row = {
        **_surroundings(resource, context, person),
        **drug,
        **_dosage(resource.get("dosageInstruction")),
        "drug_exposure_key": context.key,
        "kind": "dispensing",
        "status": resource["status"],
        "drug_exposure_start_date": local_date(start),
        "drug_exposure_start_datetime": local_datetime(start),
        "drug_exposure_end_date": _last_day(local_date(start), days),
        "days_supply": days,
        "quantity": (resource.get("quantity") or {}).get("value"),
        **dispense_supply(resource),
    }
    return Mapped({"drug_exposure": [row]}, person)


def medication_administration(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A medication that is or was given, ``quantity`` being the dose; or the observation that it was not."""
    found = _given(resource, context, profile, "not-done")
    if isinstance(found, Excluded):
        return found
    person, drug = found
    if resource["status"] == "not-done":
        return not_done(resource, context, person, drug, start_of(resource, "effective"))
    dosage = resource.get("dosage") or {}
    dose = dosage.get("dose") or {}
    interval = _interval(resource)
    row: Row = {
        **_surroundings(resource, context, person),
        **drug,
        **interval,
        **_taken(interval),
        "drug_exposure_key": context.key,
        "kind": "administration",
        "status": resource["status"],
        "quantity": dose.get("value"),
        "sig": dosage.get("text"),
        "route_codings": codings(dosage.get("route")) or None,
        "dose_unit_source_value": dose.get("unit") or dose.get("code"),
        **reasons(resource, context),
    }
    return Mapped({"drug_exposure": [row]}, person)


def medication_statement(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A medication that somebody says the patient takes or took: the patient's side, or else a list of the record's."""
    found = _given(resource, context, profile)
    if isinstance(found, Excluded):
        return found
    person, drug = found
    source = resource.get("informationSource")
    interval = _interval(resource, resource.get("dateAsserted"))
    row: Row = {
        **_surroundings(resource, context, person),
        "provider_key": practitioner_key(context, source),
        **drug,
        **_dosage(resource.get("dosage")),
        **interval,
        **_taken(interval, resource.get("dosage")),
        "drug_exposure_key": context.key,
        "kind": "statement" if reference_type(source) in LAYPEOPLE else "medication-list",
        "status": resource["status"],
        **reasons(resource, context),
    }
    return Mapped({"drug_exposure": [row]}, person)


def _is_reported(request: Resource) -> bool:
    """Source: FHIR R4 MedicationRequest.reported[x]; HL7 FHIR-to-OMOP guide, f2o-053."""
    return bool(request.get("reportedBoolean")) or reference_type(request.get("reportedReference")) in LAYPEOPLE


def _given(
    resource: Resource, context: Context, profile: Profile, also: str | None = None
) -> Excluded | tuple[int, Row]:
    """The person and the columns of the medication, or why the resource makes no row; ``also``: a status to take."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status != also and status not in profile.statuses[str(resource["resourceType"])]:
        return not_taken("status", status, person)
    drug = _drug(resource, context)
    return Excluded("no_medication", person) if drug is None else (person, drug)


def _drug(resource: Resource, context: Context) -> Row | None:
    """The medication: its codings, inline or contained, or the key of the Medication a reference leads to.

    None if nothing says what the medication is. Codings of another resource are joined in omop, since it may come
    later or change.
    """
    reference = resource.get("medicationReference")
    inside = contained(resource, reference)
    inline = resource.get("medicationCodeableConcept") or (inside or {}).get("code")
    if inline:
        return codeable_concept(inline)
    key = reference_key(context, reference, "Medication")
    named = (reference or {}).get("display")
    if key is None and named is None:
        return None
    return {"codings": [], "code_text": named, "medication_key": key}


def _surroundings(resource: Resource, context: Context, person: int) -> Row:
    """Columns every clinical event has, of a resource whose encounter is its ``context``."""
    actors = (performer.get("actor") for performer in resource.get("performer") or ())
    return event({"encounter": resource.get("context")}, context, person, *actors)


def _interval(resource: Resource, otherwise: str | None = None) -> Row:
    """First and last moment of ``effective[x]``; without an end of its own a Period stays open."""
    start = start_of(resource, "effective") or otherwise
    at = resource.get("effectiveDateTime")
    end_date, end_datetime = (local_date(at), local_datetime(at)) if at else period_end(resource, "effective")
    return {
        "drug_exposure_start_date": local_date(start),
        "drug_exposure_start_datetime": local_datetime(start),
        "drug_exposure_end_date": end_date,
        "drug_exposure_end_datetime": end_datetime,
    }


def _taken(interval: Row, instructions: Sequence[Resource] | None = None) -> Row:
    return taken_supply(interval["drug_exposure_start_date"], interval["drug_exposure_end_date"], instructions)


def _dosage(instructions: Sequence[Resource] | None) -> Row:
    """Words, route and unit of the first of several instructions."""
    dosage: Resource = next(iter(instructions or ()), {})
    rate: Resource = next(iter(dosage.get("doseAndRate") or ()), {})
    dose = rate.get("doseQuantity") or {}
    return {
        "sig": dosage.get("text"),
        "route_codings": codings(dosage.get("route")) or None,
        "dose_unit_source_value": dose.get("unit") or dose.get("code"),
    }


def _days_supply(duration: Resource | None) -> int | None:
    days = days_of(duration)
    return None if days is None else round(days)


def _last_day(start: date | None, days: int | None) -> date | None:
    if start is None or not days:
        return start
    return start + timedelta(days=days - 1)
