"""The round trip beside which the loop goes on stores what the writer stores, and leaves to it what is unusual."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.hl7.mllp import arrays
from pipelines.hl7.mllp.arrival import Arrival, Fate, Reception
from pipelines.hl7.mllp.exchange import exchange
from pipelines.hl7.mllp.writer import Writer
from resources.postgres import Database
from resources.settings import Settings
from tests.conftest import superuser
from tests.pipelines.hl7.mllp.senders import admission, landed
from tests.pipelines.hl7.mllp.test_erased import bury


@pytest.fixture
def writer(settings: Settings, db: Database) -> Iterator[Writer]:
    """A writer that has a connection."""
    found = Writer(settings, db)
    found.write([Reception(settings).receive(admission("first"))])
    yield found
    found.close()


@pytest.fixture
def reception(settings: Settings) -> Reception:
    return Reception(settings)


def exchanged(writer: Writer, arrivals: Sequence[Arrival]) -> list[Fate] | None:
    assert writer.connection is not None
    return asyncio.run(exchange(writer.connection, arrivals))


def test_every_column_of_every_sample_is_stored_as_it_was_read(
    writer: Writer, reception: Reception, db: Database, shared_data: Path
) -> None:
    samples = sorted({path.read_bytes() for path in shared_data.joinpath("hl7v2").rglob("*.hl7")})
    arrivals = [one for body in samples if (one := reception.receive(body)).is_landed]
    assert len(arrivals) > 100
    fates = exchanged(writer, arrivals)
    assert fates is not None
    assert set(fates) <= {Fate.STORED, Fate.KNOWN}
    stored = {bytes(row["body"]): row for row in landed(db)}
    for arrival in arrivals:
        row = stored[arrival.body]
        found = {name: row[name] for name in arrival.header.columns}
        assert found == arrival.header.columns
        assert (row["file_id"], row["byte_offset"], row["folded_at"]) == (None, None, None)


def test_the_order_is_kept_and_one_event_written(
    writer: Writer, reception: Reception, db: Database, server: Database
) -> None:
    arrivals = [reception.receive(admission(f"e{number}")) for number in range(20)]
    assert exchanged(writer, arrivals) == [Fate.STORED] * 20
    assert exchanged(writer, arrivals[:3]) == [Fate.KNOWN] * 3
    assert [row["message_control_id"] for row in landed(db)] == ["first", *(f"e{number}" for number in range(20))]
    with superuser(server, dict(db.parameters)["dbname"]) as connection:
        events = connection.execute(
            "SELECT action, object_kind, cardinality(object_ids), row_count, details FROM audit.event "
            "ORDER BY occurred_at"
        ).fetchall()
    assert events[1:] == [
        ("receive", "landing.hl7_message", 20, 20, {"received": 20}),
        ("receive", "landing.hl7_message", 0, 0, {"received": 3}),
    ]


def test_more_than_the_sockets_hold_goes_out_as_they_empty(writer: Writer, reception: Reception, db: Database) -> None:
    arrivals = [reception.receive(admission(f"l{number}", more="|" + "z" * 2_000_000)) for number in range(4)]
    assert exchanged(writer, arrivals) == [Fate.STORED] * 4
    assert {len(row["body"]) for row in landed(db)[1:]} == {len(arrivals[0].body)}


def test_what_the_database_refuses_is_left_to_the_writer(writer: Writer, reception: Reception, db: Database) -> None:
    wide = "".join(chr(0x10000 + 7919 * n % 50_000) for n in range(255))
    refused = admission("x", sender=f"{wide}|{wide[::-1]}").replace(b"|x|P|", f"|{wide[100:]}{wide[:100]}|P|".encode())
    group = [reception.receive(one) for one in (admission("before"), refused, admission("after"))]
    assert exchanged(writer, group) is None
    assert len(landed(db)) == 1
    assert writer.write(group) == [Fate.STORED, Fate.NOT_STORED, Fate.STORED]
    assert exchanged(writer, [group[0], group[2]]) == [Fate.KNOWN] * 2


def test_a_group_that_names_an_erased_person_is_left_to_the_writer(
    writer: Writer, reception: Reception, db: Database
) -> None:
    bury(db, by_key=True)
    group = [reception.receive(admission(number)) for number in ("before", "gone", "after")]
    assert exchanged(writer, group) is None
    assert len(landed(db)) == 1
    assert writer.write(group) == [Fate.STORED, Fate.ERASED, Fate.STORED]


def test_what_is_not_committed_is_left_to_the_writer(writer: Writer, reception: Reception, db: Database) -> None:
    """A transaction that somebody left open would swallow the commit: nothing may be answered by it."""
    assert writer.connection is not None
    writer.connection.execute("SELECT 1")
    group = [reception.receive(admission("open"))]
    assert exchanged(writer, group) is None
    assert landed(db, "open") == []
    assert writer.write(group) == [Fate.KNOWN]
    assert len(landed(db, "open")) == 1


def test_a_lost_connection_is_left_to_the_writer(
    writer: Writer, reception: Reception, db: Database, server: Database
) -> None:
    assert writer.connection is not None
    with superuser(server) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (writer.connection.info.backend_pid,))
    group = [reception.receive(admission("later"))]
    assert exchanged(writer, group) is None
    assert writer.connection is None
    assert landed(db, "later") == []
    assert writer.write(group) == [Fate.STORED]
    assert exchanged(writer, group) == [Fate.KNOWN]


_texts = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
_times = st.lists(st.none() | st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))


@pytest.fixture(scope="module")
def connection(server: Database) -> Iterator[psycopg.Connection]:
    with superuser(server) as found:
        found.execute("SET TimeZone TO 'UTC'")
        yield found


@given(_texts, st.lists(st.binary()), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)), _times)
def test_arrays_are_what_postgresql_reads(
    connection: psycopg.Connection,
    texts: list[str],
    octets: list[bytes],
    integers: list[int | None],
    instants: list[datetime | None],
) -> None:
    """PostgreSQL compares them with what psycopg makes of the same values."""
    ours = (arrays.texts(texts, "utf-8"), arrays.octets(octets), arrays.integers(integers), arrays.instants(instants))
    read = connection.pgconn.exec_params(
        b"SELECT $1::text[]::text, $2::bytea[]::text, $3::bigint[]::text, $4::timestamptz[]::text", ours, None, [1] * 4
    )
    theirs = connection.execute(
        "SELECT %s::text[]::text, %s::bytea[]::text, %s::bigint[]::text, %s::timestamptz[]::text",
        (texts, octets, integers, instants),
    ).fetchone()
    assert tuple((read.get_value(0, column) or b"").decode() for column in range(4)) == theirs
