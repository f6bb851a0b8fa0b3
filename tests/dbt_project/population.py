"""A few people written by hand, each there for one rule of omop or features."""

import base64
import json
from pathlib import Path
from typing import Any

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
MRN = "urn:oid:1.2.3.4.5"
ADT = (
    "MSH|^~\\&|ADT|WEST|SANCTUM|HUB|20260301101500||ADT^A01|M1|P|2.5\r"
    "EVN|A01|20260301101500\r"
    "PID|1||A-1^^^WEST&1.2.3.4.5&ISO^MR||DOE^JANE||19600412|F\r"
    # PV1-2, PV1-3, then PV1-19 and PV1-44.
    "PV1|1|I|4E^1^A" + "|" * 16 + "V-77^^^WEST&1.2.3.4.5&ISO" + "|" * 25 + "20260301101500\r"
)


def coded(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display or code}]}


def patient(name: str, born: str | None, mrn: str, **extra: Any) -> dict[str, Any]:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}
    identifier = {"system": MRN, "value": mrn, "type": kind}
    result = {"resourceType": "Patient", "id": name, "identifier": [identifier], "gender": "female", **extra}
    return result | ({"birthDate": born} if born else {})


def of(person: str, kind: str, name: str, **elements: Any) -> dict[str, Any]:
    subject = "patient" if kind in ("AllergyIntolerance", "Immunization") else "subject"
    return {"resourceType": kind, "id": name, subject: {"reference": f"Patient/{person}"}, **elements}


def visit(person: str, name: str, start: str, end: str | None, code: str = "AMB", **extra: Any) -> dict[str, Any]:
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    period = {"start": start} | ({"end": end} if end else {})
    status = "finished" if end else "in-progress"
    return of(
        person, "Encounter", name, status=status, **{"class": {"system": system, "code": code}}, period=period, **extra
    )


def condition(person: str, name: str, code: dict[str, Any], category: str, **extra: Any) -> dict[str, Any]:
    status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    categories = "http://terminology.hl7.org/CodeSystem/condition-category"
    return of(
        person,
        "Condition",
        name,
        **{"clinicalStatus": coded(status, "active"), "category": [coded(categories, category)], "code": code},
        **{"onsetDateTime": "2020-05-01", **extra},
    )


def result(person: str, name: str, code: str, day: str, value: float, unit: str, **extra: Any) -> dict[str, Any]:
    quantity = {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}
    return of(
        person,
        "Observation",
        name,
        status="final",
        code=coded(LOINC, code),
        effectiveDateTime=day,
        valueQuantity=quantity,
        **extra,
    )


def blood_pressure(person: str, name: str, day: str, systolic: int, diastolic: int, at: str) -> dict[str, Any]:
    def component(code: str, value: int) -> dict[str, Any]:
        quantity = {"value": value, "unit": "mm[Hg]", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
        return {"code": coded(LOINC, code), "valueQuantity": quantity}

    return of(
        person,
        "Observation",
        name,
        status="final",
        code=coded(LOINC, "85354-9"),
        effectiveDateTime=day,
        encounter={"reference": f"Encounter/{at}"},
        component=[component("8480-6", systolic), component("8462-4", diastolic)],
    )


def resources() -> list[dict[str, Any]]:
    text = base64.b64encode(b"Colonoscopy in 2021 was normal.").decode()
    attachment = {"contentType": "text/plain", "data": text}
    wellness = {"type": [coded(HCPCS, "G0439")]}
    return [
        patient("jane", "1960-04-12", "A-1"),
        visit("jane", "jane-visit", "2026-02-03T09:00:00-05:00", "2026-02-03T09:30:00-05:00", **wellness),
        visit("jane", "jane-stay", "2026-03-01T08:00:00-05:00", None, "IMP"),
        condition("jane", "jane-t2dm-1", coded(ICD10, "E11.9"), "encounter-diagnosis"),
        condition("jane", "jane-t2dm-2", coded(ICD10, "E11.65"), "problem-list-item"),
        condition("jane", "jane-htn", coded(ICD10, "I10"), "problem-list-item"),
        condition("jane", "jane-own", coded("urn:local", "X-1", "Local problem"), "problem-list-item"),
        condition(
            "jane",
            "jane-maybe",
            coded(ICD10, "J44.9"),
            "problem-list-item",
            verificationStatus=coded("http://terminology.hl7.org/CodeSystem/condition-ver-status", "provisional"),
        ),
        condition("jane", "jane-fall", coded(ICD10, "Z79.4"), "problem-list-item"),
        condition("jane", "jane-failure", coded(ICD10, "I50.9"), "problem-list-item"),
        of(
            "jane",
            "AllergyIntolerance",
            "jane-none",
            category=["medication"],
            code={"text": "NKDA"},
            recordedDate="2026-02-03",
            clinicalStatus=coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active"),
        ),
        result("jane", "jane-a1c-old", "4548-4", "2026-01-10", 10.2, "%"),
        result("jane", "jane-a1c", "4548-4", "2026-02-03", 8.1, "%"),
        result("jane", "jane-nausea", "00000-0", "2026-02-03", 3, "{nonsense}"),
        blood_pressure("jane", "jane-bp-high", "2026-02-03", 150, 95, "jane-visit"),
        blood_pressure("jane", "jane-bp-low", "2026-02-03", 138, 92, "jane-visit"),
        blood_pressure("jane", "jane-bp-stay", "2026-03-02", 110, 70, "jane-stay"),
        of(
            "jane",
            "MedicationRequest",
            "jane-metformin",
            status="active",
            intent="order",
            medicationCodeableConcept=coded(RXNORM, "6809"),
            authoredOn="2026-02-03",
            dispenseRequest={
                "expectedSupplyDuration": {"value": 30, "system": "http://unitsofmeasure.org", "code": "d"}
            },
        ),
        of(
            "jane",
            "DocumentReference",
            "jane-note",
            status="current",
            type=coded(LOINC, "34131-3"),
            date="2026-02-03T10:00:00Z",
            content=[{"attachment": attachment}],
        ),
        of(
            "jane",
            "DiagnosticReport",
            "jane-report",
            status="final",
            code=coded(LOINC, "34131-3"),
            effectiveDateTime="2026-02-03",
            presentedForm=[attachment],
        ),
        patient("nobody", None, "B-1"),
        condition("nobody", "nobody-htn", coded(ICD10, "I10"), "problem-list-item"),
        patient("joan", "1970-07-01", "D-1"),
        # A circle of parts, and the third a visit in the office within the second.
        visit("joan", "joan-a", "2026-02-03", "2026-02-03", **wellness, partOf={"reference": "Encounter/joan-b"}),
        visit("joan", "joan-b", "2026-02-03", "2026-02-03", partOf={"reference": "Encounter/joan-a"}),
        visit("joan", "joan-whole", "2026-04-01", "2026-04-02", "IMP"),
        visit("joan", "joan-part", "2026-04-01", "2026-04-01", partOf={"reference": "Encounter/joan-whole"}),
        condition("joan", "joan-t2dm", coded(ICD10, "E11.9"), "encounter-diagnosis"),
        result("joan", "joan-a1c", "4548-4", "2026-03-01", 12, "{units}"),
        patient("twin-a", "1990-01-01", "C-1"),
        patient("twin-b", "1991-01-01", "C-1"),
        patient(
            "old-record", "1960-04-12", "A-2", link=[{"other": {"reference": "Patient/jane"}, "type": "replaced-by"}]
        ),
    ]


def write(folder: Path) -> tuple[Path, Path]:
    """A folder of NDJSON and an HL7 v2 file."""
    fhir = folder / "population.ndjson"
    fhir.write_text("".join(json.dumps(resource) + "\n" for resource in resources()))
    hl7 = folder / "feed.hl7"
    hl7.write_bytes(ADT.encode())
    return fhir, hl7
