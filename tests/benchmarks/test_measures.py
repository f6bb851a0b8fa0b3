"""Decks made larger for the benchmark of measures: every copy is other patients with the same records."""

from pathlib import Path

import orjson

from benchmarks.measures import repeat_bundles
from pipelines.measures import read_decks
from tests.pipelines.measures.decks import bundle, case, colonoscopy, patient, populations, visit, write


def ids_and_references(line: bytes) -> tuple[list[str], list[str]]:
    resources = [entry["resource"] for entry in orjson.loads(line)["entry"]]
    names = [f"{one['resourceType']}/{one['id']}" for one in resources]
    return names, [one["subject"]["reference"] for one in resources if "subject" in one]


def test_copies_have_their_own_ids_and_lead_to_themselves(tmp_path: Path) -> None:
    bundles = [bundle(patient(name), visit(name), colonoscopy(name)) for name in ("one", "visit-two")]
    expected = {name: case(populations(1, 1)) for name in ("one", "visit-two")}
    decks = read_decks([write(tmp_path / "CMS130", bundles, expected)])
    patients = repeat_bundles(decks, tmp_path / "copies", 3)
    lines = [line for path in sorted((tmp_path / "copies").iterdir()) for line in path.read_bytes().splitlines()]
    assert [orjson.loads(line) for line in lines[:2]] == bundles
    found = [ids_and_references(line) for line in lines]
    assert [names[0] for names, _references in found] == [f"Patient/{one}" for one in patients]
    assert all(set(references) == {names[0]} for names, references in found)
    every = [name for names, _references in found for name in names]
    assert len(set(every)) == len(every) == 18
    # Nothing else of a record changes.
    assert {orjson.loads(line)["entry"][1]["resource"]["period"]["start"] for line in lines} == {"2026-03-01T09:00:00Z"}
