"""The wellness visits the generator adds: encounter, vital signs, diagnoses, results, screening (FHIR R4 resources).

Codes are public ones only: HCPCS, LOINC, ICD-10-CM.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import blake2b
from typing import Any

from pipelines.demo.cohort import HEMOGLOBIN_A1C, Contact
from pipelines.demo.scenarios import Finding, Measure, Visit, random_for

Resource = dict[str, Any]

HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
LOINC = "http://loinc.org"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

_WELLNESS_VISITS = (
    ("G0439", "Annual wellness visit, includes a personalized prevention plan of service (pps), subsequent visit"),
    ("G0438", "Annual wellness visit; includes a personalized prevention plan of service (pps), initial visit"),
)
_NURSE_VISIT = ("G0463", "Hospital outpatient clinic visit for assessment and management of a patient")
_SCREENING_COLONOSCOPY = (
    "G0121",
    "Colorectal cancer screening; colonoscopy on individual not meeting criteria for high risk",
)
_STOOL_IMMUNOASSAY = ("29771-3", "Hemoglobin.gastrointestinal.lower [Presence] in Stool by Immunoassay")
_STOOL_DNA = ("77354-9", "Noninvasive colorectal cancer DNA and occult blood screening [Presence] in Stool")


@dataclass(frozen=True)
class Chart:
    """What the generator added to one person's record: its resources, and what notes of the visit must agree with.

    ``blood_pressure`` is (systolic, diastolic) in mm[Hg] as measured at the visit; ``nurse_contact`` an earlier visit
    without measurements, where there was room for one.
    """

    visit: Visit
    contact: Contact
    blood_pressure: tuple[int, int]
    nurse_contact: Contact | None
    resources: tuple[Resource, ...]


def stable_id(prefix: str, *parts: str) -> str:
    """A FHIR id that depends on its parts only."""
    return f"{prefix}-{blake2b(chr(31).join(parts).encode(), digest_size=6).hexdigest()}"


def instant(moment: datetime) -> str:
    """A FHIR instant in UTC with seconds, as clinosim writes them; naive datetimes are UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def concept(system: str, code: str, display: str) -> Resource:
    """A CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def write_chart(visit: Visit, seed: int, practitioners: list[str]) -> Chart:
    """The resources of ``visit``, attended by one of ``practitioners`` (references)."""
    random = random_for(seed, visit.person.fhir_id, "chart")
    practitioner = random.choice(practitioners)
    contact = Contact(stable_id("demo-enc", visit.person.fhir_id, "wellness"), visit.start, practitioner)
    pressure = _blood_pressure(visit, seed)
    nurse = _nurse_contact(visit, seed, practitioner)
    resources = [_encounter(visit, contact, random.choices(_WELLNESS_VISITS, (4, 1))[0], 30)]
    if nurse:
        resources.append(_encounter(visit, nurse, _NURSE_VISIT, 15))
    resources.append(_pressure_panel(visit, contact, pressure))
    resources.extend(_diagnoses(visit, contact))
    resources.extend(_glycemic_results(visit, contact, seed))
    resources.extend(_screening(visit, contact, seed))
    return Chart(visit, contact, pressure, nurse, tuple(resources))


def _subject(visit: Visit) -> Resource:
    return {"reference": f"Patient/{visit.person.fhir_id}"}


def _nurse_contact(visit: Visit, seed: int, practitioner: str) -> Contact | None:
    """A nurse visit a week or two before the wellness visit, for some of those last seen before that."""
    random = random_for(seed, visit.person.fhir_id, "nurse")
    start = visit.start - timedelta(days=random.randint(7, 14))
    if random.random() > 0.35 or start.date() <= visit.person.last_seen:
        return None
    return Contact(stable_id("demo-enc", visit.person.fhir_id, "nurse"), start, practitioner)


def _encounter(visit: Visit, contact: Contact, kind: tuple[str, str], minutes: int) -> Resource:
    end = contact.start + timedelta(minutes=minutes)
    return {
        "resourceType": "Encounter",
        "id": contact.encounter,
        "meta": {"lastUpdated": instant(end)},
        "status": "finished",
        "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [concept(HCPCS, *kind)],
        "subject": _subject(visit),
        "participant": [{"individual": {"reference": contact.practitioner}}],
        "period": {"start": instant(contact.start), "end": instant(end)},
        "serviceProvider": {"reference": "Organization/dept-primary-care"},
        "location": [{"location": {"reference": "Location/loc-dept-primary-care"}, "status": "completed"}],
    }


def _blood_pressure(visit: Visit, seed: int) -> tuple[int, int]:
    random = random_for(seed, visit.person.fhir_id, "pressure")
    if visit.findings.get(Measure.BLOOD_PRESSURE, Finding.STRUCTURED) is Finding.STRUCTURED:
        return random.randint(108, 136), random.randint(64, 84)
    return random.randint(142, 168), random.randint(82, 98)


def _observation(
    visit: Visit, contact: Contact, category: str, code: tuple[str, str], when: datetime, value: Resource
) -> Resource:
    return {
        "resourceType": "Observation",
        "id": stable_id("demo-obs", visit.person.fhir_id, code[0]),
        "meta": {"lastUpdated": instant(when)},
        "status": "final",
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/observation-category", "code": category}]}],
        "code": concept(LOINC, *code),
        "subject": _subject(visit),
        "encounter": {"reference": f"Encounter/{contact.encounter}"},
        "effectiveDateTime": instant(when),
        "performer": [{"reference": contact.practitioner}],
        **value,
    }


def _quantity(value: float, unit: str) -> Resource:
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}}


def _pressure_panel(visit: Visit, contact: Contact, pressure: tuple[int, int]) -> Resource:
    systolic = {"code": concept(LOINC, "8480-6", "Systolic blood pressure"), **_quantity(pressure[0], "mm[Hg]")}
    diastolic = {"code": concept(LOINC, "8462-4", "Diastolic blood pressure"), **_quantity(pressure[1], "mm[Hg]")}
    when = contact.start + timedelta(minutes=5)
    panel = ("85354-9", "Blood pressure panel with all children optional")
    return _observation(visit, contact, "vital-signs", panel, when, {"component": [systolic, diastolic]})


def _diagnoses(visit: Visit, contact: Contact) -> Iterator[Resource]:
    """Diabetes as an encounter diagnosis: CMS122 does not count the problem list."""
    if visit.diabetes_onset is None:
        return
    yield {
        "resourceType": "Condition",
        "id": stable_id("demo-cond", visit.person.fhir_id, "diabetes"),
        "meta": {"lastUpdated": instant(contact.start)},
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-ver-status", "code": "confirmed"}]},
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/condition-category", "code": "encounter-diagnosis"}]}],
        "code": concept(ICD10CM, "E11.9", "Type 2 diabetes mellitus without complications"),
        "subject": _subject(visit),
        "encounter": {"reference": f"Encounter/{contact.encounter}"},
        "onsetDateTime": visit.diabetes_onset,
        "recordedDate": instant(contact.start),
        "recorder": {"reference": contact.practitioner},
    }


def _glycemic_results(visit: Visit, contact: Contact, seed: int) -> Iterator[Resource]:
    """An HbA1c of the visit day that closes the gap, where the structured record is to hold the answer."""
    if visit.findings.get(Measure.GLYCEMIC_STATUS) is Finding.STRUCTURED:
        percent = random_for(seed, visit.person.fhir_id, "a1c").randint(58, 86) / 10
        code = (HEMOGLOBIN_A1C, "Hemoglobin A1c/Hemoglobin.total in Blood")
        when = contact.start + timedelta(minutes=15)
        yield _observation(visit, contact, "laboratory", code, when, _quantity(percent, "%"))


def _screening(visit: Visit, contact: Contact, seed: int) -> Iterator[Resource]:
    """A stool test or a colonoscopy inside its look-back, where the structured record is to hold the answer."""
    if visit.findings.get(Measure.COLORECTAL_SCREENING) is not Finding.STRUCTURED:
        return
    random = random_for(seed, visit.person.fhir_id, "screening")
    negative = {"valueCodeableConcept": {"text": "Negative"}}
    match random.choice(("immunoassay", "dna", "colonoscopy")):
        case "immunoassay":
            when = contact.start - timedelta(days=random.randint(3, 90))
            yield _observation(visit, contact, "laboratory", _STOOL_IMMUNOASSAY, when, negative)
        case "dna":
            when = contact.start - timedelta(days=random.randint(60, 500))
            yield _observation(visit, contact, "laboratory", _STOOL_DNA, when, negative)
        case _:
            day = date(random.randint(max(2018, min(2024, visit.person.birth_date.year + 45)), 2025), 4, 1)
            yield _colonoscopy(visit, contact, day + timedelta(days=random.randint(0, 200)))


def _colonoscopy(visit: Visit, contact: Contact, day: date) -> Resource:
    return {
        "resourceType": "Procedure",
        "id": stable_id("demo-proc", visit.person.fhir_id, "colonoscopy"),
        "meta": {"lastUpdated": instant(contact.start)},
        "status": "completed",
        "code": concept(HCPCS, *_SCREENING_COLONOSCOPY),
        "subject": _subject(visit),
        "performedDateTime": day.isoformat(),
        "recorder": {"reference": contact.practitioner},
    }
