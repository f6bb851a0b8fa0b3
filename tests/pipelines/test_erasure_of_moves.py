"""Erasing somebody to whom visits were moved from another's number: what came under that number is theirs too."""

from pathlib import Path
from typing import Any

import pytest

from pipelines import tombstones
from pipelines.erasure import erase
from pipelines.erasure.erase import preview
from pipelines.hl7 import fold_messages, ingest_hl7
from pipelines.hl7.identity import derived_key
from pipelines.hl7.mllp.arrival import Fate, Reception
from pipelines.hl7.mllp.writer import Writer
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.hl7.messages import message, rows, visit

GONE, STAYS, THIRD = (derived_key("hl7v2", "HOSP", number) for number in ("700700", "800800", "900900"))


def patient(number: str, name: str) -> str:
    return f"PID|1||{number}^^^HOSP^MR||{name}||19600203|F"


THEIRS, OTHERS = patient("700700", "QUARKENBUSH^ZULEIKA"), patient("800800", "BRANDYWINE^BENEDICT")
STRANGER = patient("900900", "VALDERRAMA^XIMENA")


def admitted(who: str, number: str, at: str) -> bytes:
    return message("ADT^A01", at, visit(location="4W^1", f19=f"{number}^^^HOSP"), patient=who)


def result(who: str, number: str, at: str, value: str) -> bytes:
    segments = (visit(f19=f"{number}^^^HOSP"), f"OBR|1||F{value}", f"OBX|1|NM|1^A^LN||{value}||||||F")
    return message("ORU^R01", at, *segments, control=f"R{value}", patient=who)


def report(who: str, number: str, at: str, text: str) -> bytes:
    segments = (visit(f19=f"{number}^^^HOSP"), f"TXA|1|DS|TX||||||||||D{at}||||||AU", f"OBX|1|TX|||{text}||||||F")
    return message("MDM^T02", at, *segments, patient=who)


WRONG = (
    admitted(OTHERS, "V2", "20260301100000"),
    result(OTHERS, "V2", "20260301110000", "77"),
    report(OTHERS, "V2", "20260301120000", "The quetzalcoatlus came in by the window of the ward at night."),
)
"""Of the visit that was registered under another's number."""

RIGHT = (
    admitted(OTHERS, "V3", "20260302100000"),
    result(OTHERS, "V3", "20260302110000", "55"),
    result(STRANGER, "V2", "20260302120000", "33"),
)
"""Of others, the last of them with the number of the visit by mistake: no message moved it from them."""

OWN = admitted(THEIRS, "V1", "20260228100000")


def move(trigger: str) -> bytes:
    return message(
        f"ADT^{trigger}", "20260303100000", "MRG|800800^^^HOSP^MR||||V2^^^HOSP", visit(f19="V2^^^HOSP"), patient=THEIRS
    )


def messages(db: Database) -> list[bytes]:
    with db.connect(Role.INGEST) as connection:
        query = "SELECT body FROM landing.hl7_message ORDER BY message_id"
        return [bytes(body) for (body,) in connection.execute(query)]


def values(db: Database) -> dict[float, int]:
    return {float(row["value_number"]): row["person_key"] for row in rows(db, "measurement")}


def landed(settings: Settings) -> bytes:
    return b"".join(path.read_bytes() for path in settings.landing_directory.rglob("*") if path.is_file())


def ingest(settings: Settings, db: Database, folder: Path, *found: bytes) -> Any:
    path = folder / f"{len(list(folder.iterdir()))}.hl7"
    path.write_bytes(b"".join(found))
    return ingest_hl7(settings, db, [path])


@pytest.mark.parametrize("trigger", ["A43", "A44", "A45"])
def test_what_came_under_the_former_number_goes_with_the_visit(
    settings: Settings, db: Database, tmp_path: Path, trigger: str
) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    ingest(settings, db, sources, OWN, *WRONG, *RIGHT, move(trigger))
    assert values(db) == {77: GONE, 55: STAYS, 33: THIRD}
    before = messages(db)
    assert preview(settings, db, GONE).rows["landing.hl7_message"] == 5
    assert messages(db) == before
    found = erase(settings, db, GONE, "data-subject-request", "test")
    assert (found.state, found.left, found.rows["landing.hl7_message"], found.records) == ("verified", {}, 5, 5)
    assert messages(db) == [one.rstrip(b"\r") for one in RIGHT]
    now = landed(settings)
    assert [one for one in RIGHT if one not in now] == []
    assert [one for one in (OWN, *WRONG, move(trigger)) if one.strip() in now] == []
    assert values(db) == {55: STAYS, 33: THIRD}
    # The other patient is folded again, and what was moved is not theirs now.
    ingest(settings, db, sources, result(OTHERS, "V3", "20260304110000", "44"))
    assert values(db) == {55: STAYS, 33: THIRD, 44: STAYS}
    assert rows(db, "note") == []
    assert {row["visit_occurrence_key"] for row in rows(db, "visit_occurrence")} == {
        derived_key("hl7v2", "visit", "HOSP", "V3")
    }


def test_nothing_of_the_visit_comes_back(settings: Settings, db: Database, tmp_path: Path) -> None:
    """By file or by the listener, what was sent before and what is sent late; others' messages are taken."""
    sources = tmp_path / "sources"
    sources.mkdir()
    ingest(settings, db, sources, OWN, WRONG[0], *RIGHT, move("A44"))
    erase(settings, db, GONE, "data-subject-request", "test")
    account = ingest(settings, db, sources, WRONG[0], WRONG[1], result(OTHERS, "V3", "20260304110000", "44"))
    assert (account.excluded["erased"], account.loaded.total()) == (2, 1)
    assert WRONG[1].strip() not in landed(settings)
    writer, reception = Writer(settings, db), Reception(settings)
    late = [*WRONG, result(OTHERS, "V3", "20260305110000", "66"), result(STRANGER, "V2", "20260305110000", "88")]
    assert writer.write([reception.receive(one) for one in late]) == [*[Fate.ERASED] * 3, Fate.STORED, Fate.STORED]
    writer.close()
    fold_messages(settings, db)
    assert values(db) == {55: STAYS, 33: THIRD, 44: STAYS, 66: STAYS, 88: THIRD}


def test_the_one_from_whom_it_was_moved_can_be_erased_after(settings: Settings, db: Database, tmp_path: Path) -> None:
    """Their own words are still theirs, and none of them was taken for a word of the first."""
    sources = tmp_path / "sources"
    sources.mkdir()
    ingest(settings, db, sources, OWN, *WRONG, *RIGHT, move("A44"))
    first = erase(settings, db, GONE, "data-subject-request", "test")
    with db.connect(Role.INGEST) as connection:
        assert STAYS not in tombstones.read(connection).people
    assert b"BRANDYWINE" in landed(settings)
    second = erase(settings, db, STAYS, "data-subject-request", "test")
    assert (first.state, second.state) == ("verified", "verified")
    assert messages(db) == [RIGHT[2].rstrip(b"\r")]
    assert b"BRANDYWINE" not in landed(settings)
