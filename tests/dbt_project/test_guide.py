"""docs/fhir_omop_guide.md against the golden cases, the tests it names and the tables there are."""

import re
from itertools import chain
from pathlib import Path

import pytest

from tests.dbt_project.golden_cases import CASES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "fhir_omop_guide.md").read_text()
MODELS = ROOT / "dbt_project" / "models" / "omop"

# The ids of the guide's page of conformance.
_NUMBERS = chain(
    range(1, 7), range(10, 15), range(20, 27), range(30, 41), range(50, 54), range(60, 64), range(70, 74),
    range(80, 83), range(90, 94), (100, 102, 103), range(110, 113), range(120, 123), (132,),
)  # fmt: skip
REQUIREMENTS = tuple(f"f2o-{number:03}" for number in _NUMBERS)
ROWS = dict(re.findall(r"^\| (f2o-\d{3}) \| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE))

_TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
_EXCUSE = re.compile(r"(?:departure|not applicable): ([^;]{20,})")
# What the guide's tables have that omop's models add for Sanctum itself.
_OWN = {
    "dropped_row", "event_coding", "event_source", "identity_conflict", "labelled_row", "person_crosswalk",
    "unmapped_code",
}  # fmt: skip


def test_the_page_has_every_requirement_once() -> None:
    assert tuple(re.findall(r"^\| (f2o-\d{3}) ", PAGE, re.MULTILINE)) == tuple(ROWS)
    assert set(ROWS) == set(REQUIREMENTS)
    assert len(REQUIREMENTS) == 58


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_requirement_is_shown_or_excused(requirement: str) -> None:
    shown = ROWS[requirement]
    cases = [case.name for case in CASES if requirement in case.requirements]
    named = _TEST.findall(shown)
    for path, test in named:
        source = (ROOT / path).read_text()
        assert not test or re.search(rf"^def {test}\(", source, re.MULTILINE), f"{path} has no {test}"
    assert ("golden cases" in shown and "golden cases of" not in shown) == bool(cases), "the page and the cases differ"
    assert cases or named or _EXCUSE.search(shown), "neither shown nor excused"


def test_cases_name_requirements_there_are() -> None:
    assert {requirement for case in CASES for requirement in case.requirements} <= set(REQUIREMENTS)
    assert len(CASES) >= 250


def test_every_table_of_the_cdm_is_disclosed() -> None:
    disclosed = {
        filled: set(re.findall(r"`(\w+)`", tables))
        for filled, tables in re.findall(r"^\| (wholly|partly|not) \| (.+) \|$", PAGE, re.MULTILINE)
    }
    models = {path.stem for path in MODELS.glob("*.sql")} - _OWN
    assert disclosed["wholly"] | disclosed["partly"] == models
    assert disclosed["not"].isdisjoint(models)
