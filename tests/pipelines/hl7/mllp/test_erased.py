"""What comes for erased people over MLLP is answered and not kept."""

from zoneinfo import ZoneInfo

from pipelines import tombstones
from pipelines.hl7 import fold_messages
from pipelines.hl7.header import read_header
from resources.postgres import Database, Role
from tests.pipelines.hl7.mllp.conftest import Listen
from tests.pipelines.hl7.mllp.senders import Sender, acknowledged, admission, bytes_of, framed, kept_apart, landed

GONE = admission("gone")
WHOSE = read_header(GONE, ZoneInfo("UTC")).whose


def bury(db: Database, *, by_key: bool) -> None:
    """Tombstones of whom GONE names: the key, or the identifier alone."""
    assert WHOSE is not None
    identifiers = {one.identifier: one.born for one in WHOSE.identities}
    with db.connect(Role.ERASER) as connection:
        tombstones.add(connection, WHOSE.people if by_key else (), {} if by_key else identifiers)


def test_a_message_of_an_erased_person_is_acknowledged_and_not_stored(listen: Listen, db: Database) -> None:
    running = listen()
    bury(db, by_key=True)
    with Sender(running.port) as sender:
        sender.say(framed(admission("before"), GONE, admission("after")))
        assert [acknowledged(sender.answer()) for _ in range(3)] == [("AA", "before"), ("AA", "gone"), ("AA", "after")]
    assert [row["message_control_id"] for row in landed(db)] == ["before", "after"]
    assert kept_apart(db) == []


def test_a_new_key_of_an_erased_person_is_remembered(listen: Listen, db: Database) -> None:
    """The identifier is known by its hash, under a second one the person has a key of their own."""
    running = listen()
    bury(db, by_key=False)
    again = GONE.replace(b"PID|1||gone^^^HOSP^MR", b"PID|1||other^^^HOSP^MR~gone^^^HOSP^MR")
    with Sender(running.port) as sender:
        assert acknowledged(sender.send(again)) == ("AA", "gone")
        assert acknowledged(sender.send(again.replace(b"~gone^^^HOSP^MR", b""))) == ("AA", "gone")
    assert landed(db) == []


def test_an_erased_identifier_on_somebody_known_is_kept_apart(listen: Listen, db: Database) -> None:
    running = listen()
    disputed = admission("known2").replace(b"PID|1||known2^^^HOSP^MR", b"PID|1||known^^^HOSP^MR~gone^^^HOSP^MR")
    with Sender(running.port) as sender:
        sender.send(admission("known"))
        fold_messages(running.settings, db)
        bury(db, by_key=False)
        assert acknowledged(sender.send(disputed)) == ("AA", "known2")
    assert [row["message_control_id"] for row in landed(db)] == ["known"]
    [(reason, sha256)] = kept_apart(db)
    assert (reason, bytes_of(running.settings.home, sha256)) == ("erased_identifier", disputed.rstrip(b"\r"))
