"""ADT.md 6.6 to 6.10 and 6.15: what the sender is told."""

import hashlib
import re

import pytest

from pipelines.hl7 import fold_messages
from pipelines.hl7.mllp.acknowledgement import Acknowledger, read_envelope
from resources.postgres import Database
from tests.pipelines.hl7.messages import rows
from tests.pipelines.hl7.mllp.conftest import Listen, Running
from tests.pipelines.hl7.mllp.senders import (
    Sender,
    acknowledged,
    admission,
    bytes_of,
    control,
    control_of,
    kept_apart,
    landed,
)


def header(answer: bytes) -> list[bytes]:
    """MSH of an answer; ``[n - 1]`` is MSH-n."""
    line = answer.split(b"\r")[0]
    return line.split(line[3:4])


def test_6_6_original_mode_answers_aa(listener: Running) -> None:
    number = control()
    with Sender(listener.port) as sender:
        answer = sender.send(admission(number))
    assert acknowledged(answer) == ("AA", number)
    assert b"ERR" not in answer


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (admission("mode", mode="X"), b"202"),
        (admission("untyped", kind=""), b"101"),
        (admission("unreadable", kind="?!"), b"101"),
    ],
)
def test_6_6_what_no_fold_can_use_is_answered_ar(listener: Running, message: bytes, code: bytes) -> None:
    with Sender(listener.port) as sender:
        answer = sender.send(message)
    assert acknowledged(answer) == ("AR", control_of(message))
    assert answer.split(b"\r")[2].startswith(b"ERR|||" + code + b"^")


def test_6_6_types_and_versions_are_refused_where_the_settings_say_so(listen: Listen, db: Database) -> None:
    running = listen(mllp_message_types=frozenset({"ADT", "ORU^R01"}), mllp_versions=frozenset({"2.5.1"}))
    answers = {
        "2.5.1 ADT": admission("taken"),
        "no ADT": admission("type", kind="SIU^S12"),
        "ORU^R01": admission("result", kind="ORU^R01"),
        "ORU^R30": admission("other-result", kind="ORU^R30"),
        "2.3": admission("old", version="2.3"),
    }
    with Sender(running.port) as sender:
        codes = {what: acknowledged(sender.send(message))[0] for what, message in answers.items()}
    assert codes == {"2.5.1 ADT": "AA", "no ADT": "AR", "ORU^R01": "AA", "ORU^R30": "AR", "2.3": "AR"}
    assert [row["message_control_id"] for row in landed(db)] == ["taken", "result"]


@pytest.mark.parametrize("version", ["2.1", "2.9", "99.9", "", "2.5.1^USA"])
def test_6_6_every_version_is_taken_unless_the_settings_name_some(listener: Running, version: str) -> None:
    number = control()
    with Sender(listener.port) as sender:
        assert acknowledged(sender.send(admission(number, version=version))) == ("AA", number)


def test_6_6_a_message_that_the_database_refuses_is_answered_ae_and_kept(listen: Listen, db: Database) -> None:
    """Names that are too long for an index entry, among messages that are not: others are not held up."""
    running = listen()
    wide = "".join(chr(0x10000 + 7919 * n % 50_000) for n in range(255))
    refused = admission("x", sender=f"{wide}|{wide[::-1]}").replace(b"|x|P|", f"|{wide[100:]}{wide[:100]}|P|".encode())
    with Sender(running.port) as sender, Sender(running.port) as other:
        answer = sender.send(refused)
        assert acknowledged(answer)[0] == "AE"
        assert b"ERR|||207^Message can not be stored^HL70357|E\r" in answer
        assert acknowledged(other.send(admission("good"))) == ("AA", "good")
    assert [row["message_control_id"] for row in landed(db)] == ["good"]
    [(reason, sha256)] = kept_apart(db)
    assert (reason, bytes_of(running.settings.home, sha256)) == ("refused_by_database", refused.rstrip(b"\r"))


@pytest.mark.parametrize(
    ("accept", "application", "good", "bad"),
    [
        ("AL", "NE", ["CA"], ["CR"]),
        ("AL", "", ["CA"], ["CR"]),
        ("NE", "NE", [], []),
        ("ER", "NE", [], ["CR"]),
        ("SU", "NE", ["CA"], []),
        ("AL", "AL", ["CA", "AA"], ["CR"]),
        ("NE", "AL", ["AA"], ["AR"]),
        ("", "AL", ["AA"], ["AR"]),
        ("NE", "SU", ["AA"], []),
        ("NE", "ER", [], ["AR"]),
    ],
)
def test_6_7_enhanced_mode_answers_as_msh_15_and_16_ask(
    listener: Running, accept: str, application: str, good: list[str], bad: list[str]
) -> None:
    taken = admission(accept=accept, application=application)
    refused = admission(accept=accept, application=application, mode="X")
    last = admission()
    with Sender(listener.port) as sender:
        for message, expected in ((taken, good), (refused, bad)):
            answers = [sender.send(message) if number == 0 else sender.answer() for number in range(len(expected))]
            if not expected:
                sender.say(b"\x0b" + message + b"\x1c\r")
            assert [acknowledged(answer) for answer in answers] == [(code, control_of(message)) for code in expected]
        # Nothing more was said before the answer to the next message.
        assert acknowledged(sender.send(last)) == ("AA", control_of(last))
    assert len(landed(listener.database, control_of(taken))) == 1


def test_6_8_the_answer_is_made_of_the_messages_own_header(listener: Running) -> None:
    number = " Ünïcode & more "
    message = (
        f"MSH#$~*^#APP$1.2$ISO#FAC#REC$X#RFAC#20260105120000##ADT$A04$ADT_A01#{number}#T#2.5.1######UNICODE UTF-8\r"
        "EVN#A04#20260105120000\rPID#1##1$$$HOSP$MR\r"
    ).encode()
    with Sender(listener.port) as sender:
        first, second = sender.send(message), sender.send(message)
    fields = header(first)
    assert first.endswith(b"\r")
    assert fields[:6] == [b"MSH", b"$~*^", b"REC$X", b"RFAC", b"APP$1.2$ISO", b"FAC"]
    assert re.fullmatch(rb"\d{14}\+0000", fields[6])
    assert fields[8] == b"ACK$A04$ACK"
    assert fields[10:12] == [b"T", b"2.5.1"]
    assert fields[17] == b"UNICODE UTF-8"
    assert first.split(b"\r")[1] == f"MSA#AA#{number}".encode()
    assert 0 < len(fields[9]) <= 20
    assert header(second)[9] != fields[9]


@pytest.mark.parametrize(
    ("version", "error"),
    [
        ("2.3", b"ERR|^^^202&Unsupported processing id&HL70357\r"),
        ("2.5.1", b"ERR|||202^Unsupported processing id^HL70357|E\r"),
        ("2.8", b"ERR|||202^Unsupported processing id^HL70357|E\r"),
    ],
)
def test_6_8_an_error_has_the_form_of_its_version(listener: Running, version: str, error: bytes) -> None:
    with Sender(listener.port) as sender:
        answer = sender.send(admission(version=version, mode="Q"))
    assert answer.endswith(error)
    assert header(answer)[11] == version.encode()


def test_6_8_an_answer_keeps_bytes_of_a_character_set_it_does_not_know(listener: Running) -> None:
    message = admission(sender="M\u00dcNCHEN|H").decode().encode("latin-1")
    with Sender(listener.port) as sender:
        assert header(sender.send(message))[4] == b"M\xdcNCHEN"


def test_6_8_an_echoed_field_can_not_end_the_answers_frame(listener: Running) -> None:
    after = admission()
    with Sender(listener.port) as sender:
        assert acknowledged(sender.send(admission("evil\x1c"))) == ("AA", "evil")
        assert acknowledged(sender.send(after)) == ("AA", control_of(after))


@pytest.mark.parametrize("kind", ["ACK", "ACK^A01^ACK", "MCF"])
def test_6_9_an_acknowledgement_is_stored_and_never_answered(listener: Running, kind: str) -> None:
    number, after = control(), admission()
    with Sender(listener.port) as sender:
        sender.say(b"\x0b" + admission(number, kind=kind, accept="AL", application="AL") + b"\x1c\r")
        assert acknowledged(sender.send(after)) == ("AA", control_of(after))
    assert len(landed(listener.database, number)) == 1


@pytest.mark.parametrize(
    ("payload", "reason", "echoed"),
    [
        (b"PID|1||CANARYNAME\rPV1|1", "no_msh", ""),
        (b"MSH", "no_msh", ""),
        (b"EVN|A01\rMSH|^~\\&|ADT|HOSP|||2026||ADT^A01|late|P|2.5.1\rPID|1", "no_msh", "late"),
        (admission("untyped-kept", kind=""), "not_hl7", "untyped-kept"),
        (b"\x00\xff\xfe binary", "no_msh", ""),
        ("MSH|^~\\&|ADT|H|||2026||ADT^A01|wide|P|2.5.1\rPID|1".encode("utf-16-le"), "no_msh", ""),
    ],
)
def test_6_10_a_malformed_payload_is_answered_ar_and_kept(
    listener: Running, payload: bytes, reason: str, echoed: str
) -> None:
    after = admission()
    with Sender(listener.port) as sender:
        assert acknowledged(sender.send(payload)) == ("AR", echoed)
        assert acknowledged(sender.send(payload)) == ("AR", echoed)
        assert acknowledged(sender.send(after)) == ("AA", control_of(after))
    kept = payload.rstrip(b"\r\n")
    sha256 = hashlib.sha256(kept).hexdigest()
    assert kept_apart(listener.database).count((reason, sha256)) == 1
    assert bytes_of(listener.settings.home, sha256) == kept
    assert landed(listener.database, "late" if echoed == "late" else "untyped-kept") == []


def test_6_15_a_message_in_test_mode_is_stored_and_never_becomes_a_row(listen: Listen, db: Database) -> None:
    running = listen()
    with Sender(running.port) as sender:
        for mode in ("T", "D", "P"):
            assert acknowledged(sender.send(admission(mode, mode=mode)))[0] == "AA"
    assert [row["processing_id"] for row in landed(db)] == ["T", "D", "P"]
    account = fold_messages(running.settings, db).account
    assert account.excluded == {"processing_id:T": 1, "processing_id:D": 1}
    assert account.loaded == {"ADT^A01": 1}
    assert len(rows(db, "visit_occurrence")) == 1


def test_6_8_kept_forms_give_each_sender_its_own_answer_and_are_few() -> None:
    """Answers are made of a form that is kept by header: another header, of whatever length, never gets it."""
    acknowledger = Acknowledger()
    senders = [f"APP{number}|FAC{number % 7}" for number in range(3000)] + ["L" * 5000 + "|X", "A|", "|A"]
    for again in range(2):
        for place, sender in enumerate(senders):
            number = f"{place}-{again}"
            [answer] = acknowledger.answers(read_envelope(admission(number, sender=sender)), None)
            assert b"|".join(header(answer)[4:6]) == sender.encode()
            assert acknowledged(answer) == ("AA", number)
    assert 0 < len(acknowledger._known) <= 1024
    assert all(sum(map(len, key)) <= 1024 for key in acknowledger._known)
