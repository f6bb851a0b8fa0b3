"""ADT.md 6.1 to 6.4: frames on real connections."""

import pytest

from resources.postgres import Database
from tests.pipelines.hl7.mllp.conftest import Listen, Running
from tests.pipelines.hl7.mllp.senders import (
    Sender,
    acknowledged,
    admission,
    bytes_of,
    control,
    control_of,
    framed,
    kept_apart,
    landed,
)


def test_6_1_several_messages_on_one_connection(listener: Running) -> None:
    messages = [admission() for _ in range(3)]
    with Sender(listener.port) as sender:
        assert [acknowledged(sender.send(message)) for message in messages] == [
            ("AA", control_of(message)) for message in messages
        ]
    assert [bytes(landed(listener.database, control_of(m))[0]["body"]) for m in messages] == [
        message.rstrip(b"\r") for message in messages
    ]


def test_6_1_several_messages_in_one_segment(listener: Running) -> None:
    messages = [admission() for _ in range(5)]
    with Sender(listener.port) as sender:
        sender.say(framed(*messages))
        assert [acknowledged(sender.answer())[1] for _ in messages] == [control_of(message) for message in messages]


def test_6_1_one_message_byte_by_byte(listener: Running) -> None:
    message = admission()
    with Sender(listener.port) as sender:
        for byte in framed(message):
            sender.say(bytes([byte]))
        assert acknowledged(sender.answer()) == ("AA", control_of(message))


def test_6_2_junk_before_a_frame_is_discarded(listener: Running) -> None:
    message = admission()
    with Sender(listener.port) as sender:
        sender.say(b"HELLO\r\n\x1c\r\r" + framed(message))
        assert acknowledged(sender.answer()) == ("AA", control_of(message))
    assert len(landed(listener.database, control_of(message))) == 1


def test_6_2_a_start_within_a_frame_begins_it_anew(listener: Running) -> None:
    lost, message = admission(), admission()
    with Sender(listener.port) as sender:
        sender.say(b"\x0b" + lost[:40] + framed(message))
        assert acknowledged(sender.answer()) == ("AA", control_of(message))
    assert landed(listener.database, control_of(lost)) == []


def test_6_2_an_unfinished_frame_is_neither_stored_nor_answered(listener: Running) -> None:
    message = admission()
    with Sender(listener.port) as sender:
        sender.say(b"\x0b" + message)
        sender.socket.shutdown(1)
        assert sender.is_closed()
    assert landed(listener.database, control_of(message)) == []


def test_6_2_doubled_starts_and_ends_make_one_message(listener: Running) -> None:
    message, after = admission(), admission()
    with Sender(listener.port) as sender:
        sender.say(b"\x0b\x0b" + message + b"\x1c\r\x1c\r")
        assert acknowledged(sender.answer()) == ("AA", control_of(message))
        assert acknowledged(sender.send(after)) == ("AA", control_of(after))
    assert len(landed(listener.database, control_of(message))) == 1


def test_6_3_an_end_without_return_is_taken_where_the_settings_say_so(listen: Listen) -> None:
    running, message = listen(mllp_end_without_return=True), admission()
    with Sender(running.port) as sender:
        sender.say(b"\x0b" + message + b"\x1c")
        assert acknowledged(sender.answer()) == ("AA", control_of(message))
        assert acknowledged(sender.send(admission("with-return"))) == ("AA", "with-return")


def test_6_3_an_end_without_return_is_no_end_otherwise(listener: Running) -> None:
    message = admission()
    with Sender(listener.port) as sender:
        sender.say(b"\x0b" + message + b"\x1c")
        assert sender.says_nothing(0.5)
        sender.say(b"\r")
        assert acknowledged(sender.answer()) == ("AA", control_of(message))


def test_6_3_a_return_within_a_frame_ends_a_segment(listener: Running) -> None:
    message = admission()
    with Sender(listener.port) as sender:
        sender.send(message)
    row = landed(listener.database, control_of(message))[0]
    assert bytes(row["body"]).count(b"\r") == 3
    assert (row["message_code"], row["trigger_event"], row["patient_key"] is None) == ("ADT", "A01", False)


def test_6_4_a_message_over_the_limit_is_answered_ar_and_its_connection_closed(listen: Listen, db: Database) -> None:
    running = listen(mllp_message_bytes=4000)
    fits, long = admission(), admission()
    fits += b"NTE|1||" + b"x" * (4000 - len(fits) - 7)
    with Sender(running.port) as sender:
        sender.say(framed(fits) + b"\x0b" + long + b"NTE|1||" + b"x" * 1_000_000)
        assert acknowledged(sender.answer()) == ("AA", control_of(fits))
        answer = sender.answer()
        assert acknowledged(answer) == ("AR", control_of(long))
        assert b"ERR|||207^Message is too long^HL70357|E\r" in answer
        assert sender.is_closed()
    assert [row["message_control_id"] for row in landed(db)] == [control_of(fits)]


def test_6_4_an_endless_message_takes_no_more_than_the_limit(listen: Listen) -> None:
    running = listen(mllp_message_bytes=1 << 20)
    with Sender(running.port) as sender:
        sender.say(b"\x0b" + admission("endless"))
        # After the limit the listener answers, reads on for a moment, and then is gone.
        with pytest.raises(ConnectionError):
            sender.say_again(b"x" * (1 << 20), 1 << 14)


def test_6_4_an_idle_connection_is_closed(listen: Listen) -> None:
    running, message = listen(mllp_idle_seconds=0.3), admission()
    with Sender(running.port) as sender:
        assert acknowledged(sender.send(message)) == ("AA", control_of(message))
        assert sender.is_closed()


def test_6_4_a_slow_sender_is_closed_and_nothing_of_its_message_stored(listen: Listen, db: Database) -> None:
    running, message = listen(mllp_frame_seconds=0.5), admission()
    with Sender(running.port) as sender:
        sender.say(b"\x0b" + message)
        with pytest.raises(ConnectionError):
            sender.say_again(b"x", 1000, pause=0.02)
    assert landed(db) == []


def test_6_4_a_sender_that_reads_no_answers_is_not_read_either(listen: Listen, db: Database) -> None:
    """Its answers fill the sockets, then the window; memory does not grow, and others go on."""
    running = listen(mllp_window=8, mllp_frame_seconds=1.0)
    with Sender(running.port) as deaf, Sender(running.port) as other:
        deaf.socket.settimeout(0.5)
        message = admission("same" + "x" * 3000, accept="AL", application="AL")
        with pytest.raises((TimeoutError, ConnectionError)):
            deaf.say_again(framed(message) * 64, 1000)
        assert acknowledged(other.send(admission("other"))) == ("AA", "other")


def test_6_4_an_empty_frame_is_answered_ar(listener: Running) -> None:
    after = admission()
    with Sender(listener.port) as sender:
        assert acknowledged(sender.send(b"")) == ("AR", "")
        assert acknowledged(sender.send(after)) == ("AA", control_of(after))


def test_4_6_byte_order_mark_and_blank_lines_before_msh_are_tolerated(listener: Running) -> None:
    number = control()
    with Sender(listener.port) as sender:
        assert acknowledged(sender.send(b"\xef\xbb\xbf\r\n \r" + admission(number) + b"\r\n")) == ("AA", number)
        assert acknowledged(sender.send(admission(number))) == ("AA", number)
    assert len(landed(listener.database, number)) == 1


def test_a_batch_in_a_frame_is_refused_and_kept(listen: Listen, db: Database) -> None:
    running = listen()
    both = admission("first") + admission("second")
    with Sender(running.port) as sender:
        assert acknowledged(sender.send(both)) == ("AR", "first")
    assert landed(db) == []
    [(reason, sha256)] = kept_apart(db)
    assert reason == "several_messages"
    assert bytes_of(running.settings.home, sha256) == both.rstrip(b"\r")
