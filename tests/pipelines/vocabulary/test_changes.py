"""What a release changed is told concept by concept, and the same release again is no release."""

import shutil
from pathlib import Path

from pipelines.vocabulary import ensure_starter, load_vocabulary, report
from resources.postgres import Database
from tests.conftest import superuser
from tests.pipelines.vocabulary import downloads
from tests.pipelines.vocabulary.downloads import ASPIRIN, CODE, DIABETES, OLD_CODE, ROWS, TYPE_2, concept, link

NEWER = {
    **ROWS,
    "CONCEPT": [
        # The first is as it was; the second's name is another, which is no change of meaning.
        ROWS["CONCEPT"][0],
        concept(DIABETES, "73211009", name="Diabetes mellitus"),
        concept(OLD_CODE, "99999001", standard="", invalid="U"),
        concept(CODE, "E11.9", standard="", vocabulary="ICD10CM", domain="Observation"),
        concept(46_000_001, "1", domain="Drug", vocabulary="RxNorm"),
        concept(46_000_002, "2", domain="Drug", vocabulary="RxNorm"),
    ],
    "CONCEPT_RELATIONSHIP": [
        link(CODE, TYPE_2),
        link(CODE, DIABETES),
        link(TYPE_2, DIABETES, "Is a", invalid="D"),
        link(OLD_CODE, TYPE_2),
        link(46_000_001, 46_000_002),
    ],
}
FOUND = "SELECT concept_id, change, before, after FROM vocab.concept_change ORDER BY 1, 2"


def test_every_change_is_told_and_nothing_else(db: Database, tmp_path: Path) -> None:
    load_vocabulary(db, downloads.write(tmp_path / "older"))
    told = load_vocabulary(db, downloads.write(tmp_path / "newer", NEWER))
    assert downloads.rows(db, FOUND) == [
        # It left the download, so the starter's own of that number, which leads to itself, takes its place.
        (ASPIRIN, "maps_to", None, str(ASPIRIN)),
        (CODE, "domain", "Condition", "Observation"),
        (CODE, "maps_to", None, str(DIABETES)),
        (OLD_CODE, "deprecated", None, "U"),
        (OLD_CODE, "maps_to", None, str(TYPE_2)),
        (OLD_CODE, "standard", "S", None),
    ]
    assert told.changes == {"added": 2, "removed": 0, "revived": 0} | {
        "deprecated": 1,
        "standard": 1,
        "domain": 1,
        "maps_to": 3,
    }
    assert told.concerns is None
    back = load_vocabulary(db, downloads.write(tmp_path / "back", {**ROWS, "DOMAIN": []}))
    assert (back.changes["removed"], back.changes["revived"], back.changes["added"]) == (2, 1, 0)


def test_the_first_release_changes_nothing_that_was_there(db: Database) -> None:
    told = ensure_starter(db)
    assert told.changes == {"added": told.concepts} | dict.fromkeys(told.changes.keys() - {"added"}, 0)
    assert report(db).changes == told.changes


def test_the_same_again_in_another_form_changes_nothing(db: Database, tmp_path: Path) -> None:
    first = load_vocabulary(db, downloads.write(tmp_path / "folder"))
    tables = "SELECT oid, relname FROM pg_class WHERE relnamespace = 'vocab'::regnamespace ORDER BY 1"
    before = downloads.rows(db, tables)
    for form in ("tab", "gzip", "zip"):
        again = load_vocabulary(db, downloads.write(tmp_path / form, form=form))
        assert (again.changed, again.release) == (False, first.release)
    assert downloads.rows(db, tables) == before


def test_other_bytes_of_the_same_length_are_another_download(db: Database, tmp_path: Path) -> None:
    folder = downloads.write(tmp_path / "folder")
    load_vocabulary(db, folder)
    shutil.copytree(folder, tmp_path / "other")
    path = tmp_path / "other" / "DOMAIN.csv"
    path.write_bytes(path.read_bytes().replace(b"\t19\n", b"\t20\n"))
    assert load_vocabulary(db, tmp_path / "other").changed
    assert downloads.rows(db, "SELECT domain_concept_id FROM vocab.domain") == [(20,)]
    (path.parent / "DRUG_STRENGTH.csv").unlink()
    assert load_vocabulary(db, tmp_path / "other").changed
    assert downloads.rows(db, "SELECT count(*) FROM vocab.drug_strength") == [(0,)]


def test_a_starter_of_another_version_is_replaced_and_a_download_is_not(db: Database, tmp_path: Path) -> None:
    before = ensure_starter(db)
    outdated = "UPDATE vocab.release SET content_sha256 = repeat('0', 64)"
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute(outdated)
        replaced = ensure_starter(db)
        assert (replaced.changed, replaced.release) == (True, before.release + 1)
        assert not ensure_starter(db).changed
        load_vocabulary(db, downloads.write(tmp_path / "download"))
        connection.execute(outdated)
        assert not ensure_starter(db).changed
