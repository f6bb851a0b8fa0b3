"""Who looks after whom, and what not everyone may see: care teams, a treatment programme, psychotherapy, consents.

Written after everything else and into files of its own, from random sources of its own, so that nothing the generator
makes otherwise depends on it. None of it bears on the three measures: its encounters are of no qualifying kind.

Codes are public ones only. Labels: 42 CFR Part 2 and psychotherapy notes as HL7 v3 ActCode has them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson

from pipelines.demo.calendar import PERIOD_START
from pipelines.demo.clinic import HCPCS, ICD10CM, LOINC, Chart, Resource, concept, instant, stable_id
from pipelines.demo.cohort import Contact, Person
from pipelines.demo.notes import TEXT, note_document
from pipelines.demo.scenarios import random_for

FILES = "access"
"""These resources lie beside the others, as ``<Type>.access.ndjson``."""

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

SUBSTANCE_USE: Resource = {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "42CFRPart2"}
"""Label of everything the treatment programme records, and of the consent to disclose it."""

PSYCHOTHERAPY: Resource = {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "PSYTHPN"}
"""Label of psychotherapy notes."""

PROGRAMME = "demo-programme-wharf-road"
"""FHIR id of the organisation that treats substance use."""

TEAMS: Mapping[str, str] = {
    "demo-team-harbour": "Harbour Care Team",
    "demo-team-mill": "Mill Street Care Team",
    "demo-team-orchard": "Orchard Care Team",
    "demo-team-summit": "Summit Care Team",
}
"""Names of the care teams by the FHIR id of their organisation; each looks after about a quarter of the patients."""

_PATIENTS_PER_CASE = 12
_FEWEST_CASES = 2
_COUNSELLING = ("H0004", "Behavioral health counseling and therapy, per 15 minutes")
_OPIOID_DEPENDENCE = ("F11.20", "Opioid dependence, uncomplicated")
_BUPRENORPHINE = ("1819", "buprenorphine")
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_PROGRESS_NOTE = ("11506-3", "Progress note")
_CONSENT_DOCUMENT = ("59284-0", "Consent Document")
_CONSENT_END = date(2027, 12, 31)


@dataclass(frozen=True)
class Protected:
    """What of one patient is protected: codes of the labels, whether an active consent permits 42CFRPart2."""

    labels: frozenset[str]
    has_consent: bool


def write_access(
    cohort: Sequence[Person], charts: Iterable[Chart], seed: int, practitioners: list[str]
) -> list[Resource]:
    """A care team for everyone; for about one adult in twelve each the treatment programme and psychotherapy.

    Both have at least two patients where there are four adults alive and at home; nobody is in both. Every other
    patient of the programme consents to disclosure.
    """
    attending = {chart.visit.person.fhir_id: chart.contact.practitioner for chart in charts}
    found = list(_organisations())
    for number, person in enumerate(cohort):
        usual = attending.get(person.fhir_id) or random_for(seed, person.fhir_id, "team").choice(practitioners)
        found.append(_care_team(person, usual, list(TEAMS)[number % len(TEAMS)]))
    able = [person for person in cohort if person.age > 18 and person.alive and not person.in_hospital]
    count = max(_FEWEST_CASES, round(len(cohort) / _PATIENTS_PER_CASE))
    chosen = random_for(seed, "protected").sample(able, min(len(able), 2 * count))
    treated, counselled = chosen[: (len(chosen) + 1) // 2], chosen[(len(chosen) + 1) // 2 :]
    for number, person in enumerate(treated):
        found.extend(_treatment(person, seed, practitioners, number))
        if number % 2 == 0:
            found.append(_consent(person))
    for number, person in enumerate(counselled):
        found.extend(_psychotherapy(person, seed, practitioners, number))
    return found


def read_protected(directory: Path) -> dict[str, Protected]:
    """The patients of whom something is protected, by FHIR id, as the files in ``directory`` have it."""
    labels: dict[str, set[str]] = defaultdict(set)
    permitted: set[str] = set()
    for path in sorted(directory.glob(f"*.{FILES}.ndjson")):
        for line in path.read_bytes().splitlines():
            resource = orjson.loads(line)
            about = resource.get("subject") or resource.get("patient")
            if about is None:
                continue
            patient = str(about["reference"]).removeprefix("Patient/")
            if resource["resourceType"] == "Consent":
                permitted.add(patient)
            coded = [coding for part in resource.get("securityLabel", ()) for coding in part["coding"]]
            for coding in (*coded, *resource["meta"].get("security", ())):
                labels[patient].add(coding["code"])
    return {patient: Protected(frozenset(found), patient in permitted) for patient, found in sorted(labels.items())}


def _organisations() -> Iterator[Resource]:
    for identifier, name in (*TEAMS.items(), (PROGRAMME, "Wharf Road Treatment Programme")):
        kind = ("prov", "Healthcare Provider") if identifier == PROGRAMME else ("team", "Organizational team")
        yield {
            "resourceType": "Organization",
            "id": identifier,
            "active": True,
            "type": [concept(f"{_TERMINOLOGY}/organization-type", *kind)],
            "name": name,
            "partOf": {"reference": "Organization/hospital-main"},
        }


def _care_team(person: Person, practitioner: str, team: str) -> Resource:
    began = max(PERIOD_START, person.birth_date)
    organisation = {"reference": f"Organization/{team}"}
    return {
        "resourceType": "CareTeam",
        "id": stable_id("demo-team", person.fhir_id),
        "meta": {"lastUpdated": instant(datetime.combine(began, time(12)))},
        "status": "active",
        "subject": _subject(person),
        "period": {"start": began.isoformat()},
        "participant": [{"member": {"reference": practitioner}}, {"member": organisation}],
        "managingOrganization": [organisation],
    }


def _treatment(person: Person, seed: int, practitioners: list[str], number: int) -> Iterator[Resource]:
    """Intake and a visit four weeks later, diagnosis, prescription and counselling note, all labelled."""
    random = random_for(seed, person.fhir_id, "programme")
    practitioner = random.choice(practitioners)
    begin = _session(date(2026, 3, 2) + timedelta(days=random.randint(0, 60)))
    intake, later = (
        Contact(stable_id("demo-enc", person.fhir_id, "programme", name), start, practitioner)
        for name, start in (("intake", begin), ("later", begin + timedelta(days=28)))
    )
    note = note_document(person, later, _PROGRESS_NOTE, _text("substance_use", number))
    note["securityLabel"] = [{"coding": [SUBSTANCE_USE]}]
    note["custodian"] = {"reference": f"Organization/{PROGRAMME}"}
    parts = (
        _encounter(person, intake, PROGRAMME),
        _encounter(person, later, PROGRAMME),
        _diagnosis(person, intake),
        _prescription(person, intake),
        note,
    )
    for resource in parts:
        resource["meta"]["security"] = [SUBSTANCE_USE]
        yield resource


def _psychotherapy(person: Person, seed: int, practitioners: list[str], number: int) -> Iterator[Resource]:
    """A session and its note: only the note is a psychotherapy note, and only its own label says so."""
    random = random_for(seed, person.fhir_id, "psychotherapy")
    start = _session(date(2026, 4, 6) + timedelta(days=random.randint(0, 60)))
    contact = Contact(stable_id("demo-enc", person.fhir_id, "session"), start, random.choice(practitioners))
    yield _encounter(person, contact, "dept-medical-social-work")
    note = note_document(person, contact, _PROGRESS_NOTE, _text("psychotherapy", number))
    yield note | {"securityLabel": [{"coding": [PSYCHOTHERAPY]}]}


def _consent(person: Person) -> Resource:
    """Permits disclosure of what the programme records."""
    given = datetime(2026, 3, 1, 15)
    return {
        "resourceType": "Consent",
        "id": stable_id("demo-consent", person.fhir_id),
        "meta": {"lastUpdated": instant(given), "security": [SUBSTANCE_USE]},
        "status": "active",
        "scope": concept(f"{_TERMINOLOGY}/consentscope", "patient-privacy", "Privacy Consent"),
        "category": [concept(LOINC, *_CONSENT_DOCUMENT)],
        "patient": _subject(person),
        "dateTime": instant(given),
        "organization": [{"reference": f"Organization/{PROGRAMME}"}],
        "policyRule": {"coding": [SUBSTANCE_USE]},
        "provision": {
            "type": "permit",
            "period": {"start": given.date().isoformat(), "end": _CONSENT_END.isoformat()},
            "securityLabel": [SUBSTANCE_USE],
        },
    }


def _session(day: date) -> datetime:
    return datetime.combine(day, time(16, 30))


def _text(kind: str, number: int) -> str:
    """One of the texts of ``kind``, in turn."""
    texts: Sequence[str] = TEXT["protected"][kind]
    return texts[number % len(texts)] + "\n"


def _subject(person: Person) -> Resource:
    return {"reference": f"Patient/{person.fhir_id}"}


def _encounter(person: Person, contact: Contact, organisation: str) -> Resource:
    end = contact.start + timedelta(minutes=30)
    return {
        "resourceType": "Encounter",
        "id": contact.encounter,
        "meta": {"lastUpdated": instant(end)},
        "status": "finished",
        "class": {"system": f"{_TERMINOLOGY}/v3-ActCode", "code": "AMB", "display": "ambulatory"},
        "type": [concept(HCPCS, *_COUNSELLING)],
        "subject": _subject(person),
        "participant": [{"individual": {"reference": contact.practitioner}}],
        "period": {"start": instant(contact.start), "end": instant(end)},
        "serviceProvider": {"reference": f"Organization/{organisation}"},
    }


def _diagnosis(person: Person, contact: Contact) -> Resource:
    return {
        "resourceType": "Condition",
        "id": stable_id("demo-cond", person.fhir_id, "dependence"),
        "meta": {"lastUpdated": instant(contact.start)},
        "clinicalStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-clinical", "code": "active"}]},
        "verificationStatus": {"coding": [{"system": f"{_TERMINOLOGY}/condition-ver-status", "code": "confirmed"}]},
        "category": [{"coding": [{"system": f"{_TERMINOLOGY}/condition-category", "code": "encounter-diagnosis"}]}],
        "code": concept(ICD10CM, *_OPIOID_DEPENDENCE),
        "onsetDateTime": contact.start.date().isoformat(),
        "recordedDate": instant(contact.start),
        "recorder": {"reference": contact.practitioner},
        **_in_visit(person, contact),
    }


def _prescription(person: Person, contact: Contact) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": stable_id("demo-med", person.fhir_id, "buprenorphine"),
        "meta": {"lastUpdated": instant(contact.start)},
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": concept(_RXNORM, *_BUPRENORPHINE),
        "authoredOn": instant(contact.start),
        "requester": {"reference": contact.practitioner},
        **_in_visit(person, contact),
    }


def _in_visit(person: Person, contact: Contact) -> dict[str, Any]:
    return {"subject": _subject(person), "encounter": {"reference": f"Encounter/{contact.encounter}"}}
