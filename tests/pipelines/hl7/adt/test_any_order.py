"""Any events of two patients and three visits: every order of receipt, with repetitions, ends the same."""

import random
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.hl7.triggers import TRIGGERS
from resources.postgres import Database
from tests.pipelines.hl7.adt.fold import Tables, fold, patient
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, rows, visit

Step = tuple[str, str, str, str]
NUMBERS = ("100", "200", "300")
VISITS = ("V1", "V2", "V3")
PLACES = ("3E^1", "4W^2", "5N^3", "")
STEPS = st.tuples(
    st.sampled_from(sorted(TRIGGERS)), st.sampled_from(NUMBERS), st.sampled_from(VISITS), st.sampled_from(PLACES)
)
# What a stay is mostly made of comes more often than what is rare.
USUAL = st.tuples(
    st.sampled_from(["A01", "A02", "A02", "A03", "A08", "A12", "A13", "A11", "A06"]),
    st.just("100"),
    st.just("V1"),
    st.sampled_from(PLACES),
)


def body(number: int, step: Step) -> bytes:
    """The event of a step, an hour after the one before; its MRG names the next patient and visit."""
    trigger, who, stay, location = step
    at = f"{datetime(2026, 3, 1) + timedelta(hours=number):%Y%m%d%H%M%S}"
    other, former = NUMBERS[NUMBERS.index(who) - 1], VISITS[VISITS.index(stay) - 1]
    segments = [f"MRG|{other}^^^HOSP&urn:oid:1.2.3&ISO^MR||||{former}^^^HOSP"] if trigger > "A17" else []
    segments.append(visit("I" if number % 2 else "E", location, f19=f"{stay}^^^HOSP", f36=str(number)))
    if trigger in ("A17", "A24", "A37"):
        segments += [patient(other), visit("I", "9Z", f19=f"{former}^^^HOSP")]
    return message(f"ADT^{trigger}", at, *segments, patient=patient(who, f"||1960{number % 12 + 1:02d}|F"))


def resent(one: bytes) -> bytes:
    """The same event under another message number."""
    return one.replace(b"|P|2.5.1\r", b"-again|P|2.5.1\r", 1)


@hypothesis_settings(max_examples=250, deadline=None)
@given(st.lists(st.one_of(STEPS, USUAL), min_size=1, max_size=12), st.data())
def test_every_order_and_repetition_gives_the_tables_of_one_load_in_order(steps: list[Step], data: Any) -> None:
    feed = [body(number, step) for number, step in enumerate(steps)]
    expected = fold(*feed)
    again = data.draw(st.lists(st.sampled_from(feed), max_size=4))
    shuffled = data.draw(st.permutations([*feed, *map(resent, again)]))
    assert fold(*shuffled) == expected


def _feed(generator: random.Random) -> list[bytes]:
    triggers = sorted(TRIGGERS)
    steps = [
        (generator.choice(triggers), generator.choice(NUMBERS), generator.choice(VISITS), generator.choice(PLACES))
        for _ in range(25)
    ]
    return [body(number, step) for number, step in enumerate(steps)]


def _stored(db: Database, expected: Tables) -> Tables:
    """Bronze in the columns that folding gives."""
    found: Tables = {}
    for table, wanted in expected.items():
        if table != "_outcomes" and wanted:
            columns = sorted(wanted[0])
            found[table] = [{name: row[name] for name in columns} for row in rows(db, table, order=f"{table}_key")]
    return found


@pytest.mark.parametrize("seed", range(3))
def test_the_same_through_the_database_in_several_loads(ingest: Ingest, db: Database, seed: int) -> None:
    generator = random.Random(seed)
    feed = _feed(generator)
    expected = fold(*feed)
    received = [*feed, *generator.sample(feed, 3)]
    generator.shuffle(received)
    for start in (0, 9, 18):
        ingest(b"".join(received[start : start + 9 if start < 18 else None]))
    wanted = {
        table: sorted(found, key=itemgetter(f"{table}_key"))
        for table, found in expected.items()
        if table != "_outcomes" and found
    }
    assert _stored(db, expected) == wanted
