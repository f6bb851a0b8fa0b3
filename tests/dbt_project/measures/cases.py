"""A case: a person, what is on record of them, and which populations of a measure they are in."""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SYSTEM = "urn:sanctum:test:value-set"
"""Every value set has one code here: its own short name."""

OUT: frozenset[str] = frozenset()
OPEN = frozenset({"initial_population", "denominator"})
"""In the denominator and nothing more."""
MET = OPEN | {"numerator"}
EXCLUDED = OPEN | {"denominator_exclusion"}
EXCEPTED = OPEN | {"denominator_exception"}
ELIGIBLE = frozenset({"initial_population"})
"""In the initial population, but not in this group's denominator."""

Resource = dict[str, Any]

SUPPLIED: Resource = {
    "dispenseRequest": {
        "expectedSupplyDuration": {"value": 90, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}
    }
}
"""Of a prescription: for 90 days from its day on."""

_HL7 = "http://terminology.hl7.org/CodeSystem/"
_UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True)
class Case:
    """What a measure's groups say of one person.

    Attributes:
        measure: ``CMS122``.
        name: what is tested; unique in the measure.
        expected: populations by number of group.
        resources: on record, without ids and subject.
        born: day of birth.
        gender: administrative gender.
        died: day of death.
    """

    measure: str
    name: str
    expected: Mapping[int, frozenset[str]]
    resources: tuple[Resource, ...]
    born: str = "1966-07-01"
    gender: str = "female"
    died: str | None = None
    patient: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Id of the patient."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.measure} {self.name}".lower())[:56]

    def bundle(self) -> Iterator[Resource]:
        """The patient and the resources, which refer to it."""
        identifier = [{"system": "urn:oid:1.2.3.4.5", "value": self.key, "type": _coded("MR", "v2-0203")}]
        deceased = {"deceasedDateTime": self.died} if self.died else {}
        yield {
            "resourceType": "Patient", "id": self.key, "identifier": identifier, "gender": self.gender,
            "birthDate": self.born, **deceased, **self.patient,
        }  # fmt: skip
        numbers = itertools.count(1)
        for resource in self.resources:
            subject = "patient" if resource["resourceType"] in ("AllergyIntolerance", "Immunization") else "subject"
            if resource["resourceType"] == "Task":
                subject = "for"
            named = resource if "id" in resource else {**resource, "id": f"{self.key}-{next(numbers)}"}
            linked = {
                name: {"reference": f"Encounter/{self.key}-{value}"} if name == "encounter" else value
                for name, value in named.items()
            }
            if "id" in resource:
                linked["id"] = f"{self.key}-{resource['id']}"
            yield {**linked, subject: {"reference": f"Patient/{self.key}"}}


def case(
    measure: str,
    name: str,
    expected: frozenset[str] | Mapping[int, frozenset[str]],
    *resources: Resource,
    **person: Any,
) -> Case:
    """A case of one group, or of several by number."""
    groups = expected if isinstance(expected, Mapping) else {1: expected}
    return Case(measure, name, groups, resources, **person)


def concept(*value_sets: str) -> Resource:
    """A CodeableConcept with the codes of these value sets."""
    return {"coding": [{"system": SYSTEM, "code": value_set} for value_set in value_sets]}


def _coded(code: str, system: str) -> Resource:
    return {"coding": [{"system": _HL7 + system, "code": code}]}


def encounter(value_set: str, start: str, end: str | None = None, kind: str = "AMB", **extra: Any) -> Resource:
    """A finished encounter of that type."""
    return {
        "resourceType": "Encounter", "status": "finished", "type": [concept(value_set)],
        "class": {"system": _HL7 + "v3-ActCode", "code": kind}, "period": {"start": start, "end": end or start},
        **extra,
    }  # fmt: skip


def condition(
    value_set: str, onset: str | None, category: str = "problem-list-item", clinical: str = "active", **extra: Any
) -> Resource:
    """A condition; ``onset`` is a day."""
    began = {"onsetDateTime": onset} if onset else {}
    return {
        "resourceType": "Condition", "code": concept(value_set), **began,
        "category": [_coded(category, "condition-category")],
        "clinicalStatus": _coded(clinical, "condition-clinical"),
        "verificationStatus": _coded("confirmed", "condition-ver-status"), **extra,
    }  # fmt: skip


def verified(status: str) -> Resource:
    """verificationStatus of a condition."""
    return {"verificationStatus": _coded(status, "condition-ver-status")}


def observation(
    value_set: str, day: str, value: float | str | None = None, unit: str = "%", category: str = "laboratory",
    status: str = "final", **extra: Any,
) -> Resource:  # fmt: skip
    """An observation with a number, with a coded answer (the name of a value set), or with no value."""
    said: Resource = {}
    if isinstance(value, str):
        said = {"valueCodeableConcept": concept(value)}
    elif value is not None:
        said = {"valueQuantity": {"value": value, "unit": unit, "system": _UCUM, "code": unit}}
    when = {"effectiveDateTime": day} if day else {}
    return {
        "resourceType": "Observation", "status": status, "code": concept(value_set), **when, **said,
        "category": [_coded(category, "observation-category")], **extra,
    }  # fmt: skip


def blood_pressure(
    day: str, systolic: float | None, diastolic: float | None, unit: str | None = "mm[Hg]", **extra: Any
) -> Resource:
    """A panel as US Core's profile has it; a component without a value says so."""
    measured = {"unit": unit, "system": _UCUM, "code": unit} if unit else {}

    def component(code: str, value: float | None) -> Resource:
        coding = {"code": {"coding": [{"system": "http://loinc.org", "code": code}]}}
        if value is None:
            return {**coding, "dataAbsentReason": _coded("unknown", "data-absent-reason")}
        return {**coding, "valueQuantity": {"value": value, **measured}}

    return {
        "resourceType": "Observation", "status": "final", "effectiveDateTime": day,
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "category": [_coded("vital-signs", "observation-category")],
        "component": [component("8480-6", systolic), component("8462-4", diastolic)], **extra,
    }  # fmt: skip


def procedure(value_set: str, day: str, end: str | None = None, status: str = "completed", **extra: Any) -> Resource:
    """A procedure on a day or over days."""
    when = {"performedPeriod": {"start": day, "end": end}} if end else {"performedDateTime": day}
    return {"resourceType": "Procedure", "status": status, "code": concept(value_set), **when, **extra}


def immunization(value_set: str, day: str, status: str = "completed", **extra: Any) -> Resource:
    """A vaccination."""
    return {
        "resourceType": "Immunization", "status": status, "vaccineCode": concept(value_set),
        "occurrenceDateTime": day, **extra,
    }  # fmt: skip


def order(value_set: str, day: str, status: str = "active", intent: str = "order", **extra: Any) -> Resource:
    """An order of a service."""
    return {
        "resourceType": "ServiceRequest", "status": status, "intent": intent, "code": concept(value_set),
        "authoredOn": day, **extra,
    }  # fmt: skip


def device_order(value_set: str, day: str, status: str = "active", **extra: Any) -> Resource:
    """An order of a device."""
    return {
        "resourceType": "DeviceRequest", "status": status, "intent": "order", "codeCodeableConcept": concept(value_set),
        "authoredOn": day, **extra,
    }  # fmt: skip


def prescription(value_set: str, day: str, status: str = "active", intent: str = "order", **extra: Any) -> Resource:
    """An order of a medication."""
    return {
        "resourceType": "MedicationRequest", "status": status, "intent": intent, "authoredOn": day,
        "medicationCodeableConcept": concept(value_set), **extra,
    }  # fmt: skip


def allergy(value_set: str, onset: str, clinical: str = "active", **extra: Any) -> Resource:
    """An allergy to a substance."""
    return {
        "resourceType": "AllergyIntolerance", "code": concept(value_set), "onsetDateTime": onset,
        "clinicalStatus": _coded(clinical, "allergyintolerance-clinical"), **extra,
    }  # fmt: skip


def report(value_set: str, day: str, status: str = "final", **extra: Any) -> Resource:
    """A diagnostic report."""
    return {
        "resourceType": "DiagnosticReport", "status": status, "code": concept(value_set), "effectiveDateTime": day,
        **extra,
    }  # fmt: skip
