"""MedicationRequest, Immunization → drug_exposure. Source: OMOP CDM 5.4 drug_exposure."""

from datetime import date, timedelta

from pipelines.fhir.mapping.clinical import event
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    codings,
    concept_text,
    contained,
    local_date,
    local_datetime,
    patient_key,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile

_DAYS = {"d": 1, "day": 1, "days": 1, "wk": 7, "week": 7, "weeks": 7, "mo": 30, "month": 30, "months": 30}


def medication_request(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A prescription; it ends with its supply, or the day it starts if the supply isn't given."""
    person = patient_key(resource, context)
    status, intent = str(resource.get("status")), str(resource.get("intent"))
    if person is None:
        return Excluded("no_patient")
    if resource.get("doNotPerform"):
        return Excluded("do_not_perform", person)
    if intent not in profile.medication_intents:
        return not_taken("intent", intent, person)
    if "MedicationRequest" in profile.statuses and status not in profile.statuses["MedicationRequest"]:
        return not_taken("status", status, person)
    drug = _drug(resource)
    if drug is None:
        return Excluded("medication_by_reference", person)
    dispense = resource.get("dispenseRequest") or {}
    start = (dispense.get("validityPeriod") or {}).get("start") or resource.get("authoredOn")
    days = _days_supply(dispense.get("expectedSupplyDuration"))
    dosage: Resource = next(iter(resource.get("dosageInstruction") or ()), {})
    rate: Resource = next(iter(dosage.get("doseAndRate") or ()), {})
    dose = rate.get("doseQuantity") or {}
    row: Row = {
        **event(resource, context, person, resource.get("requester")),
        "drug_exposure_key": context.key,
        "kind": "prescription",
        "codings": codings(drug),
        "code_text": concept_text(drug),
        "status": status,
        "intent": intent,
        "drug_exposure_start_date": local_date(start),
        "drug_exposure_start_datetime": local_datetime(start),
        "drug_exposure_end_date": _last_day(local_date(start), days),
        "days_supply": days,
        "quantity": (dispense.get("quantity") or {}).get("value"),
        "refills": dispense.get("numberOfRepeatsAllowed"),
        "sig": dosage.get("text"),
        "route_codings": codings(dosage.get("route")) or None,
        "dose_unit_source_value": dose.get("unit") or dose.get("code"),
    }
    return Mapped({"drug_exposure": [row]}, person)


def immunization(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A vaccination that was given."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Immunization"]:
        return not_taken("status", status, person)
    performer: Resource = next(iter(resource.get("performer") or ()), {})
    when = resource.get("occurrenceDateTime")
    dose = resource.get("doseQuantity") or {}
    row: Row = {
        **event(resource, context, person, performer.get("actor")),
        "drug_exposure_key": context.key,
        "kind": "immunization",
        "codings": codings(resource.get("vaccineCode")),
        "code_text": concept_text(resource.get("vaccineCode")),
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
    }
    return Mapped({"drug_exposure": [row]}, person)


def _drug(resource: Resource) -> Resource | None:
    """The medication's concept: inline, or of the contained Medication a ``#id`` reference names."""
    inline: Resource | None = resource.get("medicationCodeableConcept")
    if inline is not None:
        return inline
    found = contained(resource, resource.get("medicationReference"))
    return None if found is None else found.get("code")


def _days_supply(duration: Resource | None) -> int | None:
    if not duration or duration.get("value") is None:
        return None
    days = _DAYS.get(str(duration.get("code") or duration.get("unit") or "d").lower())
    return None if days is None else round(float(duration["value"]) * days)


def _last_day(start: date | None, days: int | None) -> date | None:
    if start is None or not days:
        return start
    return start + timedelta(days=days - 1)
