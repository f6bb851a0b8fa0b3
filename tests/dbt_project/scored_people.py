"""Random people in the tables that the risk scores read: who is given what, and rows of it."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

AS_OF = date(2026, 10, 31)
RACES = {"white": 8527, "black": 8516, None: 8515}
SEXES = {"male": 8507, "female": 8532, None: 0}
SMOKING = {True: "LA18976-3", False: "LA18978-9"}
DISEASES = {
    "atrial fibrillation": "I48.91",
    "congestive_heart_failure": "I50.9",
    "hypertension": "I10",
    "diabetes": "E11.9",
    "stroke_tia_thromboembolism": "I63.9",
    "vascular_disease": "I25.2",
}
"""What CHA2DS2-VASc counts, by clincalc's names, and a code of it."""
_ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
_LOINC = "http://loinc.org"


class Result(NamedTuple):
    """A laboratory result or vital sign as a source gives it, and what it is in the unit of the scores."""

    loinc: str
    written: float
    unit: str
    value: float


@dataclass(frozen=True)
class Measured:
    """A person with values for the equations; what is None was never measured or asked."""

    person_id: int
    birth_date: date
    sex: str | None
    race: str | None
    is_smoker: bool | None
    is_treated: bool
    diseases: frozenset[str]
    results: dict[str, Result]

    @property
    def age(self) -> int:
        """On the as-of day, on which everything was measured."""
        had = (AS_OF.month, AS_OF.day) >= (self.birth_date.month, self.birth_date.day)
        return AS_OF.year - self.birth_date.year - (not had)

    def value(self, name: str) -> float | None:
        """A result in the unit of the scores."""
        return self.results[name].value if name in self.results else None


def coded_people(chance: random.Random, prefixes: Sequence[str], numbers: Iterable[int]) -> dict[int, list[str]]:
    """ICD-10 codes with a dot, some below these prefixes and some of anything."""

    def code() -> str:
        if chance.random() < 0.6:
            found = chance.choice(prefixes)
            more = "".join(chance.choices("0123456789", k=chance.randrange(3)))
            return found + (("." + more if len(found) == 3 else more) if more else "")
        stem = f"{chance.choice('ABCDEFGHIJKLMNOPQRSTZ')}{chance.randrange(100):02d}"
        return stem if chance.random() < 0.3 else f"{stem}.{chance.randrange(100)}"

    return {number: [code() for _ in range(chance.randrange(1, 12))] for number in numbers}


def measured_people(chance: random.Random, numbers: Iterable[int]) -> list[Measured]:
    """People of 15 to 95 years, each of whom may lack anything."""

    def result(loinc: str, low: float, high: float, unit: str, other: str = "", factor: float = 1) -> Result:
        value = round(chance.uniform(low, high), 2)
        if other and chance.random() < 0.3:
            return Result(loinc, round(value * factor, 4), other, value)
        return Result(loinc, value, unit, value)

    def person(number: int) -> Measured:
        everything = {
            "creatinine": result("2160-0", 0.3, 6, "mg/dL", "umol/L", 88.4),
            "albuminuria": result("9318-7", 0, 500, "mg/g", "mg/mmol", 1 / 8.84),
            "aspartate": result("1920-8", 8, 300, "U/L"),
            "alanine": result("1742-6", 5, 300, "U/L", "[IU]/L"),
            "platelets": result("777-3", 40, 500, "10*3/uL"),
            "total cholesterol": result("2093-3", 120, 330, "mg/dL"),
            "HDL cholesterol": result("2085-9", 18, 102, "mg/dL"),
            "systolic pressure": result("8480-6", 85, 205, "mm[Hg]"),
        }
        kept = {name: one for name, one in everything.items() if chance.random() < 0.95}
        return Measured(
            person_id=number,
            birth_date=AS_OF - timedelta(days=chance.randrange(15 * 365, 95 * 365)),
            sex=chance.choice(["male", "female"] * 15 + [None]),
            race=chance.choice(["white", "black"] * 15 + [None]),
            is_smoker=chance.choice([True, False] * 15 + [None]),
            is_treated=chance.random() < 0.5,
            diseases=frozenset(name for name in DISEASES if chance.random() < 0.25),
            results=kept,
        )

    return [person(number) for number in numbers]


class Writer:
    """Fills the tables that scores are made of."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._keys = count(1)
        self._events: list[tuple[Any, ...]] = []
        self._codings: list[tuple[Any, ...]] = []
        self._people: list[tuple[Any, ...]] = []
        self._measurements: list[tuple[Any, ...]] = []

    def coded(self, people: dict[int, list[str]]) -> None:
        """Persons with diagnoses."""
        for number, codes in people.items():
            self._person(number, date(1960, 1, 1), "female", "white")
            for code in codes:
                self._diagnosis(number, code)

    def measured(self, people: Iterable[Measured], ingredient_concept_id: int) -> None:
        """Persons with values; who is treated takes a drug that is this concept."""
        for person in people:
            self._person(person.person_id, person.birth_date, person.sex, person.race)
            for disease in sorted(person.diseases):
                self._diagnosis(person.person_id, DISEASES[disease])
            for one in person.results.values():
                key = self._event(
                    person.person_id, "measurement", _LOINC, one.loinc, value_number=one.written, unit_code=one.unit
                )
                self._measurements.append((key, person.person_id, 0, AS_OF, 0))
            if person.is_smoker is not None:
                answer = f'[{{"code": "{SMOKING[person.is_smoker]}"}}]'
                self._event(person.person_id, "observation", _LOINC, "72166-2", value_codings=answer)
            if person.is_treated:
                self._event(person.person_id, "drug_exposure", "", "", concept_id=ingredient_concept_id)

    def write(self) -> None:
        """Put all of it into the tables."""
        copy_rows(self._connection, "omop.person", _PERSON, self._people)
        copy_rows(self._connection, "omop.event_source", _EVENT, self._events)
        copy_rows(self._connection, "omop.event_coding", _CODING, self._codings)
        copy_rows(self._connection, "omop.measurement", _MEASUREMENT, self._measurements)

    def _person(self, number: int, born: date, sex: str | None, race: str | None) -> None:
        self._people.append((number, SEXES[sex], born.year, born.month, born.day, RACES[race], 0))

    def _diagnosis(self, number: int, code: str) -> None:
        self._event(number, "condition_occurrence", _ICD10, code)

    def _event(self, number: int, table: str, system: str, code: str, **values: Any) -> int:
        key = next(self._keys)
        own = {"concept_id": 0, "value_number": None, "unit_code": None, "value_codings": None, **values}
        self._events.append((table, key, number, table, "final", AS_OF, True, True, *own.values()))
        if code:
            self._codings.append((table, key, number, system, code))
        return key


def copy_rows(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Put rows into a table, named with its schema, and count them for the planner."""
    name = sql.Identifier(*table.split("."))
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(name, sql.SQL(", ").join(map(sql.Identifier, columns)))
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)
    connection.execute(sql.SQL("ANALYZE {}").format(name))


_PERSON = (
    "person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth", "race_concept_id",
    "ethnicity_concept_id",
)  # fmt: skip
_CODING = ("cdm_table", "cdm_id", "person_id", "system", "code")
_EVENT = (
    "cdm_table", "cdm_id", "person_id", "bronze_table", "status", "start_date", "has_happened", "is_record_of_care",
    "concept_id", "value_number", "unit_code", "value_codings",
)  # fmt: skip
_MEASUREMENT = (
    "measurement_id", "person_id", "measurement_concept_id", "measurement_date", "measurement_type_concept_id",
)  # fmt: skip
