"""Decks into one home, one build of what the measures need, and what came of each patient against what is expected.

The home is for this alone: in it each deck is a source system of its own, named by its measure, so that two decks may
have the same ids, and no identifier makes two patients one person, as decks write the same placeholder for many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from pipelines import fhir
from pipelines.account import Account
from pipelines.keys import resource_key
from pipelines.measures.deck import Deck
from pipelines.measures.statements import statement
from resources import dbt
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings

SELECT = ("+measure_population", "+care_gap")
"""What a build of the measures has to make."""
EACH_PATIENT_A_PERSON = {"most_sharing_an_identifier": 1}
"""Variables of a build of decks' patients."""
_VALUE_SETS = "valuesets.csv.gz"


@dataclass(frozen=True)
class Disagreement:
    """A patient of whom we found something else.

    Attributes:
        patient: id of the Patient.
        title: the deck's, of the case.
        populations: those that differ, as (expected, found); found is None where there is no person to judge.
        reason: what decided here, of each group.
    """

    patient: str
    title: str | None
    populations: dict[str, tuple[int, int | None]]
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        differing = {name: {"expected": expected, "got": got} for name, (expected, got) in self.populations.items()}
        return {"patient": self.patient, "title": self.title, "populations": differing, "reason": self.reason}


@dataclass(frozen=True)
class DeckScore:
    """How far a measure agrees with its deck.

    Attributes:
        measure_id: of the deck.
        patients: of whom something is expected.
        populations: by name, of how many patients we agree (``agree``), how many are expected in it (``expected_1``),
            and how many we found (``got_1``).
        disagreements: patients of whom a population differs.
    """

    measure_id: str
    patients: int
    populations: dict[str, dict[str, int]]
    disagreements: tuple[Disagreement, ...]

    @property
    def agree(self) -> int:
        """Patients of whom all populations are as expected."""
        return self.patients - len(self.disagreements)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "patients": self.patients,
            "agree": self.agree,
            "populations": self.populations,
            "disagreements": [one.as_dict() for one in self.disagreements],
        }


@dataclass(frozen=True)
class Judgement:
    """What a measure found of a patient.

    Attributes:
        populations: by group and name, whether the patient is in it.
        reason: what decided, of each group.
        is_judged: False where there is no person to judge, or no measure.
    """

    populations: Mapping[tuple[int, str], bool]
    reason: str
    is_judged: bool = True

    def value(self, group_number: int, population: str) -> int | None:
        """1 or 0, of a population that the measure has not, too; None where nobody was judged."""
        return int(self.populations.get((group_number, population), False)) if self.is_judged else None


def value_sets_beside(decks: Sequence[Deck]) -> list[Path]:
    """The files ``valuesets.csv.gz`` beside the folders in which the decks lie."""
    found = {deck.folder.resolve().parent.parent / _VALUE_SETS: None for deck in decks}
    return [path for path in found if path.is_file()]


def load_decks(
    settings: Settings, database: Database, decks: Sequence[Deck], progress: Progress | None = None
) -> dict[str, Account]:
    """Load the bundles of each deck into bronze; the account of each, by measure.

    Args:
        settings: of a home that is for decks alone.
        database: its warehouse, with a vocabulary and value sets.
        decks: to load.
        progress: told of each deck.

    Raises:
        as ``pipelines.fhir.ingest_fhir``.
    """
    accounts = {}
    for done, deck in enumerate(decks, start=1):
        own = settings.model_copy(update={"source_system": deck.measure_id})
        accounts[deck.measure_id] = fhir.ingest_fhir(own, database, [deck.bundles])
        if progress:
            progress("loading decks", done, len(decks))
    return accounts


def score_decks(
    settings: Settings, database: Database, decks: Sequence[Deck], progress: Progress | None = None
) -> list[DeckScore]:
    """Build the measures for the decks' period, as of its last day, and compare; once for each period that decks have.

    Args:
        settings: of the home the decks were loaded into.
        database: its warehouse.
        decks: that were loaded.
        progress: told of each build.

    Raises:
        resources.dbt.DbtBuildError: a model failed.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    found: dict[tuple[str, str], Judgement] = {}
    periods = sorted({case.period for deck in decks for case in deck.cases})
    for done, period in enumerate(periods):
        if progress:
            progress("building measures", done, len(periods))
        _build(settings, database, period)
        for deck in decks:
            cases = [case for case in deck.cases if case.period == period]
            judged = judge(database, deck.measure_id, deck.measure_id, [case.patient for case in cases])
            found |= {(deck.measure_id, patient): one for patient, one in judged.items()}
    if progress:
        progress("building measures", len(periods), len(periods))
    return [_score(deck, found) for deck in decks]


def _build(settings: Settings, database: Database, period: tuple[date, date]) -> None:
    dbt.build(
        settings,
        database,
        as_of=period[1],
        period=period,
        select=SELECT,
        tests=False,
        project_variables=EACH_PATIENT_A_PERSON,
    )


def judge(database: Database, measure_id: str, source_system: str, patients: Sequence[str]) -> dict[str, Judgement]:
    """What the last build of the measures found of Patients of a source system, by their ids.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused, or the measures were not built.
    """
    keys = {resource_key(source_system, "Patient", patient): patient for patient in patients}
    with without_row_values(), database.connect(Role.TRANSFORM) as connection:
        computed = {row[0] for row in connection.execute(statement("computed_measures")).fetchall()}
        if measure_id not in computed:
            return {
                patient: Judgement({}, f"{measure_id} is not computed here", is_judged=False) for patient in patients
            }
        with connection.cursor(row_factory=dict_row) as cursor:
            parameters = {"measure_id": measure_id, "person_keys": list(keys)}
            rows = cursor.execute(statement("populations_of_patients"), parameters).fetchall()
    by_patient: dict[str, list[dict[str, Any]]] = {patient: [] for patient in patients}
    for row in rows:
        by_patient[keys[row["person_key"]]].append(row)
    return {patient: _judgement(own) for patient, own in by_patient.items()}


def _judgement(rows: Sequence[Mapping[str, Any]]) -> Judgement:
    if not rows:
        return Judgement(
            {}, "there is no person: the Patient is not in the bundles, or was not loaded", is_judged=False
        )
    groups = [row for row in rows if row["group_number"] is not None]
    if not groups:
        return Judgement({}, "in no measure: died at an unknown time")
    populations = {
        (row["group_number"], name): bool(value)
        for row in groups
        for name, value in row.items()
        if name not in ("person_key", "group_number", "reason")
    }
    reasons = [str(row["reason"]) for row in groups]
    if len(groups) > 1:
        reasons = [f"group {row['group_number']}: {row['reason']}" for row in groups]
    return Judgement(populations, "; ".join(reasons))


def _score(deck: Deck, found: Mapping[tuple[str, str], Judgement]) -> DeckScore:
    populations: dict[str, dict[str, int]] = {}
    disagreements = []
    for case in deck.cases:
        one = found[deck.measure_id, case.patient]
        differing = {}
        for expectation in case.expectations:
            got = one.value(expectation.group_number, expectation.population)
            counts = populations.setdefault(expectation.name, {"agree": 0, "expected_1": 0, "got_1": 0})
            counts["agree"] += got == expectation.value
            counts["expected_1"] += expectation.value == 1
            counts["got_1"] += got == 1
            if got != expectation.value:
                differing[expectation.name] = expectation.value, got
        if differing:
            disagreements.append(Disagreement(case.patient, case.title, differing, one.reason))
    return DeckScore(deck.measure_id, len(deck.cases), populations, tuple(disagreements))
