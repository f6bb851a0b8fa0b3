"""What the generator has to know of each simulated patient to add to the record without contradicting it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from pipelines.demo.calendar import PERIOD_END, PERIOD_START

MEDICAL_RECORD_NUMBER = "http://hospital.example.org/identifiers/mrn"
"""FHIR identifier system of the hospital's medical record numbers, and universal id of its HL7 v2 authority."""

HEMOGLOBIN_A1C = "4548-4"


@dataclass(frozen=True)
class Contact:
    """A finished ambulatory encounter inside the measurement period that a note may be linked to."""

    encounter: str
    start: datetime
    practitioner: str


@dataclass
class Person:
    """One simulated patient.

    ``diagnoses`` maps ICD-10-CM codes to the first onset date; ``a1c`` holds (day, percent) of HbA1c results inside
    the measurement period; ``last_seen`` is the last day of any encounter or result.
    """

    patient: dict[str, Any]
    last_seen: date = date.min
    in_hospital: bool = False
    diagnoses: dict[str, str] = field(default_factory=dict)
    a1c: list[tuple[date, float]] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)

    @property
    def fhir_id(self) -> str:
        """FHIR logical id."""
        return str(self.patient["id"])

    @property
    def record_number(self) -> str:
        """Medical record number, in system MEDICAL_RECORD_NUMBER."""
        values = [i["value"] for i in self.patient["identifier"] if i.get("system") == MEDICAL_RECORD_NUMBER]
        return str(values[0])

    @property
    def birth_date(self) -> date:
        """Date of birth."""
        return date.fromisoformat(self.patient["birthDate"])

    @property
    def age(self) -> int:
        """Whole years at the end of the measurement period, as the measures count them."""
        return PERIOD_END.year - self.birth_date.year

    @property
    def female(self) -> bool:
        """Whether administrative gender is female."""
        return bool(self.patient["gender"] == "female")

    @property
    def alive(self) -> bool:
        """Whether no death is recorded."""
        return "deceasedDateTime" not in self.patient and not self.patient.get("deceasedBoolean", False)

    def has(self, *prefixes: str) -> bool:
        """Whether any diagnosis starts with one of these ICD-10-CM prefixes."""
        return any(code.startswith(prefixes) for code in self.diagnoses)


def read_cohort(directory: Path) -> list[Person]:
    """The patients in ``directory``'s NDJSON files, in order of FHIR id."""
    people = {patient["id"]: Person(patient) for patient in _resources(directory / "Patient.ndjson")}
    _read_encounters(directory, people)
    for condition in _resources(directory / "Condition.ndjson"):
        person = people[_patient_of(condition)]
        onset = str(condition.get("onsetDateTime") or condition["recordedDate"])[:10]
        for coding in condition["code"].get("coding", []):
            earlier = person.diagnoses.get(coding["code"], onset)
            person.diagnoses[coding["code"]] = min(onset, earlier)
    _read_observations(directory, people)
    return [people[identifier] for identifier in sorted(people)]


def read_practitioners(directory: Path, prefix: str) -> list[dict[str, Any]]:
    """Practitioners whose id starts with ``prefix`` (clinosim: DR-PC primary care, DR-EM emergency), in order of id."""
    found = (p for p in _resources(directory / "Practitioner.ndjson") if p["id"].startswith(prefix))
    return sorted(found, key=lambda practitioner: str(practitioner["id"]))


def _read_encounters(directory: Path, people: dict[str, Person]) -> None:
    contacts: dict[str, list[Contact]] = defaultdict(list)
    for encounter in _resources(directory / "Encounter.ndjson"):
        person = people[_patient_of(encounter)]
        period = encounter["period"]
        start = datetime.fromisoformat(period["start"])
        person.last_seen = max(person.last_seen, datetime.fromisoformat(period.get("end", period["start"])).date())
        person.in_hospital |= encounter["status"] == "in-progress"
        finished_clinic_visit = encounter["class"]["code"] == "AMB" and encounter["status"] == "finished"
        if finished_clinic_visit and start.date() >= PERIOD_START and encounter.get("participant"):
            practitioner = encounter["participant"][0]["individual"]["reference"]
            contacts[person.fhir_id].append(Contact(encounter["id"], start, practitioner))
    for identifier, found in contacts.items():
        people[identifier].contacts = sorted(found, key=lambda contact: (contact.start, contact.encounter))


def _read_observations(directory: Path, people: dict[str, Person]) -> None:
    for observation in _resources(directory / "Observation.ndjson"):
        when = observation.get("effectiveDateTime")
        if when is None:
            continue
        person = people[_patient_of(observation)]
        day = date.fromisoformat(when[:10])
        person.last_seen = max(person.last_seen, day)
        codes = {coding["code"] for coding in observation["code"].get("coding", [])}
        if HEMOGLOBIN_A1C in codes and day >= PERIOD_START:
            person.a1c.append((day, float(observation["valueQuantity"]["value"])))


def _patient_of(resource: dict[str, Any]) -> str:
    return str(resource["subject"]["reference"]).removeprefix("Patient/")


def _resources(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        for line in lines:
            yield orjson.loads(line)
