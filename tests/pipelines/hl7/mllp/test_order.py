"""ADT.md 6.11 and 6.12, and 2.5 to 2.7 where the listener is concerned."""

import random
import threading

from pipelines.hl7 import fold_messages
from resources.postgres import Database
from tests.pipelines.hl7.messages import rows
from tests.pipelines.hl7.mllp.conftest import Listen, Running
from tests.pipelines.hl7.mllp.senders import Sender, acknowledged, admission, control, control_of, framed, landed


def test_6_11_a_pipelined_sender_gets_one_answer_each_in_order(listen: Listen, db: Database) -> None:
    """Taken, refused, malformed and unanswered messages in one stream, more than the window."""
    running = listen(mllp_window=4, mllp_group_messages=3)
    messages = [
        [admission(f"p{n}"), admission(f"p{n}", mode="X"), b"no header", admission(f"p{n}", kind="ACK")][n % 4]
        for n in range(200)
    ]
    expected = [[("AA", f"p{n}"), ("AR", f"p{n}"), ("AR", "")][n % 4] for n in range(200) if n % 4 < 3]
    with Sender(running.port) as sender:
        writer = threading.Thread(target=sender.say, args=(framed(*messages),))
        writer.start()
        assert [acknowledged(sender.answer()) for _ in expected] == expected
        writer.join()
    assert [row["message_control_id"] for row in landed(db)] == [f"p{n}" for n in range(200) if n % 4 in (0, 3)]


def test_6_12_sixteen_interleaved_connections_keep_their_order_beside_stuck_ones(listen: Listen, db: Database) -> None:
    running = listen()
    generator = random.Random(1)
    stuck, deaf = Sender(running.port), Sender(running.port)
    stuck.say(b"\x0b" + admission("stuck")[:50])
    deaf.say(framed(*[admission(f"deaf{n}") for n in range(50)]))
    senders = [Sender(running.port) for _ in range(16)]
    waiting = {number: [f"i{number}-{n}" for n in range(20)] for number in range(16)}
    while waiting:
        number = generator.choice(list(waiting))
        message = framed(admission(waiting[number].pop(0)))
        middle = generator.randrange(len(message))
        senders[number].say(message[:middle])
        senders[number].say(message[middle:])
        if not waiting[number]:
            del waiting[number]
    for number, sender in enumerate(senders):
        assert [acknowledged(sender.answer())[1] for _ in range(20)] == [f"i{number}-{n}" for n in range(20)]
    found = [row["message_control_id"] for row in landed(db)]
    for number in range(16):
        own = [one for one in found if one.startswith(f"i{number}-")]
        assert own == [f"i{number}-{n}" for n in range(20)]
    for sender in (stuck, deaf, *senders):
        sender.socket.close()


def test_2_5_the_same_message_again_is_stored_once_and_acknowledged_again(listener: Running) -> None:
    number = control()
    with Sender(listener.port) as sender:
        assert [acknowledged(sender.send(admission(number)))[0] for _ in range(3)] == ["AA"] * 3
        # In one group as well.
        sender.say(framed(*[admission(number)] * 5))
        assert [acknowledged(sender.answer())[0] for _ in range(5)] == ["AA"] * 5
    assert len(landed(listener.database, number)) == 1


def test_2_6_another_body_under_the_same_control_id_is_stored_flagged_and_used(listen: Listen, db: Database) -> None:
    """Of another sender it is no reuse; what the second says counts, since it is the later one."""
    running = listen()
    first = admission("same")
    second = first.replace(b"|20260105120000|", b"|20260105130000|").replace(b"|F\r", b"|M\r")
    second = second.replace(b"A01|20260105120000", b"A01|20260105130000")
    with Sender(running.port) as sender:
        for one in (first, second, second, first.replace(b"|HOSP|SANCTUM|", b"|WEST|SANCTUM|")):
            assert acknowledged(sender.send(one)) == ("AA", "same")
    assert [bytes(row["body"]) for row in landed(db)[:2]] == [first.rstrip(b"\r"), second.rstrip(b"\r")]
    assert len(landed(db)) == 3
    fold_messages(running.settings, db)
    assert [(row["rule"], row["element"]) for row in rows(db, "data_quality")] == [("control_id_reused", "MSH-10")]
    assert {row["gender_source_value"] for row in rows(db, "person")} == {"male"}


def test_2_7_without_a_control_id_the_body_decides(listen: Listen, db: Database) -> None:
    """MSH-10 empty, and a header that ends before it; neither is a number that was used before."""
    running = listen()
    empty = admission("gone").replace(b"|gone|P|", b"||P|")
    header, _, rest = empty.partition(b"\r")
    short = b"|".join(header.split(b"|")[:9]) + b"\r" + rest
    with Sender(running.port) as sender:
        for message in (empty, short):
            for one in (message, message, message.replace(b"ANNA", b"BERTA")):
                assert acknowledged(sender.send(one)) == ("AA", "")
            sender.say(framed(message, message))
            assert [acknowledged(sender.answer()) for _ in range(2)] == [("AA", "")] * 2
    assert [row["message_control_id"] for row in landed(db)] == [""] * 4
    fold_messages(running.settings, db)
    assert rows(db, "data_quality") == []


def test_a_sender_that_ends_its_side_is_still_answered(listener: Running) -> None:
    message = admission()
    with Sender(listener.port) as sender:
        sender.say(framed(message))
        sender.socket.shutdown(1)
        assert acknowledged(sender.answer()) == ("AA", control_of(message))
        assert sender.is_closed()
