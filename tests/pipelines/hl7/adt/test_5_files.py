"""Section 5 of the checklist, files and batches: one test a line."""

import gzip
import io
import tracemalloc
from pathlib import Path

import pytest
from typing_extensions import Buffer

from pipelines.hl7 import ingest_hl7, splitting
from pipelines.hl7.splitting import split
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, rows, visit

FIRST, SECOND, THIRD = (
    message("ADT^A01", f"2026030{day}100000", visit(location="3E", f19=f"V{day}^^^HOSP")) for day in (1, 2, 3)
)
HEAD, TAIL = b"BHS|^~\\&|A\r", b"BTS|1\r"


def pieces(content: bytes) -> list[tuple[bytes, str | None]]:
    return [(piece.body + b"\r" if piece.body else b"", piece.problem) for piece in split(io.BytesIO(content))]


@pytest.mark.parametrize(
    "content",
    [
        FIRST + SECOND,
        b"FHS|^~\\&|A\r" + HEAD + FIRST + SECOND + b"BTS|2\rFTS|1\r",
        b"FHS|^~\\&|A\r" + HEAD + FIRST + TAIL + HEAD + SECOND + TAIL + b"FTS|2\r",
        HEAD + FIRST + SECOND + b"BTS|2|comment\r",
        HEAD + FIRST + SECOND + b"BTS\r",
    ],
)
def test_5_01_files_with_and_without_envelopes(content: bytes) -> None:
    assert pieces(content) == [(FIRST, None), (SECOND, None)]


@pytest.mark.parametrize(
    ("content", "suspect"),
    [
        (HEAD + FIRST + SECOND + b"BTS|3\r", "batch_count_differs"),
        (b"FHS|^~\\&|A\r" + HEAD + FIRST + SECOND + b"BTS|2\rFTS|2\r", "batch_count_differs"),
        (HEAD + FIRST + SECOND, "missing_trailer"),
        (b"FHS|^~\\&|A\r" + HEAD + FIRST + SECOND + b"BTS|2\r", "missing_trailer"),
    ],
)
def test_5_02_a_file_that_is_not_as_its_envelope_says_is_suspect_and_its_messages_load(
    ingest: Ingest, db: Database, content: bytes, suspect: str
) -> None:
    account = ingest(content)
    assert account.loaded == {"ADT^A01": 2}
    assert account.quarantined == {suspect: 1}
    with db.connect(Role.INGEST) as connection:
        kept = connection.execute("SELECT reason, file_id IS NOT NULL, message_id FROM quarantine.record").fetchall()
    assert kept == [(suspect, True, None)]


def test_5_03_a_file_that_was_read_while_it_grew_is_read_again(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    inbox, whole = tmp_path / "inbox", FIRST + SECOND + THIRD
    inbox.mkdir()
    path = inbox / "feed.hl7"
    for length in (len(FIRST), len(FIRST) + len(SECOND), len(whole)):
        path.write_bytes(whole[:length])
        assert ingest_hl7(settings, db, [inbox]).loaded == {"ADT^A01": 1}
    assert ingest_hl7(settings, db, [inbox]).loaded == {}
    assert len(rows(db, "visit_occurrence")) == 3
    # What is still being written under another name is not there, and renamed in it is there whole.
    other = message("ADT^A01", "20260304100000", visit(location="3E", f19="V4^^^HOSP"))
    hidden = inbox / "next.hl7.part"
    hidden.write_bytes(other[:40])
    assert ingest_hl7(settings, db, [inbox]).read == {"ADT^A01": 3}
    hidden.write_bytes(other)
    hidden.rename(inbox / "next.hl7")
    assert ingest_hl7(settings, db, [inbox]).loaded == {"ADT^A01": 1}


def test_5_04_one_bad_message_is_quarantined_with_its_place_and_the_others_load(ingest: Ingest, db: Database) -> None:
    good = [message("ADT^A31", "20260301", control=str(number)) for number in range(999)]
    bad = b"MSH|\r"
    content = b"".join(good[:500]) + bad + b"".join(good[500:])
    account = ingest(content)
    assert (account.loaded, account.quarantined) == ({"ADT^A31": 999}, {"not_hl7": 1})
    with db.connect(Role.INGEST) as connection:
        kept = connection.execute(
            "SELECT m.byte_offset, r.reason, m.file_id IS NOT NULL FROM quarantine.record AS r "
            "JOIN landing.hl7_message AS m USING (message_id)"
        ).fetchall()
    assert kept == [(content.index(bad), "not_hl7", True)]


def test_5_05_the_same_content_again_adds_nothing(settings: Settings, db: Database, tmp_path: Path) -> None:
    first, second = tmp_path / "a.hl7", tmp_path / "b.txt"
    first.write_bytes(FIRST + SECOND)
    second.write_bytes(FIRST + SECOND)
    assert ingest_hl7(settings, db, [first]).loaded == {"ADT^A01": 2}
    before = rows(db, "resource")
    for path in (first, second):
        account = ingest_hl7(settings, db, [path])
        assert (account.loaded, account.excluded) == ({}, {"already_loaded": 2})
    assert rows(db, "resource") == before
    with db.connect(Role.INGEST) as connection:
        query = "SELECT (SELECT count(*) FROM landing.file), (SELECT count(*) FROM landing.hl7_message)"
        assert connection.execute(query).fetchone() == (1, 2)


def test_5_06_packed_and_framed_files_are_read(ingest: Ingest, db: Database) -> None:
    framed = b"".join(b"\x0b" + one + b"\x1c\r" for one in (SECOND, THIRD))
    assert ingest(gzip.compress(FIRST), framed).loaded == {"ADT^A01": 3}
    assert len(rows(db, "visit_occurrence")) == 3


class _Endless(io.RawIOBase):
    """A file of ``length`` bytes that is nowhere."""

    def __init__(self, length: int) -> None:
        self._left = length
        self._block = FIRST * 4000

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        with memoryview(buffer) as room:
            found = self._block[: min(len(room), self._left)]
            room[: len(found)] = found
        self._left -= len(found)
        return len(found)


def test_5_07_a_large_file_is_split_in_bounded_memory() -> None:
    """The peak does not depend on the length: 24 MB here, at which a splitter that kept it would show."""
    tracemalloc.start()
    count = sum(1 for _ in split(io.BufferedReader(_Endless(24 << 20))))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count > 80_000
    assert peak < 8 * splitting._BLOCK
