"""Section 2 of the checklist, order, duplicates and replay: one test a line."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, permutations
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.hl7 import fold_messages
from pipelines.hl7.events import read_event
from pipelines.hl7.policy import Policy
from pipelines.hl7.world import World
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.hl7.adt.fold import doubts, fold, merged, person, places, stay, visit_key, visits
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import TABLES, message, rows, snapshot, visit

T = datetime
STAY = (
    message("ADT^A01", "20260301100000", visit(location="3E^1")),
    message("ADT^A02", "20260302100000", visit(location="4W^2")),
    message("ADT^A08", "20260302110000", visit("O", "4W^3")),
    message("ADT^A02", "20260303100000", visit(location="5N^4")),
    message("ADT^A12", "20260303110000", visit(location="4W^3")),
    message("ADT^A03", "20260304100000", visit(location="4W^3", f36="01")),
    message("ADT^A13", "20260304110000", visit(location="4W^3")),
    message("ADT^A03", "20260305100000", visit(location="4W^3", f36="02")),
)
EXPECTED = fold(*STAY)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.permutations(STAY))
def test_2_01_any_order_of_receipt_gives_the_same_state(shuffled: list[bytes]) -> None:
    assert fold(*shuffled) == EXPECTED
    assert stay(EXPECTED) == (T(2026, 3, 1, 10), T(2026, 3, 5, 10), "02")
    assert places(EXPECTED) == [
        ("3E^1", T(2026, 3, 1, 10), T(2026, 3, 2, 10)),
        ("4W^3", T(2026, 3, 2, 10), T(2026, 3, 5, 10)),
    ]


def test_2_02_order_is_event_time_then_msh_7_then_msh_13_then_receipt() -> None:
    def update(name: str, occurred: str, sent: str, sequence: str = "") -> bytes:
        body = message("ADT^A31", sent, control=name, occurred=occurred, patient=f"PID|1||100^^^HOSP|||||{name}")
        return body.replace(b"|P|2.5.1\r", f"|P|2.5.1|{sequence}\r".encode())

    def last(*messages: bytes) -> Any:
        return fold(*messages)["person"][0]["gender_source_value"]

    late_event = update("late event", "20260302", "20260302000000")
    late_message = update("late message", "20260301", "20260303000000")
    ninth, tenth = (update(text, "20260304", "20260304000000", text) for text in ("9", "10"))
    for order in permutations((late_event, late_message)):
        assert last(*order) == "late event"
    for order in permutations((ninth, tenth, late_event)):
        assert last(*order) == "10"
    for order in permutations((update("sent later", "20260302", "20260302000001"), late_event)):
        assert last(*order) == "sent later"
    same = [update(text, "20260305", "20260305000000") for text in ("first", "second")]
    assert (last(*same), last(*reversed(same))) == ("second", "first")


def test_2_03_transfers_and_discharges_before_the_admission_make_one_provisional_visit() -> None:
    transfer, leave = STAY[1], STAY[5]
    tables = fold(transfer, leave)
    assert visits(tables, "visit_occurrence_key", "status") == [(visit_key(), "finished")]
    assert stay(tables) == (T(2026, 3, 2, 10), T(2026, 3, 4, 10), "01")
    tables = fold(transfer, leave, STAY[0])
    assert stay(tables) == (T(2026, 3, 1, 10), T(2026, 3, 4, 10), "01")
    assert places(tables)[0] == ("3E^1", T(2026, 3, 1, 10), T(2026, 3, 2, 10))


def test_2_04_a_late_older_update_overwrites_nothing_newer() -> None:
    newer = message("ADT^A08", "20260303100000", visit("O", "4W"), patient="PID|1||100^^^HOSP||||19600203|F")
    older = message(
        "ADT^A08", "20260302100000", visit("I", "3E", f36="09"), patient="PID|1||100^^^HOSP||||19500101|M|||^^Boston"
    )
    tables = fold(STAY[0].replace(b"HOSP&urn:oid:1.2.3&ISO", b"HOSP"), newer, older)
    (one,) = tables["person"]
    assert (one["year_of_birth"], one["gender_source_value"]) == (1960, "female")
    assert [row["city"] for row in tables["location"]] == ["Boston"]
    assert visits(tables, "class_code", "discharged_to_source_value") == [("AMB", "09")]


def _landed(db: Database) -> list[tuple[str, bytes]]:
    with db.connect(Role.INGEST) as connection:
        query = "SELECT message_control_id, body FROM landing.hl7_message ORDER BY message_id"
        return [(control, bytes(body)) for control, body in connection.execute(query)]


def test_2_05_to_2_07_the_same_message_is_stored_once_and_another_under_its_number_is_both(
    ingest: Ingest, db: Database
) -> None:
    """Lines 2.5, 2.6 and 2.7."""
    first = message("ADT^A31", "20260301", control="N1")
    assert ingest(first, first + b"\n").excluded == {"already_loaded": 1}
    assert ingest(first).excluded == {"already_loaded": 1}
    assert _landed(db) == [("N1", first.rstrip(b"\r"))]
    other_sender = first.replace(b"|ADT|HOSP|", b"|ADT|WEST|")
    assert ingest(other_sender).loaded == {"ADT^A31": 1}
    other_body = message("ADT^A31", "20260302", control="N1", patient="PID|1||100^^^HOSP&urn:oid:1.2.3&ISO||||1961|M")
    assert ingest(other_body).loaded == {"ADT^A31": 1}
    assert len(_landed(db)) == 3
    assert [row["gender_source_value"] for row in rows(db, "person")] == ["male"]
    assert [(row["rule"], row["element"]) for row in rows(db, "data_quality")] == [("control_id_reused", "MSH-10")]
    nameless = message("ADT^A31", "20260303", control="")
    assert ingest(nameless, nameless, message("ADT^A31", "20260304", control="")).excluded == {"already_loaded": 1}
    assert [row["rule"] for row in rows(db, "data_quality")] == ["control_id_reused"]


def test_2_08_the_same_event_under_a_new_number_changes_nothing() -> None:
    for again in (1, 4, 5, 7):
        resent = STAY[again].replace(b"|ADT^A", b"|ADT^A", 1)
        header, _, rest = resent.partition(b"\r")
        fields = header.split(b"|")
        fields[6], fields[9] = b"20260601000000", b"again"
        tables = fold(*STAY, b"|".join(fields) + b"\r" + rest)
        for table in ("visit_detail", "person", "data_quality"):
            assert tables[table] == EXPECTED[table]
        assert stay(tables) == stay(EXPECTED)


def test_2_08_a_deletion_that_is_sent_again_deletes() -> None:
    deletion = message("ADT^A29", "20260401100000")
    again = message("ADT^A29", "20260401100000", control="again")
    assert fold(STAY[0], deletion, again) == fold(STAY[0], deletion)


def _bronze(db: Database) -> dict[str, list[dict[str, Any]]]:
    return snapshot(db, (*TABLES, "data_quality", "linked_person", "drug_exposure", "note"))


def test_2_09_a_rebuild_from_raw_gives_the_same_bronze(settings: Settings, db: Database, ingest: Ingest) -> None:
    merge = message("ADT^A40", "20260306100000", "MRG|200^^^HOSP&urn:oid:1.2.3&ISO^MR")
    reused = message("ADT^A31", "20260307", control="ADT^A01-20260301100000")
    ingest(STAY[7], STAY[2], merge)
    ingest(STAY[5], STAY[0], reused)
    ingest(STAY[6], STAY[4], STAY[3], STAY[1])
    incremental = _bronze(db)
    assert incremental["data_quality"]
    with db.connect(Role.INGEST) as connection:
        for table in incremental:
            query: Any = f"DELETE FROM bronze.{table}"
            connection.execute(query)
        connection.execute("UPDATE landing.hl7_message SET folded_at = NULL")
    fold_messages(settings, db)
    assert _bronze(db) == incremental


def _updates(count: int) -> Iterator[bytes]:
    """Transfers back and forth between admission and discharge that a resent event repeats: state stays small."""
    for number in range(count):
        yield message("ADT^A08", "20260302110000", visit(location=f"4W^{number % 7}"), control=str(number))


def _peak(count: int) -> int:
    policy = Policy(UTC)
    world = World(policy)
    tracemalloc.start()
    for number, body in enumerate(_updates(count)):
        world.apply(read_event(number, body, policy))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [item.kind for item in world.folded()] == ["Person", "Visit"]
    return peak


def test_2_10_memory_of_the_state_step_does_not_grow_with_messages() -> None:
    """Events that were kept would be several megabytes; caches of fields may still grow a little."""
    _peak(200)
    assert _peak(3000) < 1_000_000


def test_2_10_one_patients_pending_messages_are_one_round_and_read_in_pieces(
    settings: Settings, db: Database, ingest: Ingest, monkeypatch: Any
) -> None:
    monkeypatch.setattr("pipelines.hl7.folding._MESSAGES_A_ROUND", 3)
    monkeypatch.setattr("pipelines.hl7.reading._AT_ONCE", 4)
    monkeypatch.setattr("pipelines.hl7.reading._KEPT", 2)
    account = ingest(b"".join(STAY), *islice(_updates(20), 20))
    assert account.loaded.total() == len(STAY) + 20
    (one,) = rows(db, "visit_occurrence")
    assert one["visit_end_datetime"] == T(2026, 3, 5, 10)
    with db.connect(Role.AUDITOR) as connection:
        (loads,) = connection.execute(
            "SELECT count(*) FROM audit.event WHERE object_kind = 'landing.hl7_message' AND row_count > 0"
        ).fetchone() or (0,)
    assert loads == 1


def test_2_01_a_merge_works_in_any_order_and_for_messages_after_it() -> None:
    other = "PID|1||200^^^HOSP&urn:oid:1.2.3&ISO^MR||||19600203|F"
    feed = (
        STAY[0],
        message("ADT^A01", "20260301110000", visit(location="9Z", f19="V2^^^HOSP"), patient=other),
        message("ADT^A40", "20260302100000", "MRG|200^^^HOSP&urn:oid:1.2.3&ISO^MR"),
        message("ADT^A03", "20260303100000", visit(location="9Z", f19="V2^^^HOSP"), patient=other),
    )
    expected = fold(*feed)
    assert merged(expected) == {person("100"): None, person("200"): person("100")}
    for order in permutations(feed):
        assert fold(*order) == expected
    assert doubts(expected) == []
