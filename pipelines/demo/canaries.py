"""A patient made of planted texts, and bad records that hold them too: input for the proof that nothing gets out.

Every way that the loaders know for a record to be unusable is here once, with a planted text in or beside what is
wrong, since errors are where content leaks.
"""

import gzip
import json
import os
import shutil
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.demo.calendar import AS_OF
from pipelines.demo.clinic import HCPCS, ICD10CM, LOINC, UCUM, Resource, concept
from pipelines.demo.cohort import MEDICAL_RECORD_NUMBER
from pipelines.demo.generate import generate
from pipelines.demo.messages import FACILITY, RECORD_AUTHORITY, VISIT_AUTHORITY

PATIENT_ID = "canary-patient"
"""FHIR id of the planted patient; in no way secret."""

PLANTED_PEOPLE = 2
"""Rows that the planted records add to ``omop.person``: the FHIR patient, who is also in ADT, and another of ADT."""

KINDS = (
    "family name", "given name", "record number", "street", "note phrase", "diagnosis text", "result text",
    "reason for visit", "message name", "message text", "unknown segment", "broken JSON", "not R4", "misfit value",
    "wrong date", "unknown type", "truncated file", "bundle entry", "stray text", "file name", "folder name",
    "argument", "search text",
)  # fmt: skip
"""What is planted as a word. Beside these there is a telephone number, of digits alone."""

PHONE = "telephone number"
_ENCOUNTER = "canary-visit"
_SUBJECT = {"reference": f"Patient/{PATIENT_ID}"}


@dataclass(frozen=True)
class Planted:
    """The planted texts of a run by kind; those of ``KINDS`` are words, ``PHONE`` is digits."""

    texts: Mapping[str, str]

    def __getitem__(self, kind: str) -> str:
        return self.texts[kind]


def write_input(folder: Path, population: Path, patients: int, planted: Planted) -> None:
    """Write the synthetic population and the planted records into ``folder``.

    Args:
        folder: gets ``whole`` with everything, for a demo, and ``wrong`` with files that no command can read.
        population: where the synthetic population is made, or lies since an earlier run.
        patients: people of the synthetic population; 0: none.
        planted: what to plant.
    """
    whole = folder / "whole" / planted["folder name"]
    whole.mkdir(parents=True)
    if patients:
        made = generate(population, patients=patients)
        for source in (made.fhir_directory, made.hl7_directory):
            shutil.copytree(source, folder / "whole" / source.name)
    for name, content in _fhir_files(planted):
        (whole / name).write_bytes(content)
    for name, content in _hl7_files(planted):
        (whole / name).write_bytes(content)
    wrong = folder / "wrong"
    wrong.mkdir()
    (wrong / f"{planted['argument']}.ndjson").symlink_to(wrong / "absent")


def _fhir_files(planted: Planted) -> Iterator[tuple[str, bytes]]:
    """Good and bad FHIR, each fault in a file or line of its own."""
    good = [patient(planted), *_clinical(planted), _document(planted)]
    yield f"canary-{planted['file name']}.ndjson", _lines(*good)
    yield "canary-unusable.ndjson", _lines(*_unusable(planted))
    entry = {"resource": _observation("canary-in-bundle", planted["bundle entry"])}
    wrong_entry = {"resource": {"resourceType": planted["bundle entry"], "id": planted["bundle entry"]}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry, wrong_entry, planted["bundle entry"]]}
    yield "canary-bundle.json", json.dumps(bundle).encode()
    repeated = _lines(*(_observation(f"canary-cut-{n}", planted["truncated file"]) for n in range(200)))
    yield "canary-truncated.ndjson.gz", gzip.compress(repeated)[:-600]


def _unusable(planted: Planted) -> Iterator[Any]:
    """One record for each reason that a FHIR loader has to refuse it."""
    yield f'{{"resourceType": "Patient", "id": "broken", "name": [{{"family": "{planted["broken JSON"]}"'.encode()
    yield f"{planted['broken JSON']} is no JSON".encode()
    yield _observation("canary-status", planted["not R4"], status={"family": planted["not R4"]})
    yield _observation("canary-element", planted["not R4"], **{planted["not R4"]: planted["not R4"]})
    yield {"resourceType": "Patient", "id": "canary-born", "birthDate": f"19{planted['wrong date']}"}
    yield _observation("canary-day", planted["wrong date"], effectiveDateTime=f"2026-02-30 {planted['wrong date']}")
    quantity = {"value": 10**18, "unit": planted["misfit value"], "system": UCUM, "code": "%"}
    yield _observation("canary-misfit", planted["misfit value"], valueQuantity=quantity)
    yield _observation("canary-nul", f"{planted['misfit value']}\x00")
    yield {"resourceType": planted["unknown type"], "id": planted["unknown type"]}
    yield {"resourceType": "Observation", "status": planted["unknown type"]}
    yield [planted["unknown type"]]


def patient(planted: Planted) -> Resource:
    """A woman born 1960, planted in name, record number, telephone and address."""
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    return {
        "resourceType": "Patient",
        "id": PATIENT_ID,
        "identifier": [{"type": kind, "system": MEDICAL_RECORD_NUMBER, "value": planted["record number"]}],
        "name": [{"use": "official", "family": planted["family name"], "given": [planted["given name"]]}],
        "telecom": [{"system": "phone", "value": f"+{planted[PHONE]}"}],
        "gender": "female",
        "birthDate": "1960-04-12",
        "address": [{"line": [f"7 {planted['street']} Road"], "city": "Springfield", "postalCode": "00000"}],
    }


def _clinical(planted: Planted) -> Iterator[Resource]:
    """The visit that opens the gap, a diagnosis and a result."""
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    yield {
        "resourceType": "Encounter",
        "id": _ENCOUNTER,
        "status": "finished",
        "class": {"system": system, "code": "AMB"},
        "type": [concept(HCPCS, "G0439", "Annual wellness visit")],
        "subject": _SUBJECT,
        "period": {"start": "2026-07-14T09:00:00Z", "end": "2026-07-14T09:30:00Z"},
        "reasonCode": [{"text": planted["reason for visit"]}],
    }
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    category = "http://terminology.hl7.org/CodeSystem/condition-category"
    yield {
        "resourceType": "Condition",
        "id": "canary-condition",
        "clinicalStatus": concept(clinical, "active", "Active"),
        "category": [concept(category, "encounter-diagnosis", "Encounter Diagnosis")],
        "code": {**concept(ICD10CM, "E78.5", planted["diagnosis text"]), "text": planted["diagnosis text"]},
        "subject": _SUBJECT,
        "encounter": {"reference": f"Encounter/{_ENCOUNTER}"},
        "onsetDateTime": "2024-05-01",
        "note": [{"text": planted["diagnosis text"]}],
    }
    yield _observation("canary-result", planted["result text"])


def _observation(identifier: str, text: str, **changes: Any) -> Resource:
    return {
        "resourceType": "Observation",
        "id": identifier,
        "status": "final",
        "code": concept(LOINC, "2160-0", "Creatinine [Mass/volume] in Serum or Plasma"),
        "subject": _SUBJECT,
        "effectiveDateTime": "2026-07-14T09:10:00Z",
        "valueQuantity": {"value": 0.9, "unit": "mg/dL", "system": UCUM, "code": "mg/dL"},
        "note": [{"text": text}],
        **changes,
    }


def _document(planted: Planted) -> Resource:
    """A note whose sentence closes the colorectal gap, so that the model is asked with it."""
    text = (
        f"{planted['given name']} {planted['family name']} came for the annual wellness visit. "
        f"Colonoscopy at {planted['note phrase']} clinic in 2021 was normal. She walks every day."
    )
    return {
        "resourceType": "DocumentReference",
        "id": "canary-document",
        "status": "current",
        "docStatus": "final",
        "type": concept(LOINC, "11506-3", "Progress note"),
        "subject": _SUBJECT,
        "date": "2026-07-14T09:40:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "data": b64encode(text.encode()).decode()}}],
        "context": {"encounter": [{"reference": f"Encounter/{_ENCOUNTER}"}]},
    }


def _hl7_files(planted: Planted) -> Iterator[tuple[str, bytes]]:
    """Good and bad HL7 v2."""
    name, number = planted["message name"], planted["record number"]
    address = f"{planted['street']}^^Springfield"
    pid = f"PID|1||{{}}^^^{RECORD_AUTHORITY}^MR||{name}^{name}||19600412|F|||{address}||{planted[PHONE]}\r"
    unknown = f"ZZZ|{planted['unknown segment']}\rNTE|1||{planted['message text']}\r"
    messages = [
        _message("ADT^A04", "1", pid.format(number) + _visit("1") + unknown),
        # A usable message with dates that are none.
        _message("ADT^A01", "2", pid.format(f"{number}2").replace("19600412", planted["wrong date"]) + _visit("2")),
        _message("ADT^A08", "3", pid.format(f"{number}3") + _visit("3").replace("20260714", planted["wrong date"])),
        # No visit number, no patient identifier, no type, a merge without its other side, a continued message.
        _message("ADT^A01", "4", pid.format(f"{number}4") + f"PV1|{name}|{name}|{name}\r"),
        _message("ADT^A04", "5", f"PID|1||||{name}\r" + _visit("5")),
        _message(f"{name}^{name}", "6", pid.format(number) + _visit("6")),
        _message("ADT^A40", "7", pid.format(number) + f"MRG||{name}\r"),
        _message("ADT^A01", "8", pid.format(number) + _visit("8") + f"DSC|{name}\r"),
        _message("ORU^R01", "9", pid.format(number) + f"OBR|1||{name}|{name}\rOBX|1|NM|{name}||{name}||||||F\r"),
        _message("SIU^S12", "10", pid.format(number) + f"SCH|{name}\r"),
    ]
    yield "canary-adt.hl7", "".join(messages).encode()
    yield f"canary-{planted['file name']}.hl7", f"PID|1||1||{planted['stray text']}\r".encode()
    yield "canary-frame.hl7", b"\x0b" + messages[0].encode() + b"\x0b" + planted["stray text"].encode()
    yield "canary-truncated.hl7.gz", gzip.compress(os.urandom(1000) + messages[0].encode())[:-300]


def _message(kind: str, control_id: str, segments: str) -> str:
    head = f"MSH|^~\\&|REGADT|{FACILITY}|SANCTUM|DATAPLATFORM|20260714090000||{kind}|CANARY{control_id}|P|2.5.1\r"
    return f"{head}EVN|{kind.partition('^')[2]}|20260714090000\r{segments}"


def _visit(number: str) -> str:
    fields = ["PV1", "1", "O", "CLINIC^1", *[""] * 15, f"CANARY{number}^^^{VISIT_AUTHORITY}^VN", *[""] * 24]
    return "|".join([*fields, "20260714090000"]) + "\r"


def _lines(*records: Any) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


def main() -> None:
    """Write the input that the file given as the only argument describes."""
    plan = json.loads(Path(sys.argv[1]).read_text())
    write_input(Path(plan["folder"]), Path(plan["population"]), plan["patients"], Planted(plan["planted"]))


__all__ = ["AS_OF", "KINDS", "PATIENT_ID", "PHONE", "PLANTED_PEOPLE", "Planted", "main", "write_input"]

if __name__ == "__main__":
    main()
