"""A deck is read whole, or refused by name with what is wrong."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.measures import DeckError, read_decks
from tests.pipelines.measures.decks import PERIOD, bundle, case, patient, populations, write

GOOD = [bundle(patient("one"))]
EXPECTED = {"one": case(populations(1, 0))}


@pytest.mark.parametrize("name", ["CMS130", "cms0130v14", "CMS130FHIRColorectalCancerScrn"])
def test_the_measure_is_named_by_the_folder(tmp_path: Path, name: str) -> None:
    (deck,) = read_decks([write(tmp_path / name, GOOD, EXPECTED)])
    assert deck.measure_id == "CMS130"
    assert deck.cases[0].period == (date(2026, 1, 1), date(2026, 12, 31))
    assert [(one.name, one.group_number, one.value) for one in deck.cases[0].expectations] == [
        ("initial_population", 1, 1),
        ("denominator", 1, 1),
        ("denominator_exclusion", 1, 0),
        ("numerator", 1, 0),
    ]
    assert deck.unexpected == []


def test_groups_have_their_own_numbers_and_names(tmp_path: Path) -> None:
    groups = [{"group": "Group_2", "numerator": 1}, {"group": "Group_1", "numerator_exclusion": 1}]
    (deck,) = read_decks([write(tmp_path / "CMS138", GOOD, {"one": case({"groups": groups})})])
    assert [(one.name, one.group_number, one.population) for one in deck.cases[0].expectations] == [
        ("Group_2.numerator", 2, "numerator"),
        ("Group_1.numerator_exclusion", 1, "numerator_exclusion"),
    ]


def test_who_is_in_the_bundles_alone_is_known(tmp_path: Path) -> None:
    bundles = [*GOOD, bundle(patient("three")), bundle(patient("two"))]
    (deck,) = read_decks([write(tmp_path / "CMS130", bundles, EXPECTED)])
    assert deck.unexpected == ["three", "two"]


WRONG: dict[str, tuple[str, Any, Any, str]] = {
    "a name of no measure": ("deck", GOOD, EXPECTED, "deck: the name of a deck's folder begins with the measure's id"),
    "nobody": ("CMS130", GOOD, {}, "CMS130: expected.json expects nothing of anybody"),
    "no period": ("CMS130", GOOD, {"one": populations(1, 0)}, "expected.json has not the form of a deck's (KeyError)"),
    "no populations": ("CMS130", GOOD, {"one": {"period": PERIOD}}, "expected.json has not the form"),
    "no number": ("CMS130", GOOD, {"one": case({"numerator": "Jane"})}, "expected.json has not the form"),
    "a list": ("CMS130", GOOD, [], "expected.json has not the form of a deck's (AttributeError)"),
    "no bundle": ("CMS130", [{"resourceType": "Patient"}], EXPECTED, "line 1 of bundles.ndjson.gz is no FHIR Bundle"),
    "nobody in it": ("CMS130", [bundle()], EXPECTED, "line 1 of bundles.ndjson.gz has 0 Patients"),
    "twice": ("CMS130", GOOD * 2, EXPECTED, "1 patients of bundles.ndjson.gz are there more than once"),
}


@pytest.mark.parametrize("how", WRONG)
def test_a_deck_of_another_form_is_refused(tmp_path: Path, how: str) -> None:
    name, bundles, expected, message = WRONG[how]
    with pytest.raises(DeckError, match=re.escape(message)) as refused:
        read_decks([write(tmp_path / name, bundles, expected)])
    assert "Jane" not in str(refused.value)


def test_files_that_are_not_there_or_are_damaged_are_refused(tmp_path: Path) -> None:
    deck = write(tmp_path / "CMS130", GOOD, EXPECTED)
    bundles = deck / "bundles.ndjson.gz"
    bundles.write_bytes(bundles.read_bytes()[:-9])
    with pytest.raises(DeckError, match=r"CMS130: bundles\.ndjson\.gz can't be read"):
        read_decks([deck])
    bundles.unlink()
    with pytest.raises(DeckError, match=r"CMS130: it has no bundles\.ndjson\.gz"):
        read_decks([deck])
    (deck / "bundles.ndjson").write_text(json.dumps(GOOD[0]))
    assert read_decks([deck])[0].patients == {"one"}
    (deck / "expected.json").unlink()
    with pytest.raises(DeckError, match=r"CMS130: expected\.json can't be read"):
        read_decks([deck])


def test_two_decks_of_one_measure_are_refused(tmp_path: Path) -> None:
    decks = [write(tmp_path / name, GOOD, EXPECTED) for name in ("CMS130", "CMS130v14")]
    with pytest.raises(DeckError, match="more than one deck of CMS130"):
        read_decks(decks)
