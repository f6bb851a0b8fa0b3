"""The HL7 v2 feed of some patients: stays, emergency visits, updates, cancellations, a merge, results, and bad manners.

The people are patients of the FHIR population under the same medical record numbers, so both sources meet in one
person. Visits of the feed lie after the simulation's end and never on the day of a wellness visit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import chain, cycle, groupby
from pathlib import Path
from random import Random
from typing import Any

from pipelines.demo import messages as hl7
from pipelines.demo.calendar import LAST_VISIT, SIMULATION_END
from pipelines.demo.cohort import HEMOGLOBIN_A1C, Person
from pipelines.demo.messages import Message, Stay
from pipelines.demo.scenarios import random_for

SHARE_OF_PATIENTS = 0.2

_ADMISSIONS = (
    ("J18.9", "Pneumonia, unspecified organism"),
    ("K80.20", "Calculus of gallbladder without cholecystitis without obstruction"),
    ("L03.115", "Cellulitis of right lower limb"),
    ("N39.0", "Urinary tract infection, site not specified"),
)
_EMERGENCIES = (
    ("R07.9", "Chest pain, unspecified"),
    ("S93.401A", "Sprain of unspecified ligament of right ankle, initial encounter"),
    ("R10.9", "Unspecified abdominal pain"),
    ("J06.9", "Acute upper respiratory infection, unspecified"),
)
_A1C = (HEMOGLOBIN_A1C, "Hemoglobin A1c/Hemoglobin.total in Blood")
_METABOLIC_PANEL = ("51990-0", "Basic metabolic panel - Blood")
_METABOLIC_RESULTS = (
    (("2951-2", "Sodium [Moles/volume] in Serum or Plasma"), 134, 147, 1, "mmol/L", "135-145"),
    (("2823-3", "Potassium [Moles/volume] in Serum or Plasma"), 33, 54, 10, "mmol/L", "3.5-5.1"),
    (("2075-0", "Chloride [Moles/volume] in Serum or Plasma"), 96, 108, 1, "mmol/L", "98-107"),
    (("3094-0", "Urea nitrogen [Mass/volume] in Serum or Plasma"), 7, 28, 1, "mg/dL", "7-20"),
    (("2160-0", "Creatinine [Mass/volume] in Serum or Plasma"), 6, 15, 10, "mg/dL", "0.6-1.3"),
)
_BEDS = ("3E^301^A", "3E^304^B", "3W^312^A", "4E^402^A", "4E^410^B")
_EMERGENCY_BAYS = ("ED^BAY1^01", "ED^BAY4^01", "ED^BAY7^01")
_HOME = "01"
"""PV1-36: discharged to home or self care (HL7 table 0112)."""


class Feed:
    """Writes the messages of one population; every person's draws come from a random source of their own."""

    def __init__(self, seed: int, practitioners: Sequence[dict[str, Any]]) -> None:
        self._seed = seed
        self._attending = [hl7.practitioner_as_xcn(practitioner) for practitioner in practitioners]
        self._visits = 0

    def messages(self, cohort: Sequence[Person], busy: dict[str, date], with_truth: frozenset[str]) -> list[Message]:
        """Messages in order of delivery for about a fifth of ``cohort``.

        ``busy`` maps FHIR ids to the day of the wellness visit; people in ``with_truth`` have glycemic evidence in a
        note, which a result from the feed would make untrue, so they get none.
        """
        able = [person for person in cohort if person.alive and not person.in_hospital]
        remarkable = (
            self._merge,
            self._cancelled_admission,
            self._cancelled_discharge,
            self._late_transfer,
            self._repeated_registration,
        )
        stories = chain(remarkable, cycle((self._stay, self._emergency)))
        count = min(len(able), max(round(len(cohort) * SHARE_OF_PATIENTS), len(remarkable) + 2))
        chosen = random_for(self._seed, "feed").sample(able, count)
        found: list[Message] = []
        for person, story in zip(chosen, stories, strict=False):
            random = random_for(self._seed, person.fhir_id, "feed")
            found.extend(story(person, self._start(random, busy.get(person.fhir_id)), random))
        adults = [p for p in chosen if p.age >= 18 and p.fhir_id not in with_truth]
        for person in adults[: max(2, count // 4)]:
            found.extend(self._results(person, busy.get(person.fhir_id), random_for(self._seed, person.fhir_id, "lab")))
        return sorted(found, key=lambda message: (message.delivered, message.sent, message.segments))

    @staticmethod
    def _start(random: Random, busy: date | None) -> datetime:
        """A moment such that the six days from it are after the simulation and without the day ``busy``."""
        first = SIMULATION_END + timedelta(days=1)
        days = [first + timedelta(days=n) for n in range((LAST_VISIT - first).days - 6)]
        free = [day for day in days if busy is None or not day <= busy <= day + timedelta(days=6)]
        return datetime.combine(random.choice(free), time(random.randint(0, 23), random.randint(0, 59)))

    def _new_stay(self, person: Person, patient_class: str, start: datetime, random: Random) -> Stay:
        self._visits += 1
        number = f"V{start:%Y%m}{self._visits:05d}"
        service = "EMR" if patient_class == "E" else "MED"
        attending = random.choice(self._attending)
        return Stay(person, person.record_number, number, patient_class, attending, service, start)

    def _stay(self, person: Person, start: datetime, random: Random) -> Iterator[Message]:
        """Admission, an updated telephone number, a transfer, discharge."""
        stay = self._new_stay(person, "I", start, random)
        first, second = random.sample(_BEDS, 2)
        phone = f"(508) 555-01{random.randint(0, 99):02d}"
        yield _admit(stay, first, random.choice(_ADMISSIONS))
        updated = start + timedelta(hours=3)
        segments = (hl7.patient(person, stay.record_number, phone=phone), hl7.visit(stay, _at(first)))
        yield _message("ADT^A08", updated, segments)
        yield _transfer(stay, first, second, start + timedelta(hours=random.randint(8, 30)), phone)
        yield _discharge(stay, second, start + timedelta(hours=random.randint(48, 110)), phone)

    def _emergency(self, person: Person, start: datetime, random: Random) -> Iterator[Message]:
        """An emergency visit, registration to discharge."""
        stay = self._new_stay(person, "E", start, random)
        bay = random.choice(_EMERGENCY_BAYS)
        yield _register(stay, bay, random.choice(_EMERGENCIES))
        yield _discharge(stay, bay, start + timedelta(minutes=random.randint(90, 400)))

    def _repeated_registration(self, person: Person, start: datetime, random: Random) -> Iterator[Message]:
        """An emergency visit whose registration is delivered a second time on the next day."""
        registered, *rest = self._emergency(person, start, random)
        yield from (registered, *rest, replace(registered, delivered=registered.delivered + timedelta(days=1)))

    def _merge(self, person: Person, start: datetime, random: Random) -> Iterator[Message]:
        """A second registration of the same person, an emergency visit under it, and the merge into the first."""
        duplicate = f"DUP-{person.record_number.rpartition('-')[2]}"
        stay = replace(self._new_stay(person, "E", start, random), record_number=duplicate)
        bay = random.choice(_EMERGENCY_BAYS)
        added = start - timedelta(minutes=10)
        yield _message("ADT^A28", added, (hl7.patient(person, duplicate), hl7.segment("PV1", {1: "1", 2: "N"})))
        yield _register(stay, bay, random.choice(_EMERGENCIES))
        yield _discharge(stay, bay, start + timedelta(minutes=random.randint(90, 400)))
        retired = hl7.segment("MRG", {1: hl7.identifier(duplicate)})
        yield _message("ADT^A40", start + timedelta(days=2), (hl7.patient(person, person.record_number), retired))

    def _cancelled_admission(self, person: Person, start: datetime, random: Random) -> Iterator[Message]:
        """An admission entered by mistake and cancelled within the hour."""
        stay = self._new_stay(person, "I", start, random)
        bed = random.choice(_BEDS)
        yield _admit(stay, bed, random.choice(_ADMISSIONS))
        segments = (hl7.patient(person, stay.record_number), hl7.visit(stay, _at(bed)))
        yield _message("ADT^A11", start + timedelta(minutes=random.randint(10, 55)), segments)

    def _cancelled_discharge(self, person: Person, start: datetime, random: Random) -> Iterator[Message]:
        """A discharge that is cancelled, and the real one a day later."""
        stay = self._new_stay(person, "I", start, random)
        bed = random.choice(_BEDS)
        yield _admit(stay, bed, random.choice(_ADMISSIONS))
        left = start + timedelta(hours=random.randint(40, 60))
        yield _discharge(stay, bed, left)
        segments = (hl7.patient(person, stay.record_number), hl7.visit(stay, _at(bed)))
        yield _message("ADT^A13", left + timedelta(hours=2), segments)
        yield _discharge(stay, bed, left + timedelta(hours=26))

    def _late_transfer(self, person: Person, start: datetime, random: Random) -> Iterator[Message]:
        """A stay whose transfer is delivered a day after its discharge."""
        stay = self._new_stay(person, "I", start, random)
        first, second = random.sample(_BEDS, 2)
        left = start + timedelta(hours=random.randint(50, 90))
        yield _admit(stay, first, random.choice(_ADMISSIONS))
        transfer = _transfer(stay, first, second, start + timedelta(hours=20))
        yield replace(transfer, delivered=left + timedelta(days=1))
        yield _discharge(stay, second, left)

    def _results(self, person: Person, busy: date | None, random: Random) -> Iterator[Message]:
        """A basic metabolic panel, with an HbA1c for people who have diabetes or are over forty."""
        observed = self._start(random, busy)
        provider = random.choice(self._attending)
        number = f"L{observed:%Y%m%d}{random.randint(0, 99999):05d}"
        segments = [hl7.patient(person, person.record_number)]
        segments.append(hl7.order(f"{number}-1", _METABOLIC_PANEL, observed, provider))
        for index, (code, low, high, divisor, unit, span) in enumerate(_METABOLIC_RESULTS, start=1):
            value = random.randint(low, high) / divisor
            segments.append(hl7.result(index, code, value, unit, span, observed))
        if person.age > 40 or person.has("E11"):
            percent = random.randint(66, 88) / 10 if person.has("E11") else random.randint(50, 62) / 10
            segments.append(hl7.order(f"{number}-2", _A1C, observed, provider).replace("OBR|1|", "OBR|2|", 1))
            segments.append(hl7.result(1, _A1C, percent, "%", "4-5.6", observed))
        reported = observed + timedelta(hours=2)
        yield Message("ORU^R01", reported, reported, tuple(segments))


def write_feed(directory: Path, found: Sequence[Message]) -> int:
    """Write the feed as one file a day and kind, the day of the most messages in a batch envelope; how many messages.

    Control ids count in order of sending; a message that is delivered twice keeps its id and its bytes.
    """
    directory.mkdir(parents=True)
    numbers: dict[tuple[datetime, tuple[str, ...]], str] = {}
    for message in sorted(found, key=lambda message: (message.sent, message.segments)):
        numbers.setdefault((message.sent, message.segments), f"GH{len(numbers) + 1:08d}")
    days: dict[str, list[str]] = {}
    for (day, kind), group in groupby(found, key=lambda m: (m.delivered.date(), m.kind[:3].lower())):
        rendered = [message.render(numbers[message.sent, message.segments]) for message in group]
        days.setdefault(f"{day:%Y%m%d}-{kind}", []).extend(rendered)
    fullest = max(days, key=lambda name: len(days[name]), default=None)
    for name, texts in days.items():
        closing = datetime.strptime(name[:8], "%Y%m%d") + timedelta(hours=23, minutes=59)
        content = hl7.batch(texts, closing, name) if name == fullest else "".join(texts)
        (directory / f"{name}.hl7").write_bytes(content.encode())
    return sum(map(len, days.values()))


def _at(bed: str) -> str:
    return f"{bed}^{hl7.FACILITY}"


def _message(kind: str, when: datetime, segments: tuple[str, ...]) -> Message:
    """An ADT message sent three minutes after what it tells of."""
    sent = when + timedelta(minutes=3)
    return Message(kind, sent, sent, (hl7.event(kind, sent, when), *segments))


def _admit(stay: Stay, bed: str, reason: tuple[str, str]) -> Message:
    segments = (hl7.patient(stay.person, stay.record_number), hl7.visit(stay, _at(bed)), hl7.diagnosis(*reason))
    return _message("ADT^A01", stay.start, segments)


def _register(stay: Stay, bay: str, reason: tuple[str, str]) -> Message:
    segments = (hl7.patient(stay.person, stay.record_number), hl7.visit(stay, _at(bay)), hl7.diagnosis(*reason))
    return _message("ADT^A04", stay.start, segments)


def _transfer(stay: Stay, first: str, second: str, when: datetime, phone: str | None = None) -> Message:
    visit = hl7.visit(stay, _at(second), prior=_at(first))
    return _message("ADT^A02", when, (hl7.patient(stay.person, stay.record_number, phone=phone), visit))


def _discharge(stay: Stay, bed: str, when: datetime, phone: str | None = None) -> Message:
    visit = hl7.visit(stay, _at(bed), disposition=_HOME, end=when)
    return _message("ADT^A03", when, (hl7.patient(stay.person, stay.record_number, phone=phone), visit))
