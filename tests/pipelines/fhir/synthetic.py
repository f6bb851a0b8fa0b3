"""Small synthetic FHIR R4 resources, what mapping makes of one, and files of them."""

import gzip
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from psycopg.rows import dict_row

from pipelines.fhir.mapping import Excluded, Mapped, map_resource
from pipelines.fhir.validation import problem
from pipelines.fhir.worker import Task
from pipelines.keys import resource_key
from resources.postgres import Database, Role
from resources.settings import Validation

Resource = dict[str, Any]

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
RECEIVED = datetime(2026, 7, 1, tzinfo=UTC)


def key(kind: str, resource_id: str) -> int:
    """Key of a resource of the source system that tests use."""
    return resource_key("ehr", kind, resource_id)


def task(content: bytes, validation: Validation = "full") -> Task:
    """A task of one line."""
    return Task(1, "f" * 64, [(1, content)], "ehr", "us-core", validation, RECEIVED, RECEIVED)


def concept(system: str, code: str, display: str | None = None) -> Resource:
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]}


def updated(resource: Resource, day: int, **changes: Any) -> Resource:
    """The resource as last updated on a day of 2026."""
    meta = {"versionId": str(day), "lastUpdated": f"2026-01-{day:02d}T00:00:00Z"}
    return {**resource, "meta": meta, **changes}


def patient(resource_id: str = "p1", **parts: Any) -> Resource:
    return {"resourceType": "Patient", "id": resource_id, "gender": "female", "birthDate": "1960-02-03", **parts}


def encounter(resource_id: str = "e1", **parts: Any) -> Resource:
    return {
        "resourceType": "Encounter",
        "id": resource_id,
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": "Patient/p1"},
        "period": {"start": "2025-01-01T08:00:00-05:00", "end": "2025-01-01T09:00:00-05:00"},
        **parts,
    }


def clinical(kind: str, resource_id: str, **parts: Any) -> Resource:
    """A resource about patient p1 in encounter e1."""
    about = "patient" if kind in ("Immunization", "AllergyIntolerance") else "subject"
    who = {about: {"reference": "Patient/p1"}, "encounter": {"reference": "Encounter/e1"}}
    return {"resourceType": kind, "id": resource_id, **who, **parts}


def observation(resource_id: str = "o1", **parts: Any) -> Resource:
    parts = {"status": "final", "code": concept(LOINC, "4548-4"), "effectiveDateTime": "2025-01-01"} | parts
    return clinical("Observation", resource_id, **parts)


def prescription(resource_id: str = "m1", **parts: Any) -> Resource:
    drug = {} if "medicationReference" in parts else {"medicationCodeableConcept": concept(RXNORM, "860975")}
    parts = {"status": "active", "intent": "order", "authoredOn": "2025-01-01", **drug} | parts
    return clinical("MedicationRequest", resource_id, **parts)


def mapped(resource: Resource, profile: str = "us-core") -> dict[str, list[dict[str, Any]]]:
    """Rows by table of a resource that is R4 and makes rows."""
    assert problem(resource, "full") is None
    assert problem(resource, "structural") is None
    result = map_resource(resource, "ehr", profile)
    assert isinstance(result, Mapped), result
    return {table: list(rows) for table, rows in result.rows.items()}


def only_row(resource: Resource, table: str) -> dict[str, Any]:
    """The one row of one table that a resource makes."""
    rows = mapped(resource)
    assert list(rows) == [table]
    assert len(rows[table]) == 1
    return rows[table][0]


def excluded(resource: Resource, profile: str = "us-core") -> str:
    """Why a resource that is R4 makes no rows."""
    assert problem(resource, "full") is None
    result = map_resource(resource, "ehr", profile)
    assert isinstance(result, Excluded), result
    return result.reason


def ndjson(resources: Iterable[Resource]) -> bytes:
    return b"".join(orjson.dumps(resource) + b"\n" for resource in resources)


def bundle(resources: Iterable[Resource], **parts: Any) -> Resource:
    """A collection whose entries have the addresses Synthea gives them."""
    entries = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries, **parts}


def write(path: Path, content: bytes, *, compress: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, mtime=0) if compress else content)
    return path


def rows(database: Database, table: str, columns: str = "*", order: str = "1") -> list[dict[str, Any]]:
    """Rows of a table that ingest may read; ``bronze`` unless a schema is named."""
    name = table if "." in table else f"bronze.{table}"
    with database.connect(Role.INGEST, row_factory=dict_row) as connection:
        query: Any = f"SELECT {columns} FROM {name} ORDER BY {order}"
        return connection.execute(query).fetchall()


TABLES = (
    "resource",
    "reference_alias",
    "person",
    "person_link",
    "person_identifier",
    "location",
    "care_site",
    "provider",
    "provider_role",
    "visit_occurrence",
    "visit_detail",
    "condition_occurrence",
    "medication",
    "drug_exposure",
    "procedure_occurrence",
    "device",
    "device_exposure",
    "measurement",
    "observation",
    "rejected_request",
    "specimen",
    "note",
    "payer_plan_period",
    "claim_line",
    "care_team",
    "care_team_participant",
    "consent",
    "consent_provision",
    "provenance",
)


def snapshot(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every bronze table, without where and when a resource arrived."""
    arrival = ("file_id", "line_number", "entry", "version_order", "version_at", "changed_at", "changed_by")
    return {
        table: [{name: value for name, value in row.items() if name not in arrival} for row in rows(database, table)]
        for table in TABLES
    }
