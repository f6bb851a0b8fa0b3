"""``sanctum measures score``: decks into a home that is gone afterwards, agreement printed, told by the exit status."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.home import Commands, home_environment
from tests.pipelines.measures.decks import (
    bundle,
    case,
    colonoscopy,
    patient,
    populations,
    visit,
    write,
    write_value_sets,
)


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[tuple[Commands, Path]]:
    """Commands whose temporary files lie in a folder of their own; no home of theirs is to be there afterwards."""
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="score-", dir="/tmp") as folder:
        home = tmp_path / "home"
        yield Commands(home_environment(home, TMPDIR=folder)), Path(folder)
        assert not home.exists()
        assert [path.name for path in Path(folder).glob("sanctum-*")] == []


def run(home: Commands, *arguments: str) -> tuple[int, str, str]:
    process = home.start("measures", "score", *arguments)
    out, err = process.communicate(timeout=600)
    return process.returncode, out.decode(), err.decode()


def eligible(name: str) -> dict[str, Any]:
    return bundle(patient(name), visit(name))


def screened(name: str) -> dict[str, Any]:
    return bundle(patient(name), visit(name), colonoscopy(name))


@pytest.mark.slow
def test_disagreements_are_told_with_their_reasons(temporary: tuple[Commands, Path], tmp_path: Path) -> None:
    home, _folder = temporary
    died = bundle(patient("died", deceasedBoolean=True), visit("died"))
    first = write(
        tmp_path / "ecqm" / "decks" / "CMS130",
        [screened("done"), eligible("open"), eligible("wrong"), died, eligible("other")],
        {
            "done": case(populations(1, 1)),
            "open": case(populations(1, 0)),
            "wrong": case(populations(1, 1), title="Screened elsewhere"),
            "died": case(populations(0, 0)),
            "lost": case(populations(0, 0), title="Not in the bundles"),
        },
    )
    # The same ids and people with other records, in another period: neither deck may see the other's.
    second = write(
        tmp_path / "ecqm" / "decks" / "CMS122",
        [bundle(patient("done")), screened("open")],
        {
            name: case(
                {"groups": [{"group": "Group_1", **populations(0, 0)}]},
                period={"start": "2025-01-01", "end": "2025-12-31"},
            )
            for name in ("done", "open")
        },
    )
    write_value_sets(tmp_path / "ecqm" / "valuesets.csv.gz")
    status, out, err = run(home, str(first), str(second), "--json")
    assert status == 1
    told = json.loads(out)
    agreeing = {"agree": 2, "expected_1": 0, "got_1": 0}
    assert told["CMS122"] == {
        "patients": 2,
        "agree": 2,
        "populations": {f"Group_1.{name}": agreeing for name in populations(0, 0)},
        "disagreements": [],
    }
    # Words of the model, which are not this command's.
    reason = told["CMS130"]["disagreements"][0]["reason"]
    assert "no colorectal screening within its look-back" in reason
    assert told["CMS130"] == {
        "patients": 5,
        "agree": 3,
        "populations": {
            "initial_population": {"agree": 4, "expected_1": 3, "got_1": 3},
            "denominator": {"agree": 4, "expected_1": 3, "got_1": 3},
            "denominator_exclusion": {"agree": 4, "expected_1": 0, "got_1": 0},
            "numerator": {"agree": 3, "expected_1": 2, "got_1": 1},
        },
        "disagreements": [
            {
                "patient": "wrong",
                "title": "Screened elsewhere",
                "populations": {"numerator": {"expected": 1, "got": 0}},
                "reason": reason,
            },
            {
                "patient": "lost",
                "title": "Not in the bundles",
                "populations": {name: {"expected": 0, "got": None} for name in populations(0, 0)},
                "reason": "there is no person: the Patient is not in the bundles, or was not loaded",
            },
        ],
    }
    assert "CMS130: patient other is in the bundles, and expected.json expects nothing of them." in err


@pytest.mark.slow
def test_all_that_agree_are_a_success_and_an_unknown_measure_is_none(
    temporary: tuple[Commands, Path], tmp_path: Path
) -> None:
    home, _folder = temporary
    good = write(tmp_path / "CMS130", [screened("one")], {"one": case(populations(1, 1))})
    codes = write_value_sets(tmp_path / "codes.csv")
    status, out, _err = run(home, str(good), "--valuesets", str(codes))
    assert status == 0
    assert "agree 1, expected_1 1, got_1 1" in out
    unknown = write(tmp_path / "CMS999999", [screened("one")], {"one": case(populations(1, 1), title="Case one")})
    status, out, err = run(home, str(unknown))
    assert status == 1
    assert "No value sets: only the shipped public codes count" in err
    assert "one (Case one): initial_population expected 1, found nothing" in out
    assert "CMS999999 is not computed here" in out


def test_what_can_not_be_read_has_an_exit_status_of_its_own(temporary: tuple[Commands, Path], tmp_path: Path) -> None:
    home, _folder = temporary
    status, out, _err = run(home, str(tmp_path / "CMS130"), "--json")
    assert (status, json.loads(out)["kind"]) == (2, "DeckError")
    good = write(tmp_path / "CMS130", [screened("one")], {"one": case(populations(1, 1))})
    status, out, _err = run(home, str(good), "--valuesets", str(tmp_path / "nothing"), "--json")
    assert (status, json.loads(out)["kind"]) == (2, "VocabularyError")
