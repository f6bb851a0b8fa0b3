"""The seeds name the value sets that the measures' SQL names, and the loader's names are theirs."""

import csv
import re
from pathlib import Path

import pytest

from resources.dbt import PROJECT_DIRECTORY

_SEEDS = PROJECT_DIRECTORY / "seeds" / "measures"
_MODELS = sorted((PROJECT_DIRECTORY / "models" / "measures").glob("cms*.sql"))
_QUOTED = re.compile(r"'([a-z0-9_]+)'")


def _rows(name: str) -> list[dict[str, str]]:
    with (_SEEDS / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("model", _MODELS, ids=lambda path: path.stem)
def test_a_measure_uses_the_value_sets_it_names(model: Path) -> None:
    known = {row["name"] for row in _rows("measure_value_set")}
    macros = (PROJECT_DIRECTORY / "macros" / "measure.sql").read_text()
    outpatient = macros[macros.index("macro adult_outpatient_encounters") :].partition("endmacro")[0]
    text = model.read_text()
    named = set(_QUOTED.findall(text))
    if "adult_outpatient_encounters()" in text:
        named |= set(_QUOTED.findall(outpatient))
    if "ref('immunization_evidence')" in text:
        named |= {row["value_set"] for row in _rows("immunization_evidence")}
    measure = model.stem.upper()
    assert {row["value_set"] for row in _rows("measure_use") if row["measure_id"] == measure} == named & known != set()


def test_every_value_set_is_used() -> None:
    shared = (PROJECT_DIRECTORY / "models" / "measures" / "shared_exclusion.sql").read_text()
    used = {row["value_set"] for row in _rows("measure_use")} | set(_QUOTED.findall(shared))
    assert {row["name"] for row in _rows("measure_value_set")} <= used


def test_there_is_a_measure_for_every_model() -> None:
    assert {row["measure_id"] for row in _rows("measure")} == {path.stem.upper() for path in _MODELS}
    assert len(_MODELS) == 15
