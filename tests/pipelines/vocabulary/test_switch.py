"""Readers see the old version or the new one, whatever happens to the load."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from pipelines.vocabulary import VocabularyError, ensure_starter, load_vocabulary
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.conftest import database_url
from tests.pipelines.vocabulary import downloads

COUNTS = "SELECT (SELECT count(*) FROM vocab.concept), (SELECT count(*) FROM vocab.concept_relationship)"
LOAD = (
    "import sys; from pathlib import Path; from pipelines.vocabulary import load_vocabulary; "
    "from resources.postgres import database; from resources.settings import load_settings; "
    "load_vocabulary(database(load_settings(home=Path(sys.argv[1]), database_url=sys.argv[2])), Path(sys.argv[3]))"
)


def larger(concepts: int) -> downloads.Records:
    """The small download with more concepts and two links for each."""
    more = [downloads.concept(50_000_000 + number, f"M{number}") for number in range(concepts)]
    links = [downloads.link(50_000_000 + number, downloads.TYPE_2, kind) for number in range(concepts) for kind in "ab"]
    return {
        **downloads.ROWS,
        "CONCEPT": [*downloads.ROWS["CONCEPT"], *more],
        "CONCEPT_RELATIONSHIP": [*downloads.ROWS["CONCEPT_RELATIONSHIP"], *links],
    }


@contextmanager
def in_thread(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    thread.join(60)
    assert not thread.is_alive()


def wait_until(holds: Callable[[], bool]) -> None:
    for _look in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def has_next(db: Database) -> Callable[[], bool]:
    """Whether all of a next version is filled, so that nothing but the switch is left."""
    last = "relnamespace = 'vocab_next'::regnamespace AND relname = 'concept_change_code'"
    return lambda: downloads.rows(db, f"SELECT count(*) FROM pg_class WHERE {last}") == [(1,)]


def test_a_reader_that_never_rests_sees_one_version_or_the_other(db: Database, tmp_path: Path) -> None:
    ensure_starter(db)
    (old,) = downloads.rows(db, COUNTS)
    folder, seen, done = downloads.write(tmp_path / "new", larger(3_000)), set(), threading.Event()

    def read() -> None:
        with db.connect(Role.TRANSFORM, autocommit=True) as connection:
            while not done.is_set():
                seen.add(connection.execute(COUNTS).fetchone())

    with in_thread(read):
        wait_until(lambda: bool(seen))
        load_vocabulary(db, folder)
        (new,) = downloads.rows(db, COUNTS)
        wait_until(lambda: new in seen)
        done.set()
    assert seen == {old, new}
    assert old[0] + 3_000 < new[0]


def test_a_transaction_that_reads_keeps_its_version_and_delays_nobody_else(db: Database, tmp_path: Path) -> None:
    ensure_starter(db)
    (old,) = downloads.rows(db, COUNTS)
    folder = downloads.write(tmp_path / "new", larger(10))
    with db.connect(Role.TRANSFORM) as reader:
        reader.execute("SELECT count(*) FROM vocab.concept")
        with in_thread(lambda: load_vocabulary(db, folder)):
            wait_until(has_next(db))
            # The other table comes second: had the switch it already, each of the two would wait for the other.
            time.sleep(1.2)
            assert reader.execute(COUNTS).fetchone() == old
            with db.connect(Role.EMBED) as other:
                assert other.execute(COUNTS).fetchone() == old
            reader.rollback()
    assert downloads.rows(db, COUNTS) != [old]


def test_a_snapshot_from_before_sees_all_of_the_new_version(db: Database, tmp_path: Path) -> None:
    ensure_starter(db)
    with db.connect(Role.TRANSFORM) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1 FROM vocab.release")
        load_vocabulary(db, downloads.write(tmp_path / "new", larger(10)))
        found = reader.execute("SELECT count(*) FROM vocab.concept WHERE concept_code LIKE 'M%'").fetchone()
    assert found == (10,)


def started(settings: Settings, folder: Path) -> subprocess.Popen:
    arguments = [str(settings.home), database_url(settings), str(folder)]
    return subprocess.Popen([sys.executable, "-c", LOAD, *arguments], cwd=Path(__file__).parents[3], env=os.environ)


@pytest.mark.parametrize("moment", ["while it fills", "before it switches"])
def test_killed_the_old_stays_and_the_next_load_cleans_up(
    settings: Settings, db: Database, tmp_path: Path, moment: str
) -> None:
    ensure_starter(db)
    (old,) = downloads.rows(db, COUNTS)
    folder = downloads.write(tmp_path / "new", larger(20_000))
    with db.connect(Role.TRANSFORM) as reader:
        if moment == "before it switches":
            reader.execute("SELECT 1 FROM vocab.concept LIMIT 1")
        process = started(settings, folder)
        wait_until(has_next(db) if moment == "before it switches" else lambda: downloads.left_over(db) != [])
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    assert downloads.rows(db, COUNTS) == [old]
    if moment == "before it switches":
        assert downloads.left_over(db) != []
    assert load_vocabulary(db, folder).changed
    assert downloads.rows(db, COUNTS)[0][0] > 20_000
    assert downloads.left_over(db) == []


def test_one_file_that_fails_stops_the_others(db: Database, tmp_path: Path) -> None:
    ensure_starter(db)
    (old,) = downloads.rows(db, COUNTS)
    folder = downloads.write(tmp_path / "new", larger(20_000))
    with (folder / "CONCEPT_RELATIONSHIP.csv").open("ab") as stream:
        stream.write(b"1\t2\n")
    with pytest.raises(VocabularyError, match="CONCEPT_RELATIONSHIP, line 40005, column relationship_id"):
        load_vocabulary(db, folder)
    assert downloads.rows(db, COUNTS) == [old]
    assert downloads.left_over(db) == []


def test_two_loads_at_once_wait_for_each_other(db: Database, tmp_path: Path) -> None:
    ensure_starter(db)
    first, second = (downloads.write(tmp_path / name, larger(number)) for name, number in (("1", 10), ("2", 20)))
    with in_thread(lambda: load_vocabulary(db, first)):
        load_vocabulary(db, second)
    assert downloads.rows(db, "SELECT count(*) FROM vocab.release") == [(3,)]
    assert downloads.left_over(db) == []


def test_what_needs_a_vocabulary_does_not_wait_for_a_load(db: Database, tmp_path: Path) -> None:
    ensure_starter(db)
    with db.connect(Role.TRANSFORM) as reader:
        reader.execute("SELECT 1 FROM vocab.concept LIMIT 1")
        with in_thread(lambda: load_vocabulary(db, downloads.write(tmp_path / "new"))):
            wait_until(has_next(db))
            assert not ensure_starter(db).changed
            reader.rollback()


def test_the_switched_tables_have_their_keys_indexes_and_readers(db: Database, tmp_path: Path) -> None:
    indexes = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'vocab' ORDER BY 1, 2"
    grants = "SELECT relname, relacl::text, reltuples >= 0 FROM pg_class WHERE relnamespace = 'vocab'::regnamespace "
    before = downloads.rows(db, indexes), downloads.rows(db, grants + "AND relkind = 'r' ORDER BY 1")
    load_vocabulary(db, downloads.write(tmp_path / "new"))
    after = downloads.rows(db, indexes), downloads.rows(db, grants + "AND relkind = 'r' ORDER BY 1")
    assert after[0] == before[0]
    assert [row[:2] for row in after[1]] == [row[:2] for row in before[1]]
    switched = {"concept", "concept_relationship", "concept_ancestor", "drug_strength", "concept_change"}
    assert {name for name, _acl, analysed in after[1] if analysed} >= switched
