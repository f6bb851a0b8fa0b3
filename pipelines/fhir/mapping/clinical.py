"""Condition, AllergyIntolerance, DiagnosticReport → their bronze tables."""

from typing import Any

from pipelines.fhir.mapping.documents import note_rows
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    all_codings,
    categories_of,
    category_of,
    codeable_concept,
    end_of,
    first_code,
    local_date,
    local_datetime,
    patient_key,
    period_end,
    practitioner_key,
    reference_key,
    start_of,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile


def event(resource: Resource, context: Context, person: int, *providers: Any) -> Row:
    """Columns every clinical event has: whose, in which visit, by the first of those named who is a practitioner."""
    return {
        "person_key": person,
        "visit_occurrence_key": reference_key(context, resource.get("encounter"), "Encounter"),
        "provider_key": practitioner_key(context, *providers),
    }


def condition(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A diagnosis or problem; without verificationStatus it counts as confirmed, as older data has none."""
    person = patient_key(resource, context)
    verification = first_code(resource.get("verificationStatus"))
    if person is None:
        return Excluded("no_patient")
    if verification is not None and verification not in profile.verification_statuses:
        return not_taken("verification", verification, person)
    start = start_of(resource, "onset") or resource.get("recordedDate")
    end_date, end_datetime = end_of(resource, "abatement")
    # A Period that is open has no end; what began at one time ended its onset then.
    end_of_onset = period_end if resource.get("onsetPeriod") else end_of
    onset_end_date, _ = end_of_onset(resource, "onset")
    row: Row = {
        **event(resource, context, person, resource.get("recorder"), resource.get("asserter")),
        "condition_occurrence_key": context.key,
        **codeable_concept(resource.get("code")),
        "category": category_of(resource),
        "categories": categories_of(resource),
        "body_site_codings": all_codings(resource.get("bodySite")),
        "clinical_status": first_code(resource.get("clinicalStatus")),
        "verification_status": verification,
        "condition_start_date": local_date(start),
        "condition_start_datetime": local_datetime(start),
        "condition_end_date": end_date,
        "condition_end_datetime": end_datetime,
        "onset_start_date": local_date(start_of(resource, "onset")),
        "onset_end_date": onset_end_date,
        "recorded_date": local_date(resource.get("recordedDate")),
    }
    return Mapped({"condition_occurrence": [row]}, person)


def allergy(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """An allergy or intolerance: ``codings`` name the substance, ``category`` and ``qualifier`` the kind."""
    person = patient_key(resource, context)
    verification = first_code(resource.get("verificationStatus"))
    if person is None:
        return Excluded("no_patient")
    if verification is not None and verification not in profile.allergy_verification_statuses:
        return not_taken("verification", verification, person)
    when = start_of(resource, "onset") or resource.get("recordedDate")
    row: Row = {
        **event(resource, context, person, resource.get("recorder")),
        "observation_key": context.key,
        "kind": "allergy",
        "qualifier": resource.get("type") or "allergy",
        "category": next(iter(resource.get("category") or ()), None),
        "categories": categories_of(resource),
        **codeable_concept(resource.get("code")),
        "status": first_code(resource.get("clinicalStatus")),
        "observation_date": local_date(when),
        "observation_datetime": local_datetime(when),
    }
    return Mapped({"observation": [row]}, person)


def diagnostic_report(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A report, and the note it presents."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["DiagnosticReport"]:
        return not_taken("status", status, person)
    when = start_of(resource, "effective") or resource.get("issued")
    end_date, end_datetime = period_end(resource, "effective")
    common = event(resource, context, person, *(resource.get("performer") or ()))
    row: Row = {
        **common,
        "observation_key": context.key,
        "kind": "diagnostic-report",
        "category": category_of(resource),
        "categories": categories_of(resource),
        **codeable_concept(resource.get("code")),
        "status": status,
        "observation_date": local_date(when),
        "observation_datetime": local_datetime(when),
        "observation_end_date": end_date,
        "observation_end_datetime": end_datetime,
    }
    notes = note_rows(context, common, resource.get("presentedForm") or (), resource.get("code"), when)
    return Mapped({"observation": [row], "note": notes}, person)
