"""One content in every form gives the same tables, and no text is changed on the way."""

import io
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from pipelines.vocabulary import load_vocabulary
from pipelines.vocabulary.copying import copy_file
from pipelines.vocabulary.files import VocabularyFile
from resources.postgres import Database, Role
from tests.pipelines.vocabulary import downloads

FORMS = ["comma", "gzip", "zip", "crlf with a byte order mark", "no last line end", "other order and case"]
# What neither form can hold: line ends, tabs, NUL, and the character that stands for no quote.
TEXT = st.text(st.characters(exclude_characters="\t\n\r\x00\x01", exclude_categories=["Cs"]), min_size=1, max_size=12)
NASTY = st.sampled_from(
    ["\\N", "\\.", '"', '""', "'", "\\", "NULL", ",", '",', " x ", "\ufeff", "\x85", "\u2028", "\x1a"]
)
OPTIONAL = st.one_of(st.just(""), TEXT, NASTY)
RECORDS = st.lists(st.tuples(st.one_of(TEXT, NASTY), OPTIONAL, st.one_of(TEXT, NASTY)), max_size=6)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_tables_and_its_account(db: Database, tmp_path: Path, form: str) -> None:
    load_vocabulary(db, downloads.write(tmp_path / "plain"))
    expected = downloads.contents(db)
    # Something else between them, so that the form is loaded and not recognised.
    load_vocabulary(db, downloads.write(tmp_path / "other", {**downloads.ROWS, "DOMAIN": []}))
    report = load_vocabulary(db, downloads.write(tmp_path / "form", form=form))
    assert report.changed
    assert downloads.contents(db) == expected
    for stem, records in downloads.ROWS.items():
        assert report.files[stem]["rows"] == report.files[stem]["lines"] == len(records)
    assert 'Type 2 diabetes, the ""real"" one' in str(expected["CONCEPT"])
    assert any("Diabetes \\\\N \\\\. mellitus" in row for row in expected["CONCEPT"])


@pytest.fixture(scope="module")
def connection(server: Database) -> psycopg.Connection:
    with server.connect(Role.INGEST) as found:
        yield found


def _write(path: Path, records: list[tuple[str, str, str]], form: str) -> VocabularyFile:
    header, rows = ["first", "middle", "last"], [list(record) for record in records]
    if form == "comma":
        content = downloads.comma_separated(header, rows)
    else:
        content = downloads.tab_separated(header, rows, "\r\n" if form == "crlf" else "\n")
    path.write_bytes((b"\xef\xbb\xbf" if form == "mark" else b"") + content)
    return VocabularyFile("TEXTS", path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS, form=st.sampled_from(["tab", "comma", "crlf", "mark"]))
def test_any_text_comes_in_as_it_is(
    connection: psycopg.Connection, tmp_path: Path, records: list[tuple[str, str, str]], form: str
) -> None:
    file = _write(tmp_path / "texts.csv", records, form)
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TEMP TABLE texts (first text NOT NULL, middle text, last text NOT NULL)")
        copied = copy_file(connection, file, sql.Identifier("texts"), ("first", "middle", "last"), freeze=False)
        found = connection.execute("SELECT first, middle, last FROM texts ORDER BY ctid").fetchall()
    assert found == [(first, middle or None, last) for first, middle, last in records]
    assert (copied.rows, copied.lines) == (len(records), len(records))
    assert copied.byte_length == (tmp_path / "texts.csv").stat().st_size
    assert copied.sha256 == file.sha256()


def test_a_text_over_several_lines_is_one_row(connection: psycopg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_bytes(b'first,middle,last\n"one\ntwo",,"x"\n')
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TEMP TABLE texts (first text NOT NULL, middle text, last text NOT NULL)")
        columns = ("first", "middle", "last")
        copied = copy_file(connection, VocabularyFile("TEXTS", path), sql.Identifier("texts"), columns, freeze=False)
    assert (copied.rows, copied.lines) == (1, 2)


def test_lines_are_counted_across_blocks(
    connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.vocabulary.copying.BLOCK", 7)
    records = [(str(number), "", "süß" * (number % 4) + "x") for number in range(50)]
    file = _write(tmp_path / "texts.csv", records, "crlf")
    with connection.transaction(force_rollback=True):
        connection.execute("CREATE TEMP TABLE texts (first text NOT NULL, middle text, last text NOT NULL)")
        columns = ("first", "middle", "last")
        assert copy_file(connection, file, sql.Identifier("texts"), columns, freeze=False).lines == 50
        assert io.BytesIO(file.path.read_bytes()).read().count(b"\r\n") == 51
