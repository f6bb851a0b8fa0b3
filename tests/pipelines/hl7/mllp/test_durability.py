"""ADT.md 6.5 and 6.13: an answered message is there once, whatever is killed."""

import contextlib
import os
import re
import shutil
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from pipelines.hl7.mllp.arrival import Fate, Reception
from pipelines.hl7.mllp.writer import StoreDownError, Writer
from resources import locks
from resources.migrations import migrate
from resources.postgres import Database, Role, database, start_embedded
from resources.settings import Settings, load_settings
from tests.conftest import database_url, superuser
from tests.pipelines.hl7.mllp.conftest import Listen, Process, listening
from tests.pipelines.hl7.mllp.senders import Sender, acknowledged, admission, framed, landed


def postmaster(settings: Settings) -> psutil.Process:
    return psutil.Process(int((settings.home / "postgres" / "postmaster.pid").read_text().split()[0]))


def crash(settings: Settings) -> None:
    """Stop PostgreSQL as ``pg_ctl stop -m immediate`` does."""
    process = postmaster(settings)
    process.send_signal(signal.SIGQUIT)
    process.wait(60)


def kill(settings: Settings) -> None:
    """kill -9 PostgreSQL, the postmaster first, which would start the others again."""
    process = postmaster(settings)
    others = process.children(recursive=True)
    for one in (process, *others):
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs([process, *others], 60)


@pytest.fixture(scope="module")
def own_server() -> Iterator[Settings]:
    """A home with a server of its own, which may be killed."""
    home = Path(tempfile.mkdtemp(prefix="mllp-"))
    settings = load_settings(home=home)
    migrate(start_embedded(settings))
    yield settings
    crash(settings)
    shutil.rmtree(home, ignore_errors=True)


class Engine:
    """An interface engine: sends its messages in order and each again until it is acknowledged."""

    def __init__(self, port: int, messages: list[str]) -> None:
        self.port = port
        self.waiting = messages
        self.acknowledged: list[str] = []
        self.sent = Counter[str]()
        self._run_in_thread = ThreadPoolExecutor(1).submit(self._run)

    def _run(self) -> None:
        until = time.monotonic() + 120
        while self.waiting and time.monotonic() < until:
            try:
                with Sender(self.port, seconds=15) as sender:
                    while self.waiting:
                        self._send(sender)
            except (OSError, EOFError):
                time.sleep(0.05)

    def _send(self, sender: Sender) -> None:
        number = self.waiting[0]
        self.sent[number] += 1
        assert acknowledged(sender.send(admission(number))) == ("AA", number)
        self.acknowledged.append(self.waiting.pop(0))

    def join(self) -> None:
        self._run_in_thread.result(150)
        assert self.waiting == []


def test_6_5_and_6_13_nothing_acknowledged_is_lost_or_doubled(own_server: Settings) -> None:
    """kill -9 the listener twice, and PostgreSQL, during a send of 10,000 messages."""
    warehouse = database(own_server)
    environment = {"SANCTUM_HOME": os.fspath(own_server.home)}
    process = Process(environment)
    engines = [Engine(process.port, [f"k{number}-{n}" for n in range(625)]) for number in range(16)]

    def wait_for(total: int) -> None:
        until = time.monotonic() + 60
        while sum(len(engine.acknowledged) for engine in engines) < total:
            assert time.monotonic() < until
            time.sleep(0.01)

    try:
        wait_for(1000)
        process.end(signal.SIGKILL)
        process = Process(environment, process.port)
        wait_for(4000)
        kill(own_server)
        # What was committed may still be answered.
        time.sleep(0.5)
        down = [list(engine.acknowledged) for engine in engines]
        time.sleep(1.5)
        assert [engine.acknowledged for engine in engines] == down, "nothing is acknowledged without the database"
        start_embedded(own_server)
        wait_for(7000)
        process.end(signal.SIGKILL)
        process = Process(environment, process.port)
        for engine in engines:
            engine.join()
    finally:
        status, log = process.end(signal.SIGTERM)
    assert status == 0
    assert "CANARY" not in log
    stored = Counter(row["message_control_id"] for row in landed(warehouse))
    sent = {f"k{number}-{n}" for number in range(16) for n in range(625)}
    assert len(sent) == 10_000
    assert {number for engine in engines for number in engine.acknowledged} == sent
    assert stored == Counter(sent)
    assert max(n for engine in engines for n in engine.sent.values()) > 1, "something was sent again"


def test_6_13_a_listener_without_its_database_can_be_stopped(own_server: Settings) -> None:
    """What it took and could not store stays with its sender."""
    environment = {"SANCTUM_HOME": os.fspath(own_server.home), "SANCTUM_MLLP_STOP_SECONDS": "0.5"}
    process = Process(environment)
    with Sender(process.port) as sender:
        assert acknowledged(sender.send(admission("stored"))) == ("AA", "stored")
        crash(own_server)
        sender.say(framed(admission("kept")))
        assert sender.says_nothing(1.0)
        status, log = process.end(signal.SIGTERM)
        assert sender.is_closed()
    assert status == 0
    assert "nothing can be stored, next try in 0.1 s: cannot connect to PostgreSQL as sanctum_ingest" in log
    start_embedded(own_server)
    assert landed(database(own_server), "kept") == []
    with listening(own_server) as running, Sender(running.port) as sender:
        assert acknowledged(sender.send(admission("kept"))) == ("AA", "kept")


def test_6_5_a_message_that_was_stored_and_not_answered_is_known_when_it_comes_again(
    settings: Settings, db: Database
) -> None:
    """What kill -9 after the commit and before the answer leaves."""
    arrival = Reception(settings).receive(admission("unanswered"))
    writer = Writer(settings, db)
    assert writer.write([arrival]) == [Fate.STORED]
    writer.close()
    with listening(settings) as running, Sender(running.port) as sender:
        assert acknowledged(sender.send(admission("unanswered"))) == ("AA", "unanswered")
    assert len(landed(db, "unanswered")) == 1


def test_6_5_the_answer_waits_for_the_commit(listen: Listen, db: Database) -> None:
    """An erasure holds the lock of landing: until it is over nothing is stored, and nothing answered."""
    running = listen()
    with Sender(running.port) as sender:
        with db.connect(Role.INGEST, autocommit=True) as eraser:
            locks.hold(eraser, locks.LANDING)
            sender.say(framed(admission("later")))
            assert sender.says_nothing(1.0)
            assert landed(db) == []
        assert acknowledged(sender.answer()) == ("AA", "later")
    assert len(landed(db)) == 1


def test_6_5_without_an_audit_event_nothing_is_stored_or_answered(
    settings: Settings, db: Database, server: Database
) -> None:
    name = dict(db.parameters)["dbname"]
    arrival = Reception(settings).receive(admission("unaudited"))
    writer = Writer(settings, db)
    with superuser(server, name) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION audit.append FROM sanctum_ingest")
    with pytest.raises(StoreDownError, match="InsufficientPrivilege"):
        writer.write([arrival])
    assert landed(db) == []
    with superuser(server, name) as connection:
        connection.execute("GRANT EXECUTE ON FUNCTION audit.append TO sanctum_ingest")
        assert writer.write([arrival, arrival]) == [Fate.STORED, Fate.KNOWN]
        rows = connection.execute(
            "SELECT subject, action, object_kind, cardinality(object_ids), row_count, details FROM audit.event"
        ).fetchall()
    assert rows == [("service:ingest", "receive", "landing.hl7_message", 1, 1, {"received": 2})]
    writer.close()


def test_6_5_a_commit_is_durable_even_where_the_database_says_otherwise(
    settings: Settings, db: Database, server: Database
) -> None:
    with superuser(server) as connection:
        connection.execute(
            f"ALTER ROLE {Role.INGEST} IN DATABASE {dict(db.parameters)['dbname']} SET synchronous_commit = off"
        )
    writer = Writer(settings, db)
    writer.write([Reception(settings).receive(admission("durable"))])
    assert writer._connected().execute("SHOW synchronous_commit").fetchone() == ("on",)
    writer.close()


def test_6_13_messages_of_all_connections_are_committed_together(
    listen: Listen, db: Database, server: Database
) -> None:
    running = listen()
    senders = [Sender(running.port) for _ in range(16)]
    with db.connect(Role.INGEST, autocommit=True) as eraser:
        locks.hold(eraser, locks.LANDING)
        for number, sender in enumerate(senders):
            sender.say(framed(*[admission(f"g{number}-{n}") for n in range(10)]))
        time.sleep(0.5)
    for number, sender in enumerate(senders):
        assert [acknowledged(sender.answer())[1] for _ in range(10)] == [f"g{number}-{n}" for n in range(10)]
        sender.socket.close()
    rows = landed(db)
    assert len(rows) == 160
    assert len({row["transaction_id"] for row in rows}) <= 4
    with superuser(server, dict(db.parameters)["dbname"]) as connection:
        events = connection.execute("SELECT row_count FROM audit.event WHERE action = 'receive'").fetchall()
    assert sum(count for (count,) in events) == 160
    assert len(events) == len({row["transaction_id"] for row in rows})


def test_6_13_what_waits_is_bounded(listen: Listen, db: Database) -> None:
    """While the store is down senders are not read: their sockets fill, our memory does not."""
    running = listen(mllp_queue_bytes=100_000, mllp_window=1000)
    senders = [Sender(running.port, seconds=1) for _ in range(4)]
    text = "y" * 5000
    with db.connect(Role.INGEST, autocommit=True) as eraser:
        locks.hold(eraser, locks.LANDING)
        before = psutil.Process().memory_info().rss
        for number, sender in enumerate(senders):
            with pytest.raises(TimeoutError):
                sender.say_again(framed(admission(f"b{number}", more=f"|{text}")), 20_000)
        assert psutil.Process().memory_info().rss - before < 30 << 20
    for number, sender in enumerate(senders):
        assert acknowledged(sender.answer()) == ("AA", f"b{number}")
        sender.socket.close()
    assert {row["message_control_id"] for row in landed(db)} == {f"b{number}" for number in range(4)}


def test_sigterm_answers_what_was_taken_and_ends(settings: Settings, db: Database) -> None:
    url = database_url(settings)
    process = Process({"SANCTUM_HOME": os.fspath(settings.home), "SANCTUM_DATABASE_URL": url})
    with Sender(process.port) as sender, Sender(process.port) as idle:
        with db.connect(Role.INGEST, autocommit=True) as eraser:
            locks.hold(eraser, locks.LANDING)
            sender.say(framed(*[admission(f"s{n}") for n in range(5)]))
            assert sender.says_nothing(0.5)
            process.process.send_signal(signal.SIGTERM)
            assert idle.is_closed()
        assert [acknowledged(sender.answer())[1] for _ in range(5)] == [f"s{n}" for n in range(5)]
        assert sender.is_closed()
        with pytest.raises(ConnectionError):
            Sender(process.port)
    status, log = process.end(signal.SIGTERM)
    assert status == 0
    assert re.search("INFO stopping", log)
    assert len(landed(db)) == 5


def test_a_store_that_is_down_is_told_without_row_values(settings: Settings) -> None:
    nowhere = Database((("dbname", "CANARYNAME"), ("host", "/nonexistent")))
    with pytest.raises(StoreDownError) as raised:
        Writer(settings, nowhere).write([Reception(settings).receive(admission("CANARYCONTROL"))])
    assert "CANARYCONTROL" not in str(raised.value)
    assert not isinstance(raised.value, psycopg.Error)
