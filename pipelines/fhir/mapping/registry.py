"""Which function maps which resource type."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.fhir.mapping import (
    access,
    claims,
    clinical,
    coverage,
    devices,
    documents,
    encounters,
    measurements,
    medications,
    orders,
    organisations,
    people,
    procedures,
    provenance,
    specimens,
    statements,
    tasks,
)
from pipelines.fhir.mapping.elements import Context, Resource, instant
from pipelines.fhir.mapping.result import Excluded, Mapped, Row
from pipelines.fhir.profiles import PROFILES, Profile
from pipelines.keys import resource_key

_MAPPERS: Mapping[str, Callable[[Resource, Context, Profile], Mapped | Excluded]] = {
    "Patient": people.patient,
    "Encounter": encounters.encounter,
    "Condition": clinical.condition,
    "Observation": measurements.observation,
    "Medication": medications.medication,
    "MedicationRequest": medications.medication_request,
    "MedicationDispense": medications.medication_dispense,
    "MedicationAdministration": medications.medication_administration,
    "MedicationStatement": medications.medication_statement,
    "Immunization": procedures.immunization,
    "Procedure": procedures.procedure,
    "ServiceRequest": orders.service_request,
    "DeviceRequest": orders.device_request,
    "Device": devices.device,
    "DeviceUseStatement": devices.device_use,
    "Specimen": specimens.specimen,
    "AdverseEvent": statements.adverse_event,
    "Goal": statements.goal,
    "AllergyIntolerance": clinical.allergy,
    "DocumentReference": documents.document_reference,
    "Composition": documents.composition,
    "DiagnosticReport": clinical.diagnostic_report,
    "Practitioner": organisations.practitioner,
    "PractitionerRole": organisations.practitioner_role,
    "Organization": organisations.organization,
    "Location": organisations.location,
    "CareTeam": access.care_team,
    "Consent": access.consent,
    "Coverage": coverage.coverage,
    "Claim": claims.claim,
    "ExplanationOfBenefit": claims.explanation_of_benefit,
    "Provenance": provenance.provenance,
    "Task": tasks.task,
}

MAPPED_TYPES = frozenset(_MAPPERS)
"""Resource types that become rows; all others are landed and counted."""

_REQUESTS = frozenset({"ServiceRequest", "DeviceRequest"})
_KNOWN_AT = (
    "recordedDate",
    "issued",
    "authoredOn",
    "recorded",
    "date",
    "dateTime",
    "dateAsserted",
    "whenHandedOver",
    "recordedOn",
    "receivedTime",
    "statusDate",
    "created",
)
_HAPPENED_AT = ("effectiveDateTime", "occurrenceDateTime", "performedDateTime", "onsetDateTime")


def map_resource(resource: Resource, source_system: str, profile_name: str) -> Mapped | Excluded:
    """Rows of one resource, each with its owner's key, source system and ``known_at`` (an instant)."""
    kind = str(resource["resourceType"])
    mapper = _MAPPERS.get(kind)
    if mapper is None:
        return Excluded("no_mapping")
    modifiers = resource.get("modifierExtension") or ()
    if any(kind not in _REQUESTS or part.get("url") not in orders.DO_NOT_PERFORM for part in modifiers):
        # It may turn the meaning around, so what we don't know we don't load.
        return Excluded("modifier_extension")
    context = Context(source_system, resource_key(source_system, kind, str(resource["id"])), profile_name)
    result = mapper(resource, context, PROFILES[profile_name])
    if isinstance(result, Excluded):
        return result
    ownership = {"resource_key": context.key, "source_system": source_system, "known_at": known_at(resource)}
    return Mapped(_owned(result.rows, ownership), result.person_key)


def _owned(rows: Mapping[str, Sequence[Row]], ownership: Row) -> dict[str, list[Row]]:
    return {table: [{**row, **ownership} for row in found] for table, found in rows.items() if found}


def known_at(resource: Resource) -> Any:
    """When the source knew: ``meta.lastUpdated``, else when it was recorded, else when it happened."""
    times = [(resource.get("meta") or {}).get("lastUpdated")]
    times += [resource.get(name) for name in (*_KNOWN_AT, *_HAPPENED_AT)]
    times.append((resource.get("period") or {}).get("start"))
    return instant(*times)
