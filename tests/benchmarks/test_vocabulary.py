"""The synthesised download loads, and a later one changes what it says it does."""

from pathlib import Path

from benchmarks.athena import CHANGED_ONE_IN, FULL, synthesise
from benchmarks.vocabulary import bound
from pipelines.vocabulary import load_vocabulary
from resources.postgres import Database

SCALE = 0.0005


def test_both_releases_load_and_the_later_changes_one_in_a_hundred(db: Database, tmp_path: Path) -> None:
    first = synthesise(tmp_path / "first", SCALE)
    assert bound(db, first) > 0
    loaded = load_vocabulary(db, first.directory)
    assert sum(file["rows"] for file in loaded.files.values()) == first.lines
    assert loaded.files["CONCEPT"]["rows"] == FULL["CONCEPT"] * SCALE
    assert first.bytes == sum(path.stat().st_size for path in first.directory.iterdir())
    later = load_vocabulary(db, synthesise(tmp_path / "later", SCALE, later=True).directory)
    assert later.changes["deprecated"] == FULL["CONCEPT"] * SCALE / CHANGED_ONE_IN
    # Of a concept one relationship in seven or so is the one that maps it.
    assert 0 < later.changes["maps_to"] <= FULL["CONCEPT_RELATIONSHIP"] * SCALE / CHANGED_ONE_IN
    assert later.changes["added"] == later.changes["removed"] == later.changes["domain"] == 0
