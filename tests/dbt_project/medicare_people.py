"""Random people of Medicare in the tables that CMS-HCC reads: who is given what, and rows of it."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

import psycopg
from psycopg.types.json import Json

from tests.dbt_project.scored_people import AS_OF, SEXES, copy_rows

SERVICE_YEAR = AS_OF.year - 1
DUAL = ("NA", "01", "02", "03", "04", "05", "06", "08", "09")
_CMS = "https://bluebutton.cms.gov/resources/variables"
_ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
_NURSING_FACILITY = 8676
_KINDS = ("visit", "encounter diagnosis", "claim")
_IDLE_KINDS = (
    "visit of another year", "problem list", "unconfirmed", "drug claim", "billed procedure", "claim of another year",
)  # fmt: skip


@dataclass(frozen=True)
class Beneficiary:
    """A person; what is None nobody ever said.

    Attributes:
        months: of the service year, with Part B.
        has_period: Part B is told by a period beside.
        codes: ICD-10-CM codes with the way each is recorded, of which some count for nothing.
    """

    person_id: int
    birth_date: date
    sex: str | None
    original_reason: str | None
    dual: str | None
    months: int
    has_period: bool
    is_institutional: bool
    codes: tuple[tuple[str, str], ...]

    @property
    def age(self) -> int:
        """On 1 February of the payment year."""
        return AS_OF.year - self.birth_date.year - ((self.birth_date.month, self.birth_date.day) > (2, 1))

    @property
    def counting(self) -> list[str]:
        """Codes that CMS would count."""
        return [code for code, kind in self.codes if kind in _KINDS]

    @property
    def lacks(self) -> set[str]:
        """What no factor can be computed without."""
        return {
            words
            for words, is_lacking in {
                "sex, female or male": self.sex is None,
                "original reason for entitlement": self.original_reason is None,
                "dual eligibility": self.dual is None,
                "twelve months of Part B in the year before": self.months < 12 and not self.has_period,
                "a model for end-stage renal disease": self.original_reason in ("2", "3"),
            }.items()
            if is_lacking
        }


def beneficiaries(
    chance: random.Random,
    codes: Mapping[str, Sequence[str]],
    edited: Sequence[str],
    graver: Mapping[str, Sequence[str]],
    numbers: Iterable[int],
) -> list[Beneficiary]:
    """People of 20 to 95 years, of whom one in twenty lacks something.

    Args:
        codes: ICD-10-CM codes by category.
        edited: codes that some age or sex takes for something else.
        graver: for each category those that it puts out.
    """
    categories, families = sorted(codes), sorted(graver)

    def of_person() -> list[str]:
        found = [chance.choice(codes[chance.choice(categories)]) for _ in range(chance.choice((0, 1, 2, 3, 5, 9, 14)))]
        found += [chance.choice(edited) for _ in range(chance.randrange(3))]
        if chance.random() < 0.5:
            family = chance.choice(families)
            found += [chance.choice(codes[one]) for one in (family, *chance.choices(graver[family], k=2))]
        found += [f"{chance.choice('ABEHJKLMRZ')}{chance.randrange(100):02d}{chance.randrange(10)}" for _ in range(2)]
        return found

    def kind() -> str:
        return chance.choice(_KINDS if chance.random() < 0.8 else _IDLE_KINDS)

    def known(value: str) -> str | None:
        return None if chance.random() < 0.01 else value

    return [
        Beneficiary(
            person_id=number,
            birth_date=date(AS_OF.year - 20, 2, 1) - timedelta(days=chance.randrange(76 * 365)),
            sex=known(chance.choice(("female", "male"))),
            original_reason=known(chance.choice("00001111" * 8 + "23")),
            dual=known(chance.choice(DUAL)),
            months=chance.randrange(12) if chance.random() < 0.02 else 12,
            has_period=chance.random() < 0.3,
            is_institutional=chance.random() < 0.15,
            codes=tuple((code, kind()) for code in of_person()),
        )
        for number in numbers
    ]


class MedicareWriter:
    """Fills the tables that CMS-HCC is computed of."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._keys = count(10**9)
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _COLUMNS}

    def beneficiaries(self, people: Iterable[Beneficiary]) -> None:
        """Persons with what they are entitled to and what was diagnosed."""
        for person in people:
            number, born = person.person_id, person.birth_date
            sex = SEXES[person.sex]
            self._rows["omop.person"].append((number, sex, born.year, born.month, born.day, 0, 0))
            self._entitlement(person)
            if person.is_institutional:
                self._visit(number, AS_OF - timedelta(days=91), AS_OF, _NURSING_FACILITY)
            elif number % 7 == 0:
                # Not long enough, or over.
                self._visit(number, AS_OF - timedelta(days=90), AS_OF, _NURSING_FACILITY)
                self._visit(number, AS_OF - timedelta(days=400), AS_OF - timedelta(days=1), _NURSING_FACILITY)
            for code, kind in person.codes:
                self._diagnosis(number, code, kind)

    def write(self) -> None:
        """Put all of it into the tables."""
        for name, columns in _COLUMNS.items():
            copy_rows(self._connection, name, columns, self._rows[name])

    def _entitlement(self, person: Beneficiary) -> None:
        number = person.person_id
        if person.original_reason is not None:
            self._fact(number, "orec", person.original_reason, date(2010, 1, 1))
        if person.dual is not None:
            self._fact(number, "dual_02", person.dual, date(AS_OF.year, 2, 1))
            self._fact(number, "dual_01", "08", date(AS_OF.year, 1, 1))
        # No status, and one that nobody can know yet.
        self._fact(number, "dual_03", "00", date(AS_OF.year, 3, 1))
        self._fact(number, "dual_12", "02", date(AS_OF.year, 12, 1))
        if person.has_period:
            first, last = date(SERVICE_YEAR, 1, 1), date(SERVICE_YEAR, 12, 31)
            self._rows["omop.payer_plan_period"].append((number, number, first, last, *[0] * 7, "Part B"))
        if not person.has_period or person.months < 12:
            for month in range(1, 13):
                answer = "3" if month <= person.months else "1"
                self._fact(number, f"buyin{month:02d}", answer, date(SERVICE_YEAR, month, 1))

    def _fact(self, number: int, variable: str, answer: str, day: date) -> None:
        key = self._event(number, "observation", "measurement", day, value_codings=Json([{"code": answer}]))
        self._coding(number, "observation", key, _CMS, variable)

    def _diagnosis(self, number: int, code: str, kind: str) -> None:
        day = date(SERVICE_YEAR, 1 + number % 12, 1)
        if "claim" in kind or "billed" in kind:
            line = next(self._keys)
            claim_type = "pharmacy" if kind == "drug claim" else "professional"
            part = "item" if kind == "billed procedure" else "diagnosis"
            self._rows["bronze.claim_line"].append((line, line, "payer", number, False, part, 0, claim_type, Json([])))
            when = day.replace(year=SERVICE_YEAR - 1) if kind == "claim of another year" else day
            key = self._event(number, "condition_occurrence", "claim_line", when, bronze_key=line)
        else:
            is_old = kind == "visit of another year"
            visit = None
            if kind in ("visit", "visit of another year"):
                # Of a disease that began long before.
                seen = date(SERVICE_YEAR - 1, 12, 31) if is_old else day
                visit, day = self._visit(number, seen, seen, 9202), date(1999, 5, 5)
            key = self._event(
                number,
                "condition_occurrence",
                "condition_occurrence",
                day,
                visit_occurrence_id=visit,
                verification_status="unconfirmed" if kind == "unconfirmed" else "confirmed",
                categories=Json(["problem-list-item" if kind == "problem list" else "encounter-diagnosis"]),
            )
        # Sources write codes with and without their dot.
        self._coding(number, "condition_occurrence", key, _ICD10, code if number % 2 else f"{code[:3]}.{code[3:]}")

    def _visit(self, number: int, first: date, last: date, concept_id: int) -> int:
        key = next(self._keys)
        self._rows["omop.visit_occurrence"].append((key, number, concept_id, first, last, 0))
        return key

    def _event(self, number: int, table: str, bronze_table: str, day: date, **values: Any) -> int:
        key = next(self._keys)
        own = dict.fromkeys(_EVENT[8:]) | values
        self._rows["omop.event_source"].append((table, key, number, bronze_table, day, True, True, 0, *own.values()))
        return key

    def _coding(self, number: int, table: str, key: int, system: str, code: str) -> None:
        self._rows["omop.event_coding"].append((table, key, number, system, code))


_EVENT = (
    "cdm_table", "cdm_id", "person_id", "bronze_table", "start_date", "has_happened", "is_record_of_care", "concept_id",
    "bronze_key", "visit_occurrence_id", "verification_status", "categories", "value_codings",
)  # fmt: skip
_COLUMNS: Mapping[str, Sequence[str]] = {
    "omop.person": (
        "person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth", "race_concept_id",
        "ethnicity_concept_id",
    ),
    "omop.event_source": _EVENT,
    "omop.event_coding": ("cdm_table", "cdm_id", "person_id", "system", "code"),
    "omop.visit_occurrence": (
        "visit_occurrence_id", "person_id", "visit_concept_id", "visit_start_date", "visit_end_date",
        "visit_type_concept_id",
    ),
    "omop.payer_plan_period": (
        "payer_plan_period_id", "person_id", "payer_plan_period_start_date", "payer_plan_period_end_date",
        "payer_concept_id", "payer_source_concept_id", "plan_concept_id", "plan_source_concept_id",
        "sponsor_concept_id", "sponsor_source_concept_id", "stop_reason_concept_id", "plan_source_value",
    ),
    "bronze.claim_line": (
        "claim_line_key", "resource_key", "source_system", "person_key", "is_adjudicated", "kind", "line_number",
        "claim_type", "codings",
    ),
}  # fmt: skip
