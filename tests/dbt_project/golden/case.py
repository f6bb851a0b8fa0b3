"""What a golden case is, and what cases of every kind are made with."""

from dataclasses import dataclass, field
from typing import Any

from pipelines.keys import resource_key
from tests.dbt_project.population import RXNORM, coded, of

Resource = dict[str, Any]
Row = tuple[Any, ...]

EHR, STRICT = "ehr", "strict"
"""Source systems: mapped by the profile ``us-core``, and by ``ig-strict``."""

SNOMED = "http://snomed.info/sct"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
TERMS = "http://terminology.hl7.org/CodeSystem/"
UCUM = "http://unitsofmeasure.org"
AS_OF = "2026-10-31"
"""The day features and open stays are computed for."""


@dataclass(frozen=True)
class Case:
    """What one person's record becomes.

    Attributes:
        name: the patient's id too, so that cases don't meet.
        resources: beside the Patient.
        table: with its schema, or a join of such.
        columns: those compared.
        expected: every row of the person, in any order.
        requirements: ids of the HL7 FHIR-to-OMOP guide's requirements that it shows (docs/fhir_omop_guide.md).
        patient: elements of the Patient in place of the usual ones; None takes one away.
        source: the source system, which decides the profile.
        of: column and value by which rows are chosen, in place of the person's.
    """

    name: str
    resources: list[Resource]
    table: str
    columns: str
    expected: list[Row]
    requirements: tuple[str, ...] = ()
    patient: Resource = field(default_factory=dict)
    source: str = EHR
    of: tuple[str, Any] | None = None


def key(kind: str, name: str, source: str = EHR) -> int:
    """The key that the loader derives."""
    return resource_key(source, kind, name)


def at(kind: str, name: str) -> Resource:
    """A reference."""
    return {"reference": f"{kind}/{name}"}


def told(code: str, system: str = "") -> Resource:
    """A concept of one of HL7's own code systems."""
    return coded(f"{TERMS}{system}", code)


def left_out(case: str, resource: Resource, reason: str, *requirements: str, source: str = EHR) -> Case:
    """A resource that is landed and counted under a reason, and makes no row; its id is the case's name.

    One about nobody named, ``Patient/``, is about the case's person.
    """
    about = "patient" if "patient" in resource else "subject"
    found = {**resource, "id": case}
    if resource[about].get("reference") == "Patient/":
        found[about] = at("Patient", case)
    return Case(
        case, [found], "bronze.resource", "outcome", [(reason,)], requirements, source=source,
        of=("resource_key", key(found["resourceType"], case, source)),
    )  # fmt: skip


def drug(name: str, code: str, **extra: Any) -> Resource:
    return {"resourceType": "Medication", "id": name, "code": coded(RXNORM, code), **extra}


def order(person: str, **parts: Any) -> Resource:
    order = {"status": "active", "intent": "order", "authoredOn": "2026-01-10"} | parts
    return of(person, "MedicationRequest", f"{person}-rx", **order)


ASPIRIN = {"medicationCodeableConcept": coded(RXNORM, "1191", "aspirin")}
ASPIRIN_CONCEPT = 1112807
