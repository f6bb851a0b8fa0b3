"""Which care gaps each person has, and where the answer is: in the structured record, in a note, or nowhere.

Eligibility follows the 2026 measures CMS122, CMS130 and CMS165 as far as the generator has to know it; the measures
themselves are computed from the data, never from here.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from random import Random

from pipelines.demo.calendar import LAST_VISIT, SIMULATION_END
from pipelines.demo.cohort import Person

POOR_CONTROL_PERCENT = 9.0
"""HbA1c above which CMS122 counts glycemic status as poor."""

NEW_DIABETES_SHARE = 0.3
"""Of those aged 40 to 75 without any HbA1c: how many the wellness visit diagnoses with diabetes."""

_DIABETES = ("E10", "E11", "E13")
_HYPERTENSION_KNOWN_BEFORE = "2026-07-01"
_RENAL_OR_PREGNANCY = ("N18.5", "N18.6", "O", "Z33", "Z34", "Z3A")


class Measure(StrEnum):
    """The three care-gap measures."""

    GLYCEMIC_STATUS = "CMS122"
    COLORECTAL_SCREENING = "CMS130"
    BLOOD_PRESSURE = "CMS165"


class Finding(StrEnum):
    """Where a person's answer to a measure lies."""

    STRUCTURED = "structured"
    """The structured record closes the gap."""
    EVIDENCE = "evidence"
    """The structured record leaves it open; a note tells what would close it."""
    DISTRACTOR = "distractor"
    """Open, and a note speaks of it without closing it."""
    SILENT = "silent"
    """Open, and no note speaks of it."""


WEIGHTS: dict[Measure, dict[Finding, float]] = {
    Measure.COLORECTAL_SCREENING: {
        Finding.STRUCTURED: 0.30,
        Finding.EVIDENCE: 0.30,
        Finding.DISTRACTOR: 0.25,
        Finding.SILENT: 0.15,
    },
    Measure.GLYCEMIC_STATUS: {
        Finding.STRUCTURED: 0.10,
        Finding.EVIDENCE: 0.55,
        Finding.DISTRACTOR: 0.20,
        Finding.SILENT: 0.15,
    },
    Measure.BLOOD_PRESSURE: {
        Finding.STRUCTURED: 0.35,
        Finding.EVIDENCE: 0.30,
        Finding.DISTRACTOR: 0.20,
        Finding.SILENT: 0.15,
    },
}


@dataclass(frozen=True)
class Visit:
    """A wellness visit the generator adds for a person, and what is to be found for each measure there.

    ``diabetes_onset`` is set when the visit records a diabetes diagnosis. ``findings`` lacks measures the person is
    not eligible for, and glycemic status where clinosim's own results already decide it.
    """

    person: Person
    start: datetime
    findings: dict[Measure, Finding]
    diabetes_onset: str | None


def random_for(seed: int, *parts: str) -> Random:
    """A random source of its own for each person and purpose, so that one person's draws never move another's."""
    return Random("\x1f".join((str(seed), *parts)))


def plan_visits(cohort: list[Person], seed: int) -> list[Visit]:
    """One wellness visit for each adult who is alive, out of hospital, and was last seen early enough.

    The visit follows everything clinosim recorded, so that it is the latest word on every measure.
    """
    return [visit for person in cohort if (visit := _plan(person, random_for(seed, person.fhir_id, "visit")))]


def _plan(person: Person, random: Random) -> Visit | None:
    earliest = max(person.last_seen, date(2026, 5, 31)) + timedelta(days=2)
    if person.age < 18 or not person.alive or person.in_hospital or earliest > LAST_VISIT:
        return None
    # Most of the cohort comes in the weeks around the end of the simulation, as recall campaigns bring them.
    latest = min(LAST_VISIT, max(earliest, SIMULATION_END) + timedelta(days=29))
    day = earliest + timedelta(days=random.randint(0, (latest - earliest).days))
    start = datetime.combine(day, time(random.randint(13, 20), random.choice((0, 15, 30, 45))))
    onset = _diabetes_onset(person, random)
    findings = {measure: _draw(measure, random) for measure in _open_questions(person, onset)}
    return Visit(person, start, findings, onset)


def _diabetes_onset(person: Person, random: Random) -> str | None:
    """Onset of known diabetes; some adults without any result of their own get a new diagnosis as well."""
    known = [onset for code, onset in person.diagnoses.items() if code.startswith(_DIABETES)]
    if known:
        return min(known)
    if 40 <= person.age <= 75 and not person.a1c and random.random() < NEW_DIABETES_SHARE:
        return date(random.randint(2015, 2024), random.randint(1, 12), random.randint(1, 28)).isoformat()
    return None


def _open_questions(person: Person, diabetes_onset: str | None) -> list[Measure]:
    questions = []
    if diabetes_onset and person.age <= 75 and not _controlled(person.a1c):
        questions.append(Measure.GLYCEMIC_STATUS)
    if 46 <= person.age <= 75 and not person.has("C18"):
        questions.append(Measure.COLORECTAL_SCREENING)
    hypertensive = person.diagnoses.get("I10", "9999") < _HYPERTENSION_KNOWN_BEFORE
    if hypertensive and person.age <= 85 and not person.has(*_RENAL_OR_PREGNANCY):
        questions.append(Measure.BLOOD_PRESSURE)
    return questions


def _controlled(results: list[tuple[date, float]]) -> bool:
    """Whether the lowest result of the latest day is at most 9 % (CMS122's reading)."""
    if not results:
        return False
    latest = max(day for day, _ in results)
    return min(percent for day, percent in results if day == latest) <= POOR_CONTROL_PERCENT


def _draw(measure: Measure, random: Random) -> Finding:
    weights = WEIGHTS[measure]
    return random.choices(list(weights), list(weights.values()))[0]
