"""A download with one bad line is refused whole, and the error leads to the line without its content."""

import dataclasses
import gzip
import re
import zipfile
from pathlib import Path

import pytest

from pipelines.vocabulary import VocabularyError, ensure_starter, load_vocabulary
from resources.postgres import Database, database
from resources.settings import Settings
from tests.conftest import superuser
from tests.pipelines.vocabulary import downloads

RELATIONSHIP = b"35206882\t201826\tMaps to\t"
# File, what is replaced in it by what, and what the error says.
BAD = {
    "a number that is none": (
        "CONCEPT",
        b"1191\t19",
        b"1191\t" + b"Jane",
        "CONCEPT, line 5, column valid_start",
    ),
    "letters in an id": (
        "CONCEPT_RELATIONSHIP",
        RELATIONSHIP,
        b"Jane Doe\t201826\tMaps to\t",
        "line 2, column concept_id_1: it is no number",
    ),
    "an id too large": (
        "CONCEPT_ANCESTOR",
        b"201820",
        b"3000000000",
        "CONCEPT_ANCESTOR, line 2, column ancestor_concept_id: the number is out of range",
    ),
    "a day there is not": (
        "CONCEPT_RELATIONSHIP",
        b"19700101",
        b"19700231",
        "column valid_start_date: there is no such",
    ),
    "a day of two meanings": ("CONCEPT_RELATIONSHIP", b"19700101", b"01/02/1970", "column valid_start_date: "),
    "no name": ("CONCEPT", b"Concept 1191", b"", "CONCEPT, line 5, column concept_name: a value is required"),
    "a field too few": ("CONCEPT_ANCESTOR", b"\t1\t1\n", b"\t1\n", "line 2, column max_levels_of_separation: it has "),
    "a field too many": ("CONCEPT_SYNONYM", b"4180186", b"4180186\tJane Doe", "CONCEPT_SYNONYM, line 2: it has other"),
    "an empty line": ("CONCEPT", b"\n1112807", b"\n\n1112807", "CONCEPT, line 5"),
    "a lone carriage return": ("CONCEPT", b"Concept 1191", b"Jane\rDoe", "CONCEPT, line 5: it has other than 10"),
    "no UTF-8": ("CONCEPT", b"Concept 1191", b"Jane \xff", "CONCEPT, line 5: it is no text in UTF-8"),
    "a NUL": ("CONCEPT", b"Concept 1191", b"Jane \x00", "CONCEPT, line 5: it is no text in UTF-8"),
    "a control character": ("CONCEPT", b"Concept 1191", b"Jane \x01", r"CONCEPT, line 5: a control character"),
    "a key twice": ("CONCEPT", b"\n1112807", b"\n201826", "CONCEPT, line 5, column concept_id: an earlier line"),
    "a column twice": ("DOMAIN", b"domain_name", b"domain_id", "DOMAIN has other columns"),
    "a header in UTF-16": (
        "DOMAIN",
        b"domain_id\t",
        "domain_id\t".encode("utf-16"),
        "line 1: the header line is no UTF-8",
    ),
    "a file without a line": ("DOMAIN", b"\n", b"", "DOMAIN, line 1: the header line has no end"),
}


@pytest.fixture(scope="module")
def db(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """One for all: what is refused leaves no trace."""
    found = database(module_settings)
    load_vocabulary(found, downloads.write(tmp_path_factory.mktemp("good") / "download"))
    return found


@pytest.mark.parametrize("case", BAD)
def test_one_bad_line_refuses_all(db: Database, tmp_path: Path, case: str) -> None:
    stem, old, new, message = BAD[case]
    before = downloads.contents(db)
    path = downloads.write(tmp_path / "bad", {**downloads.ROWS, "VOCABULARY": []}) / f"{stem}.csv"
    assert old in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(old, new, 1) if case != "a file without a line" else b"domain_id")
    with pytest.raises(VocabularyError, match=re.escape(message)) as refused:
        load_vocabulary(db, path.parent)
    assert "Jane" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert downloads.contents(db) == before
    assert downloads.left_over(db) == []


def test_quotes_that_do_not_close_are_refused(db: Database, tmp_path: Path) -> None:
    path = downloads.write(tmp_path / "bad", form="comma") / "CONCEPT.csv"
    path.write_bytes(path.read_bytes().replace(b'"Concept 1191"', b'"Concept 1191'))
    with pytest.raises(VocabularyError, match="CONCEPT, line"):
        load_vocabulary(db, path.parent)
    assert downloads.left_over(db) == []


def test_a_file_cut_off_is_refused(db: Database, tmp_path: Path) -> None:
    path = downloads.write(tmp_path / "bad", form="gzip") / "CONCEPT.csv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(VocabularyError, match="CONCEPT is cut off or damaged"):
        load_vocabulary(db, path.parent)
    header = gzip.compress(downloads.tab_separated(downloads.HEADERS["CONCEPT"], []))
    path.write_bytes(header[:-9] + b"\x00" * 9)
    with pytest.raises(VocabularyError, match="CONCEPT is cut off or damaged"):
        load_vocabulary(db, path.parent)


def test_a_damaged_zip_is_refused(db: Database, tmp_path: Path) -> None:
    folder = downloads.write(tmp_path / "bad")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    content = (tmp_path / "bad.zip").read_bytes()
    (tmp_path / "bad.zip").write_bytes(content.replace(b"Concept 1191", b"Concept 1192", 1))
    with pytest.raises(VocabularyError, match="CONCEPT is cut off or damaged"):
        load_vocabulary(db, tmp_path / "bad.zip")
    assert downloads.left_over(db) == []


def test_bad_value_sets_beside_a_download_refuse_both(db: Database, tmp_path: Path) -> None:
    before = ensure_starter(db)
    folder = downloads.write(tmp_path / "download", {**downloads.ROWS, "DOMAIN": []})
    (folder / "valuesets.csv").write_text('oid,name,system,code,display\n1.2,"A, b",http://loinc.org,,\n')
    with pytest.raises(VocabularyError, match="VALUESETS, line 2, column code: a value is required"):
        load_vocabulary(db, folder)
    assert ensure_starter(db) == dataclasses.replace(before, changed=False)
    (folder / "valuesets.csv").write_text('oid,name,system,code,display\n1.2,"A, b",http://loinc.org,1-8,\n')
    told = load_vocabulary(db, folder)
    assert (told.release, told.value_set_members) == (before.release + 1, 1)


def test_a_view_on_the_vocabulary_is_named_before_anything_is_done(db: Database, tmp_path: Path) -> None:
    ensure_starter(db)
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("CREATE VIEW public.site_view AS SELECT concept_id FROM vocab.concept")
    with pytest.raises(VocabularyError, match=r"public\.site_view; drop them first"):
        load_vocabulary(db, downloads.write(tmp_path / "download"))
    assert downloads.left_over(db) == []
