"""Clinical notes with the evidence for some care gaps, and the truth about them.

The words are data (``note_text.json``). A sentence about a gap appears in exactly one document, so that the truth can
name it; everything around it says nothing about the three measures.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from random import Random
from typing import Any, Literal

import orjson

from pipelines.demo.clinic import LOINC, Chart, Resource, concept, instant, stable_id
from pipelines.demo.cohort import MEDICAL_RECORD_NUMBER, Contact, Person
from pipelines.demo.scenarios import Finding, Measure, random_for

TEXT: Mapping[str, Any] = orjson.loads((files(__package__) / "note_text.json").read_bytes())

_PROGRESS_NOTE = ("11506-3", "Progress note")
_EARLIER_KINDS = (("11488-4", "Consult note"), ("34109-9", "Note"))
_SECTION_OF = {
    Measure.COLORECTAL_SCREENING: "maintenance",
    Measure.GLYCEMIC_STATUS: "results",
    Measure.BLOOD_PRESSURE: "vitals",
}
_FIRST_DAY_OF_NOTES = date(2026, 2, 1)
_ATTEMPTS = 200


@dataclass(frozen=True)
class Truth:
    """What a planted sentence is worth: for evaluation only, never an input of the pipeline.

    ``closes_gap`` tells whether ``evidence`` (the exact sentence, found in that one document) shows that the measure
    is met by the day of the note. A distractor speaks of the same thing and does not.
    """

    measure_id: str
    patient_id: str
    assigning_authority: str
    identifier_value: str
    closes_gap: bool
    document_id: str
    evidence: str
    kind: Literal["evidence", "distractor"]


@dataclass(frozen=True)
class Note:
    """A document and the truths it holds."""

    resource: Resource
    truths: tuple[Truth, ...]


@dataclass(frozen=True)
class _Planted:
    measure: Measure
    finding: Finding
    sentence: str


class NoteWriter:
    """Writes the notes of one population; remembers the planted sentences so that none is used twice."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._sentences: set[str] = set()

    def write(self, chart: Chart) -> Iterator[Note]:
        """The note of the wellness visit and, for some, one of an earlier contact.

        Evidence about screening may be in either; evidence that has to be newer than every result is in the former.
        """
        random = random_for(self._seed, chart.visit.person.fhir_id, "notes")
        now, before = dict(chart.visit.findings), dict[Measure, Finding]()
        earlier = self._earlier_contact(chart, random)
        screening = now.get(Measure.COLORECTAL_SCREENING)
        if earlier and screening in (Finding.EVIDENCE, Finding.DISTRACTOR):
            if random.random() < 0.4:
                before[Measure.COLORECTAL_SCREENING] = now.pop(Measure.COLORECTAL_SCREENING)
            elif random.random() < 0.3:
                before[Measure.COLORECTAL_SCREENING] = Finding.DISTRACTOR
        if earlier:
            kind = random.choice(_EARLIER_KINDS)
            yield self._note(chart, earlier, kind, "earlier", before, random)
        yield self._note(chart, chart.contact, _PROGRESS_NOTE, "wellness", now, random)

    @staticmethod
    def _earlier_contact(chart: Chart, random: Random) -> Contact | None:
        contacts = [c for c in chart.visit.person.contacts if c.start.date() >= _FIRST_DAY_OF_NOTES]
        if chart.nurse_contact:
            contacts.append(chart.nurse_contact)
        return random.choice(contacts) if contacts and random.random() < 0.5 else None

    def _note(
        self,
        chart: Chart,
        contact: Contact,
        kind: tuple[str, str],
        layout: str,
        findings: Mapping[Measure, Finding],
        random: Random,
    ) -> Note:
        day = contact.start.date()
        planted = [
            _Planted(measure, finding, self._sentence(measure, finding, chart, day, random))
            for measure, finding in findings.items()
            if finding in (Finding.EVIDENCE, Finding.DISTRACTOR)
        ]
        text = _compose(layout, planted, _fields(chart, day, random), random)
        document = note_document(chart.visit.person, contact, kind, text)
        truths = tuple(_truth(chart.visit.person, str(document["id"]), item) for item in planted)
        return Note(document, truths)

    def _sentence(self, measure: Measure, finding: Finding, chart: Chart, day: date, random: Random) -> str:
        """A sentence no other document holds.

        Raises ValueError when the templates can't give one more: add templates, or make a smaller population.
        """
        for _ in range(_ATTEMPTS):
            template = random.choice(TEXT[finding.value][measure.value])
            sentence = str(template.format_map(_fields(chart, day, random)))
            if sentence not in self._sentences:
                self._sentences.add(sentence)
                return sentence
        raise ValueError(f"note_text.json has too few templates for {finding} of {measure}")


def _compose(layout: str, planted: list[_Planted], fields: Mapping[str, object], random: Random) -> str:
    """The whole text: every section's own sentences, with the planted ones among them."""
    paragraphs = []
    for heading, sections in random.choice(TEXT["layouts"][layout]):
        sentences: list[str] = []
        for section in sections:
            own = _section(section, fields, random)
            for item in planted:
                if _SECTION_OF[item.measure] == section:
                    # Never first: a repeated blood pressure follows the one it repeats.
                    own.insert(random.randint(1, len(own)), item.sentence)
            sentences.extend(own)
        body = " ".join(sentences)
        paragraphs.append(f"{heading}:\n{body}" if heading else body)
    return "\n\n".join(paragraphs) + "\n"


def _section(section: str, fields: Mapping[str, object], random: Random) -> list[str]:
    templates = TEXT["sections"][section]
    one_is_enough = section in ("reason", "reason_earlier", "vitals", "closing", "results")
    count = 1 if one_is_enough else random.randint(2, min(4, len(templates)))
    return [template.format_map(fields) for template in random.sample(templates, count)]


def _fields(chart: Chart, day: date, random: Random) -> dict[str, object]:
    """Values for the templates: dates that make evidence count and distractors not, as of a note written on ``day``."""
    person = chart.visit.person
    first_screening = max(2017, min(2024, person.birth_date.year + 45))
    colonoscopy = _between(random, date(first_screening, 1, 5), date(2025, 12, 20))
    last_a1c = max((result_day for result_day, _ in person.a1c), default=date(2026, 1, 1))
    systolic, diastolic = chart.blood_pressure
    return _wording(person, day) | {
        "document_date": _us(day),
        "colonoscopy_year": colonoscopy.year,
        "colonoscopy_month": _month(colonoscopy),
        "colonoscopy_date": _us(colonoscopy),
        "fit_date": _us(_between(random, date(2026, 1, 5), day)),
        "dna_month": _month(_between(random, date(2024, 2, 1), day)),
        "sigmoidoscopy_month": _month(_between(random, date(2022, 2, 1), date(2025, 12, 20))),
        "expired_year": random.randint(2007, 2015),
        "expired_dna_month": _month(_between(random, date(2019, 1, 1), date(2022, 12, 1))),
        "missed_month": _month(_between(random, date(2026, 1, 1), day)),
        "old_month": _month(_between(random, date(2024, 6, 1), date(2025, 11, 30))),
        "future_month": random.choice(("December 2026", "January 2027", "February 2027", "March 2027")),
        "a1c_date": _us(_between(random, max(last_a1c + timedelta(days=1), day - timedelta(days=60)), day)),
        "a1c_good": random.randint(58, 87) / 10,
        "a1c_bad": random.randint(94, 121) / 10,
        "goal_percent": random.choice((6.5, 7, 7.5, 8)),
        "good_systolic": random.randint(112, 136),
        "good_diastolic": random.randint(66, 85),
        "bad_systolic": random.randint(142, 162),
        "bad_diastolic": random.randint(82, 97),
        "systolic": systolic,
        "diastolic": diastolic,
        "pulse": random.randint(60, 88),
        "temperature": random.randint(971, 988) / 10,
        "facility": random.choice(TEXT["facilities"]),
        "relative": random.choice(TEXT["relatives"]),
    }


def _wording(person: Person, day: date) -> dict[str, object]:
    birth = person.birth_date
    age = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    he, his = ("she", "her") if person.female else ("he", "his")
    return {
        "he": he,
        "He": he.capitalize(),
        "his": his,
        "His": his.capitalize(),
        "sex": "woman" if person.female else "man",
        "age": age,
    }


def note_document(person: Person, contact: Contact, kind: tuple[str, str], text: str) -> Resource:
    """A note of an encounter as DocumentReference; ``kind`` is a LOINC code and its name."""
    written = contact.start + timedelta(minutes=40)
    return {
        "resourceType": "DocumentReference",
        "id": stable_id("demo-doc", person.fhir_id, contact.encounter),
        "meta": {"lastUpdated": instant(written)},
        "status": "current",
        "docStatus": "final",
        "type": concept(LOINC, *kind),
        "subject": {"reference": f"Patient/{person.fhir_id}"},
        "date": instant(written),
        "author": [{"reference": contact.practitioner}],
        "custodian": {"reference": "Organization/hospital-main"},
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain",
                    "language": "en",
                    "data": b64encode(text.encode()).decode(),
                    "title": kind[1],
                    "creation": instant(written),
                }
            }
        ],
        "context": {"encounter": [{"reference": f"Encounter/{contact.encounter}"}], "period": _moment(written)},
    }


def _moment(when: datetime) -> Resource:
    return {"start": instant(when), "end": instant(when)}


def _truth(person: Person, document: str, item: _Planted) -> Truth:
    return Truth(
        measure_id=item.measure.value,
        patient_id=person.fhir_id,
        assigning_authority=MEDICAL_RECORD_NUMBER,
        identifier_value=person.record_number,
        closes_gap=item.finding is Finding.EVIDENCE,
        document_id=document,
        evidence=item.sentence,
        kind="evidence" if item.finding is Finding.EVIDENCE else "distractor",
    )


def truth_as_json(truths: list[Truth]) -> bytes:
    """The truth file: a JSON list, one object for each planted sentence."""
    return orjson.dumps([asdict(truth) for truth in truths], option=orjson.OPT_INDENT_2) + b"\n"


def read_truth(path: Path) -> list[Truth]:
    """The planted sentences of a truth file, in its order."""
    return [Truth(**found) for found in orjson.loads(path.read_bytes())]


def _between(random: Random, first: date, last: date) -> date:
    return first + timedelta(days=random.randint(0, max(0, (last - first).days)))


def _us(day: date) -> str:
    return day.strftime("%m/%d/%Y")


def _month(day: date) -> str:
    return day.strftime("%B %Y")
