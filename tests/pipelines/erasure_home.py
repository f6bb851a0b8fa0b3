"""Two people in the same files, one of whom is to be erased, loaded and built once; tests get copies of it."""

import base64
import gzip
import itertools
import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from pipelines.fhir import ingest_fhir
from pipelines.fhir_server.journal import DatabaseJournal, Watermark
from pipelines.hl7 import ingest_hl7
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.private_files import write_private
from resources.settings import Settings, load_settings
from tests.chunks import add_chunk
from tests.conftest import make_settings, superuser

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
MRN = "urn:oid:1.2.840.99"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
MEMBER = {"member": {"reference": "Practitioner/doctor-1"}}
AS_OF = date(2026, 10, 31)
GONE = resource_key("ehr", "Patient", "zuleika-0001")
STAYS = resource_key("ehr", "Patient", "benedict-0002")

CANARIES = (
    "zuleika", "quarkenbush", "mr-7711-zq", "ssn-910-11-7711", "zq@example.org", "555-0177-7711", "77 heliotrope",
    "obs-zq-1", "team-zq-1",
    "serial-zq-1", "sample zq-1", "service zq-1", "tablet zq-1", "pump zq-1",
    "lens zq-1", "plan zq-1", "member zq-1", "canary sentence", "quetzalcoatlus",
)  # fmt: skip
"""Words that only the records of the one to be erased hold, in lower case."""

NOTE = "Patient walks with a quetzalcoatlus shaped cane. This canary sentence about Zuleika is nowhere else at all."
BENS_NOTE = "Benedict came alone and left alone, as he has always done since the spring of last year."
_numbers = itertools.count(1)


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": code}]}


def _patient(name: str, born: str, mrn: str, family: str, given: str, **extra: Any) -> dict[str, Any]:
    kind = _coded("http://terminology.hl7.org/CodeSystem/v2-0203", "MR")
    return {
        "resourceType": "Patient",
        "id": name,
        "identifier": [{"system": MRN, "value": mrn, "type": kind}],
        "name": [{"family": family, "given": [given]}],
        "gender": "female",
        "birthDate": born,
        **extra,
    }


def _of(person: str, kind: str, name: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": name, "subject": {"reference": f"Patient/{person}"}, **elements}


def _clinical(person: str, short: str, note: str) -> list[dict[str, Any]]:
    period = {"start": "2026-03-01T08:00:00Z", "end": "2026-03-01T09:00:00Z"}
    text = base64.b64encode(note.encode()).decode()
    act = {"system": ACT_CODE, "code": "AMB"}
    visit = {"encounter": {"reference": f"Encounter/enc-{short}-1"}}
    labels = {"security": [{"system": ACT_CODE, "code": "42CFRPart2"}]}
    return [
        _of(person, "Encounter", f"enc-{short}-1", status="finished", period=period, meta=labels, **{"class": act}),
        _of(person, "Condition", f"con-{short}-1", code=_coded(ICD10, "E11.9"), onsetDateTime="2020-05-01", **visit),
        _of(
            person,
            "Observation",
            f"obs-{short}-1",
            status="final",
            code=_coded(LOINC, "4548-4"),
            effectiveDateTime="2026-03-01",
            valueQuantity={"value": 7.1, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
            component=[{"code": _coded(LOINC, "4548-4"), "valueQuantity": {"value": 7.2}}],
            **visit,
        ),
        _of(
            person,
            "DocumentReference",
            f"doc-{short}-1",
            status="current",
            date="2026-03-01T09:00:00Z",
            content=[{"attachment": {"contentType": "text/plain", "data": text}}],
        ),
    ]


def _things(person: str, short: str) -> list[dict[str, Any]]:
    """A device with its use, a specimen, an order and what is taken, each named after the person."""
    order = {"status": "active", "intent": "order", "authoredOn": "2026-03-01"}
    device = {"resourceType": "Device", "id": f"dev-{short}-1", "serialNumber": f"serial-{short}-1"}
    return [
        {**device, "patient": {"reference": f"Patient/{person}"}, "type": {"text": f"pump {short}-1"}},
        _of(person, "DeviceUseStatement", f"use-{short}-1", status="active", recordedOn="2026-03-01",
            device={"reference": f"Device/dev-{short}-1"}),
        _of(person, "Specimen", f"spe-{short}-1", type={"text": f"sample {short}-1"}, receivedTime="2026-03-01"),
        _of(person, "ServiceRequest", f"ord-{short}-1", code={"text": f"service {short}-1"}, **order),
        {"resourceType": "Task", "id": f"task-{short}-1", "status": "rejected", "intent": "order",
         "code": _coded("http://hl7.org/fhir/CodeSystem/task-code", "fulfill"),
         "focus": {"reference": f"ServiceRequest/ord-{short}-1"}},
        _of(person, "MedicationStatement", f"med-{short}-1", status="active", dateAsserted="2026-03-01",
            medicationReference={"reference": "Medication/none", "display": f"tablet {short}-1"}),
    ]  # fmt: skip


def _billing(person: str, short: str) -> list[dict[str, Any]]:
    """A coverage, a claim and the payer's answer, each named after the person."""
    about = {"reference": f"Patient/{person}", "display": f"payer {short}-1"}
    claimed = {
        "status": "active",
        "use": "claim",
        "type": {"text": "vision"},
        "patient": about,
        "created": "2026-03-02",
        "provider": {"reference": "Organization/org-1"},
        "billablePeriod": {"start": "2026-03-01"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": f"Coverage/cov-{short}-1"}}],
        "item": [
            {"sequence": 1, "productOrService": _coded("x", "V2100") | {"text": f"lens {short}-1"}, "net": {"value": 7}}
        ],
    }
    insured = [{"focal": True, "coverage": {"reference": f"Coverage/cov-{short}-1"}}]
    answered = claimed | {"outcome": "complete", "insurer": {"display": "payer"}, "insurance": insured}
    return [
        {"resourceType": "Coverage", "id": f"cov-{short}-1", "status": "active", "beneficiary": about,
         "subscriberId": f"member {short}-1", "payor": [about], "period": {"start": "2026-01-01"},
         "class": [{"type": {"text": "plan"}, "value": "1", "name": f"plan {short}-1"}]},
        {"resourceType": "Claim", "id": f"claim-{short}-1", "priority": {"text": "normal"}, **claimed},
        {"resourceType": "Claim", "id": f"claim-{short}-2", "priority": {"text": "normal"}, **claimed,
         "supportingInfo": [{"sequence": 1, "category": {"text": "labelled"},
                             "valueReference": {"reference": f"Encounter/enc-{short}-1"}}]},
        {"resourceType": "ExplanationOfBenefit", "id": f"eob-{short}-1", **answered,
         "claim": {"reference": f"Claim/claim-{short}-1"}},
    ]  # fmt: skip


HOME = [{"line": ["77 Heliotrope Crescent"], "city": "Boston", "state": "MA", "postalCode": "02177"}]
PHONE = [{"system": "phone", "value": "555-0177-7711"}, {"system": "email", "value": "zq@example.org"}]
ZULEIKA = _patient(
    "zuleika-0001", "1960-04-12", "MR-7711-ZQ", "Quarkenbush", "Zuleika", telecom=PHONE, address=HOME,
    meta={"lastUpdated": "2026-02-02T00:00:00Z"},
)  # fmt: skip
ZULEIKA["identifier"].append({"system": "urn:oid:9.9", "value": "SSN-910-11-7711", "type": _coded("x", "SS")})
OLD_ZULEIKA = ZULEIKA | {"gender": "unknown", "meta": {"lastUpdated": "2025-01-01T00:00:00Z"}}
BENEDICT = _patient(
    "benedict-0002", "1955-01-30", "MR-2222-BB", "Brandywine", "Benedict",
    link=[{"type": "seealso", "other": {"reference": "Patient/zuleika-0001", "display": "Zuleika Quarkenbush"}}],
)  # fmt: skip


def lines() -> list[bytes]:
    """NDJSON with both people by turns, and lines nobody can read."""
    hers, his = _clinical("zuleika-0001", "zq", NOTE), _clinical("benedict-0002", "bb", BENS_NOTE)
    both = [resource for pair in zip(hers, his, strict=True) for resource in pair]
    seen = [{"reference": "Patient/zuleika-0001"}, {"reference": "Patient/benedict-0002"}]
    agent = {"type": _coded("x", "author"), "who": {"reference": "Organization/org-1"}}
    asserted = {"recorded": "2026-03-01T09:00:00Z", "agent": [agent]}
    extra = [
        {
            "resourceType": "Provenance",
            "id": "prov-zq-1",
            "target": [{"reference": "Observation/obs-zq-1"}],
            **asserted,
        },
        {
            "resourceType": "Provenance",
            "id": "prov-bb-1",
            "target": [{"reference": "Observation/obs-bb-1"}],
            **asserted,
        },
        {
            "resourceType": "Provenance",
            "id": "prov-both",
            "target": [
                *seen,
                {"reference": "Observation/obs-zq-1"},
                {"reference": "Observation/obs-bb-1"},
                {"reference": f"Patient?identifier={MRN}|MR-7711-ZQ"},
            ],
            **asserted,
        },
        {"resourceType": "NutritionOrder", "id": "diet-zq-1", "patient": seen[0], "dateTime": "7711"},
        {"resourceType": "Group", "id": "group-1", "member": [{"entity": part} for part in seen]},
        {"resourceType": "Organization", "id": "org-1", "name": "West Clinic"},
        *_things("zuleika-0001", "zq"),
        *_things("benedict-0002", "bb"),
        *_billing("zuleika-0001", "zq"),
        *_billing("benedict-0002", "bb"),
        _of("zuleika-0001", "CareTeam", "team-zq-1", status="active", participant=[MEMBER]),
        _of("benedict-0002", "CareTeam", "team-bb-1", status="active", participant=[MEMBER]),
    ]
    found = [json.dumps(resource).encode() for resource in (BENEDICT, ZULEIKA, *both, *extra)]
    found.insert(
        3, b'{"resourceType":"Observation","subject":{"reference":"Patient/zuleika-0001"},"valueString":"canary'
    )
    found.insert(5, b'{"resourceType":"Observation","subject":{"reference":"Patient/benedict-0002"},"valueString":"his')
    found.insert(7, b'{"name":[{"family":"Quarkenbush","given":["Zuleika"]}],"resourceType":')
    return found


def bundle() -> bytes:
    """One document over several lines: an entry each, which refer to each other by fullUrl."""
    entries = []
    for number, (person, name) in enumerate([("zuleika-0001", "bundled-zq"), ("benedict-0002", "bundled-bb")]):
        resource = _of(person, "Procedure", name, status="completed", performedDateTime="2026-04-01")
        resource["code"] = _coded("http://www.ama-assn.org/go/cpt", "45378")
        entries.append({"fullUrl": f"urn:uuid:0000000{number}-0000-4000-8000-000000007711", "resource": resource})
    return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}, indent=1).encode()


def _message(kind: str, control: str, patient: str, *segments: str) -> str:
    header = f"MSH|^~\\&|ADT|WEST|S|S|20260301101500||{kind}|{control}|P|2.5"
    return "\r".join([header, f"EVN|{kind[4:]}|20260301101500", patient, *segments]) + "\r"


def messages() -> bytes:
    """Both people's admissions by turns, a type that is not mapped, and text that is no message of anybody."""
    hers = "PID|1||MR-7711-ZQ^^^WEST&1.2.840.99&ISO^MR||QUARKENBUSH^ZULEIKA||19600412|F|||77 HELIOTROPE CRESCENT^^X"
    his = "PID|1||MR-2222-BB^^^WEST&1.2.840.99&ISO^MR||BRANDYWINE^BENEDICT||19550130|F"
    visit = "PV1|1|I|4E^1^A" + "|" * 16 + "{}^^^WEST&1.2.840.99&ISO" + "|" * 25 + "20260301101500"
    return "".join(
        [
            _message("ADT^A01", "M1", hers, visit.format("V-ZQ-77")),
            _message("ADT^A01", "M2", his, visit.format("V-BB-22")),
            _message("SIU^S12", "M3", hers),
            _message("ADT^A01", "M4", "PID|1||||QUARKENBUSH^ZULEIKA", visit.format("V-ZQ-78")),
            _message("ADT^A08", "M5", his, visit.format("V-BB-22")),
        ]
    ).encode()


def write_input(folder: Path) -> tuple[Path, Path]:
    """The input; FHIR folder and HL7 folder."""
    fhir, hl7 = folder / "fhir", folder / "hl7"
    fhir.mkdir(parents=True)
    hl7.mkdir()
    (fhir / "a.ndjson").write_bytes(b"\n".join(lines()) + b"\n")
    (fhir / "b.json").write_bytes(bundle())
    (fhir / "c.ndjson.gz").write_bytes(gzip.compress(json.dumps(OLD_ZULEIKA).encode() + b"\n"))
    (hl7 / "a.hl7").write_bytes(messages())
    return fhir, hl7


@dataclass
class Built:
    """A home, its database and the input it was loaded from."""

    settings: Settings
    database: Database
    fhir: Path
    hl7: Path


_TEMPLATE: dict[str, Built] = {}
_ROOT = tempfile.TemporaryDirectory(prefix="sanctum-erasure-")
"""Where the template lies; it goes with the process."""


def _build(server: Database) -> Built:
    root = Path(_ROOT.name)
    settings = make_settings(server, root / "home")
    warehouse = database(settings)
    ensure_starter(warehouse)
    fhir, hl7 = write_input(root / "input")
    assert ingest_fhir(settings, warehouse, [fhir]).closes
    assert ingest_hl7(settings, warehouse, [hl7]).closes
    _leave_an_export(settings, warehouse)
    dbt.build(settings, warehouse, as_of=AS_OF)
    _add_prompts(server, warehouse)
    return Built(settings, warehouse, fhir, hl7)


def _leave_an_export(settings: Settings, warehouse: Database) -> None:
    """How far a server was read of both, and what a run that was killed had fetched of them."""
    read = datetime(2026, 3, 1, tzinfo=UTC)
    marks = [("Observation", key, Watermark(read, read)) for key in (GONE, STAYS)]
    DatabaseJournal(warehouse, "ehr").advance(marks)
    write_private(settings.fhir_server_directory / "ehr" / "export-1" / "output-1.part", b"\n".join(lines()))


def _add_prompts(server: Database, warehouse: Database) -> None:
    """A chunk of each note and a prompt about each person, as the model's rooms would have written them."""
    with superuser(server, dict(warehouse.parameters)["dbname"]) as connection:
        connection.execute("INSERT INTO inference.model (model_sha256, model_name, engine) VALUES ('m', 'm', 'e')")
        for person, text in ((GONE, NOTE), (STAYS, BENS_NOTE)):
            note = connection.execute("SELECT note_id FROM omop.note WHERE person_id = %s", (person,)).fetchone()
            assert note
            sha256 = add_chunk(connection, person, text, chunk_id=person % 1000, note_id=note[0])
            row = connection.execute(
                "INSERT INTO inference.adjudication (person_id, measure_id, period_start, period_end, prompt, "
                "prompt_sha256, prompt_version, model_sha256, completion, decision, prompt_tokens, completion_tokens, "
                "latency_ms, sensitivity) VALUES (%s, 'CMS122', '2026-01-01', '2026-12-31', %s, 'x', '1', 'm', %s, "
                "'insufficient_evidence', 1, 1, 1, '{}') RETURNING adjudication_id",
                (person, f"S1 (2026-03-01): {text}", text),
            ).fetchone()
            assert row
            connection.execute(
                "INSERT INTO inference.adjudication_evidence VALUES (%s, %s, 'S1', %s, %s, %s, false)",
                (row[0], person, person % 1000, note[0], sha256),
            )
            connection.execute(
                "INSERT INTO omop.note_nlp (note_nlp_id, note_id, lexical_variant, nlp_date) "
                "VALUES (%s, %s, %s, '2026-03-02')",
                (person % 1000, note[0], text[:250]),
            )
            connection.execute("INSERT INTO access.person_scope VALUES (%s, 5)", (person,))
            connection.execute("INSERT INTO access.sensitive_row VALUES ('note', %s, %s, '{HIV}')", (note[0], person))
            connection.execute(
                "INSERT INTO access.consent (person_id, code, decision, starts_on, origin) "
                "VALUES (%s, 'HIV', 'permit', '2026-01-01', 'recorded')",
                (person,),
            )
            connection.execute(
                "INSERT INTO access.emergency_access (subject, person_id, reason, starts_at, expires_at) "
                "VALUES ('dr-who', %s, %s, now(), now())",
                (person, f"Found on the floor: {text}"),
            )


def copy_of_built(server: Database, folder: Path) -> Built:
    """A home and a database of its own with both people in them."""
    if "built" not in _TEMPLATE:
        _TEMPLATE["built"] = _build(server)
    built = _TEMPLATE["built"]
    source, name = dict(built.database.parameters)["dbname"], f"erasure_{next(_numbers)}"
    with superuser(server) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(source), sql.Identifier(Role.OWNER)
            )
        )
    shutil.copytree(built.settings.home, folder / "home")
    host = dict(server.parameters)["host"]
    url = f"postgresql://{Role.OWNER}@localhost/{name}?host={host}"
    settings = load_settings(home=folder / "home", database_url=url)
    return Built(settings, database(settings), built.fhir, built.hl7)


def rows_of_all_tables(server: Database, warehouse: Database) -> dict[str, Counter[str]]:
    """Every row of every table as text, read by the superuser."""
    found = {}
    with superuser(server, dict(warehouse.parameters)["dbname"]) as connection:
        tables = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema', "
            "'vocab', 'audit', 'dagster')"
        ).fetchall()
        connection.execute("SET bytea_output = 'escape'")
        for schema, table in tables:
            query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, table))
            found[f"{schema}.{table}"] = Counter(text for (text,) in connection.execute(query))
    return found


def canaries_in_tables(tables: dict[str, Counter[str]]) -> dict[str, int]:
    """Rows by table that hold a canary."""
    hits = {
        table: sum(count for text, count in rows.items() if any(word in text.lower() for word in CANARIES))
        for table, rows in tables.items()
    }
    return {table: number for table, number in hits.items() if number}


def canaries_in_files(home: Path) -> list[Path]:
    """Files that hold a canary, packed or not, or the note in Base64."""
    coded = base64.b64encode(NOTE.encode())[8:40]
    found = []
    for path in home.rglob("*"):
        if path.is_file() and "models" not in path.parts:
            content = path.read_bytes()
            if content.startswith(b"\x1f\x8b"):
                content += gzip.decompress(content)
            if coded in content or any(word.encode() in content.lower() for word in CANARIES):
                found.append(path)
    return found


def hide_too_deep(home: Path, text: str) -> Path:
    """A file under folders in folders, so deep that no path names it; returns the first folder."""
    above = os.open(home, os.O_RDONLY)
    for _level in range(25):
        os.mkdir("d" * 200, dir_fd=above)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    with os.fdopen(os.open("hidden", os.O_WRONLY | os.O_CREAT, dir_fd=above), "w") as stream:
        stream.write(text)
    os.close(above)
    return home / ("d" * 200)
