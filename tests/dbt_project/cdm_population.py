"""People written by hand for what CDM 5.4 has room for: texts longer than its columns, eras, doses and panels."""

import base64
import json
from pathlib import Path
from typing import Any

from tests.dbt_project.population import ICD10, LOINC, RXNORM, coded, condition, of, patient, result, visit

LABEL = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "R"}
AMLODIPINE, METOPROLOL = 1332418, 2100000401
TABLET, BOTH = 2100000402, 2100000403
CONCEPTS = [
    (METOPROLOL, "metoprolol", "Ingredient", "6918"),
    (TABLET, "amlodipine 5 MG Oral Tablet", "Clinical Drug", "197361"),
    (BOTH, "amlodipine / metoprolol Oral Tablet", "Clinical Drug", "999361"),
]
"""Drugs that the starter lacks: id, name, class, RxNorm code."""
ANCESTORS = [(AMLODIPINE, TABLET), (AMLODIPINE, BOTH), (METOPROLOL, BOTH)]
STRENGTHS = [(TABLET, AMLODIPINE, 5), (BOTH, AMLODIPINE, 10), (BOTH, METOPROLOL, 50)]
"""Milligrams of an ingredient in a piece."""


def long(length: int) -> str:
    """A text that no column of less than this length holds."""
    return ("ü" * length)[:length]


def prescribed(person: str, name: str, code: str, day: str, **parts: Any) -> dict[str, Any]:
    """Thirty pieces for thirty days."""
    supply = {"value": 30, "system": "http://unitsofmeasure.org", "code": "d"}
    return of(
        person,
        "MedicationRequest",
        name,
        status="active",
        intent="order",
        medicationCodeableConcept=coded(RXNORM, code),
        authoredOn=day,
        dispenseRequest={"expectedSupplyDuration": supply, "quantity": {"value": 30}},
        **parts,
    )


def _panel(person: str, name: str, **parts: Any) -> dict[str, Any]:
    """A result with a value of its own and two parts."""
    pressure = {"value": 90, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    found = result(person, name, "85354-9", "2026-02-03", 90, "mm[Hg]", **parts)
    return found | {
        "component": [{"code": coded(LOINC, code), "valueQuantity": pressure} for code in ("8480-6", "8462-4")]
    }


def _wordy() -> list[dict[str, Any]]:
    """One of each record that fills a varchar, with more than it holds."""
    admission = {"admitSource": coded("urn:a", "a" * 70), "dischargeDisposition": coded("urn:d", "d" * 70)}
    home = {"city": long(60), "state": "Massachusetts", "postalCode": "02177-1234", "district": long(30)}
    text = base64.b64encode(b"Nothing of note.").decode()
    device = {
        "resourceType": "Device",
        "id": "long-device",
        "type": coded("urn:t", "t" * 70),
        "serialNumber": "s" * 300,
    }
    specialty = {"code": coded("urn:q", "q" * 70)}
    dose = {"value": 1, "unit": long(60)}
    return [
        patient("wordy", "1960-04-12", "MRN-wordy", address=[{**home, "country": long(90)}]),
        {"resourceType": "Organization", "id": "long-site", "name": long(300), "type": [coded("urn:o", "o" * 70)]},
        {
            "resourceType": "Practitioner",
            "id": "long-doctor",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1" * 30}],
            "qualification": [specialty],
        },
        visit("wordy", "long-visit", "2026-02-03", "2026-02-03", "X" * 70, hospitalization=admission),
        visit("wordy", "long-part", "2026-02-03", "2026-02-03", "Y" * 70, partOf={"reference": "Encounter/long-visit"}),
        condition("wordy", "long-condition", coded("urn:c", "c" * 70), "problem-list-item"),
        prescribed("wordy", "long-drug", "r" * 70, "2026-02-03"),
        of(
            "wordy",
            "Immunization",
            "long-shot",
            status="completed",
            vaccineCode=coded("urn:v", "v" * 70),
            occurrenceDateTime="2026-02-03",
            lotNumber="l" * 70,
            route=coded("urn:r", "r" * 70),
            doseQuantity=dose,
        ),
        {**device, "patient": {"reference": "Patient/wordy"}, "udiCarrier": [{"deviceIdentifier": "u" * 300}]},
        of("wordy", "DeviceUseStatement", "long-use", status="active", recordedOn="2026-02-03",
           device={"reference": "Device/long-device"}),
        of("wordy", "Procedure", "long-procedure", status="completed", code=coded("urn:p", "p" * 70),
           performedDateTime="2026-02-03"),
        result("wordy", "long-result", "4548-4", "2026-02-03", 8, "x" * 70),
        of("wordy", "Observation", "long-words", status="final", code=coded("urn:w", "w" * 70),
           effectiveDateTime="2026-02-03", valueString=long(200), interpretation=[coded("urn:i", "i" * 70)]),
        of("wordy", "Specimen", "long-specimen", type=coded("urn:s", "s" * 70),
           collection={"collectedDateTime": "2026-02-03", "bodySite": coded("urn:b", "b" * 70), "quantity": dose}),
        of("wordy", "DocumentReference", "long-note", status="current", type=coded("urn:n", "n" * 70),
           date="2026-02-03T10:00:00Z", description=long(300),
           content=[{"attachment": {"contentType": "text/plain", "data": text, "title": long(300)}}]),
    ]  # fmt: skip


def resources() -> list[dict[str, Any]]:
    """All records."""
    return [
        patient("pat", "1960-04-12", "MRN-pat"),
        # To 30 January, then from 20 February to 21 March, and one that is labelled between them.
        prescribed("pat", "first", "197361", "2026-01-01"),
        prescribed("pat", "second", "197361", "2026-02-20"),
        prescribed("pat", "secret", "197361", "2026-02-01", meta={"security": [LABEL]}),
        prescribed("pat", "both", "999361", "2026-06-01"),
        condition("pat", "dm", coded(ICD10, "E11.9"), "problem-list-item", onsetDateTime="2026-01-01"),
        condition("pat", "dm-2", coded(ICD10, "E11.9"), "problem-list-item", onsetDateTime="2026-02-01"),
        condition(
            "pat", "dm-secret", coded(ICD10, "E11.9"), "problem-list-item", onsetDateTime="2026-03-01",
            meta={"security": [LABEL]},
        ),
        condition("pat", "own", coded("urn:local", "X-1"), "problem-list-item"),
        _panel("pat", "panel"),
        _panel("pat", "secret-panel", meta={"security": [LABEL]}),
        *_wordy(),
    ]  # fmt: skip


def write(folder: Path) -> Path:
    """A file of NDJSON."""
    path = folder / "population.ndjson"
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources()))
    return path
