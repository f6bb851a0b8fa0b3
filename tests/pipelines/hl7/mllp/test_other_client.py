"""python-hl7's client, which no one here wrote, sends to our listener."""

from pathlib import Path

import hl7
from hl7.client import MLLPClient

from pipelines.hl7 import fold_messages
from pipelines.hl7.mllp.acknowledgement import Acknowledger, read_envelope
from resources.postgres import Database
from tests.pipelines.hl7.mllp.conftest import Listen
from tests.pipelines.hl7.mllp.senders import admission, framed, kept_apart, landed


def test_python_hl7_sends_and_reads_the_answers(listen: Listen, db: Database) -> None:
    running = listen()
    with MLLPClient("127.0.0.1", running.port) as client:
        for number in range(20):
            answer = hl7.parse(client.send_message(admission(f"other{number}")).strip(b"\x0b\x1c\r").decode())
            assert str(answer.segment("MSA")[1]) == "AA"
            assert str(answer.segment("MSA")[2]) == f"other{number}"
        refused = hl7.parse(client.send_message(admission("test", mode="X")).strip(b"\x0b\x1c\r").decode())
        assert str(refused.segment("MSA")[1]) == "AR"
        assert str(refused.segment("ERR")[3][0][0]) == "202"
    assert len(landed(db)) == 20


def test_all_samples_are_answered_and_each_is_accounted_for(listen: Listen, db: Database, shared_data: Path) -> None:
    """Real messages: each is in landing or in quarantine, and the fold closes over what was landed."""
    running = listen()
    samples = sorted({path.read_bytes() for path in shared_data.joinpath("hl7v2").rglob("*.hl7")})
    codes, unasked = [], 0
    with MLLPClient("127.0.0.1", running.port) as client:
        client.socket.settimeout(30)
        for sample in samples:
            message = sample.replace(b"\r\n", b"\r").replace(b"\n", b"\r").strip(b"\x0b\x1c")
            if not Acknowledger().answers(read_envelope(message), None):
                client.socket.sendall(framed(message))
                unasked += 1
            else:
                codes.append(client.send_message(message).split(b"\rMSA")[1][1:3])
        client.send_message(admission("last"))
    refused = codes.count(b"AR") + codes.count(b"CR")
    assert len(codes) + unasked == len(samples)
    assert codes.count(b"AA") + codes.count(b"CA") + refused == len(codes)
    assert refused < 20
    assert len(kept_apart(db)) == refused
    stored = len(landed(db))
    assert len(samples) + 1 - refused - stored <= 10, "some samples are the same message"
    account = fold_messages(running.settings, db).account
    assert account.closes
    assert account.read.total() == stored
