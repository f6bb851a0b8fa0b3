"""Condition, AllergyIntolerance, DiagnosticReport → their bronze tables."""

from typing import Any

from pipelines.fhir.mapping.documents import note_row
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    codings,
    concept_text,
    end_of,
    first_code,
    local_date,
    local_datetime,
    patient_key,
    reference_key,
    start_of,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile


def event(resource: Resource, context: Context, person: int, provider: Any) -> Row:
    """Columns every clinical event has: whose, in which visit, by whom."""
    return {
        "person_key": person,
        "visit_occurrence_key": reference_key(context, resource.get("encounter"), "Encounter"),
        "provider_key": reference_key(context, provider, "Practitioner"),
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
    end = end_of(resource, "abatement")
    row: Row = {
        **event(resource, context, person, resource.get("recorder") or resource.get("asserter")),
        "condition_occurrence_key": context.key,
        "codings": codings(resource.get("code")),
        "code_text": concept_text(resource.get("code")),
        "category": first_code(resource.get("category")),
        "clinical_status": first_code(resource.get("clinicalStatus")),
        "verification_status": verification,
        "condition_start_date": local_date(start),
        "condition_start_datetime": local_datetime(start),
        "condition_end_date": local_date(end),
        "condition_end_datetime": local_datetime(end),
    }
    return Mapped({"condition_occurrence": [row]}, person)


def allergy(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """An allergy or intolerance: ``codings`` name the substance, ``category`` and ``qualifier`` the kind."""
    person = patient_key(resource, context)
    verification = first_code(resource.get("verificationStatus"))
    if person is None:
        return Excluded("no_patient")
    if verification is not None and verification not in profile.verification_statuses:
        return not_taken("verification", verification, person)
    when = start_of(resource, "onset") or resource.get("recordedDate")
    row: Row = {
        **event(resource, context, person, resource.get("recorder")),
        "observation_key": context.key,
        "kind": "allergy",
        "qualifier": resource.get("type") or "allergy",
        "category": next(iter(resource.get("category") or ()), None),
        "codings": codings(resource.get("code")),
        "code_text": concept_text(resource.get("code")),
        "status": first_code(resource.get("clinicalStatus")),
        "observation_date": local_date(when),
        "observation_datetime": local_datetime(when),
    }
    return Mapped({"observation": [row]}, person)


def diagnostic_report(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A report, and a note for each presented form that is text."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["DiagnosticReport"]:
        return not_taken("status", status, person)
    performer = next(iter(resource.get("performer") or ()), None)
    when = start_of(resource, "effective") or resource.get("issued")
    common = event(resource, context, person, performer)
    row: Row = {
        **common,
        "observation_key": context.key,
        "kind": "diagnostic-report",
        "category": first_code(resource.get("category")),
        "codings": codings(resource.get("code")),
        "code_text": concept_text(resource.get("code")),
        "status": status,
        "observation_date": local_date(when),
        "observation_datetime": local_datetime(when),
    }
    forms = enumerate(resource.get("presentedForm") or ())
    notes = [note_row(context, common, form, index, resource.get("code"), when) for index, form in forms]
    return Mapped({"observation": [row], "note": [note for note in notes if note is not None]}, person)
