"""Senders over real sockets, and what landing holds of what they sent."""

import itertools
import socket
import ssl
import time
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from resources.postgres import Database, Role

START, END, RETURN = b"\x0b", b"\x1c", b"\x0d"
_numbers = itertools.count(1)


def framed(*messages: bytes) -> bytes:
    return b"".join(START + message + END + RETURN for message in messages)


def control() -> str:
    """An MSH-10 that no other message of this run has."""
    return f"C{next(_numbers)}"


def admission(
    number: str | None = None,
    *,
    kind: str = "ADT^A01^ADT_A01",
    mode: str = "P",
    version: str = "2.5.1",
    accept: str = "",
    application: str = "",
    sender: str = "ADT|HOSP",
    more: str = "",
) -> bytes:
    """An admission by its MSH-10."""
    number = number or control()
    header = (
        f"MSH|^~\\&|{sender}|SANCTUM|CLINIC|20260105120000||{kind}|{number}|{mode}|{version}|||{accept}|{application}"
    )
    patient = f"PID|1||{number}^^^HOSP^MR||CANARYNAME^ANNA||19600203|F"
    return (
        f"{header}{more}\rEVN|A01|20260105120000\r{patient}\rPV1|1|I|W^1^1||||||||||||||||V{number}^^^HOSP\r".encode()
    )


def control_of(message: bytes) -> str:
    return message.split(b"|")[9].decode()


class Sender:
    """One connection that says what it is told and reads answers frame by frame."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, seconds: float = 20) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self._received = b""

    def __enter__(self) -> "Sender":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say_again(self, data: bytes, times: int, pause: float = 0) -> None:
        for _ in range(times):
            self.say(data)
            time.sleep(pause)

    def send(self, message: bytes) -> bytes:
        """Send a message and return its answer."""
        self.say(framed(message))
        return self.answer()

    def answer(self) -> bytes:
        """The next frame's content.

        Raises:
            EOFError: the listener closed first.
        """
        while END + RETURN not in self._received:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self._received += data
        frame, _, self._received = self._received.partition(END + RETURN)
        assert frame.startswith(START)
        return frame[1:]

    def is_closed(self) -> bool:
        """Wait until the listener closes; False if it says something first."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def says_nothing(self, seconds: float) -> bool:
        """Whether no byte comes in this time."""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            return not self._received and self.socket.recv(1, socket.MSG_PEEK) == b"never"
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)


def acknowledged(answer: bytes) -> tuple[str, str]:
    """MSA-1 and MSA-2."""
    line = next(line for line in answer.split(b"\r") if line.startswith(b"MSA"))
    fields = line.split(line[3:4])
    return fields[1].decode(), fields[2].decode()


def landed(database: Database, number: str | None = None) -> list[dict[str, Any]]:
    """Landed messages in the order of receipt, all or those of one MSH-10."""
    query = (
        "SELECT * FROM landing.hl7_message WHERE message_control_id = coalesce(%s::text, message_control_id) "
        "ORDER BY message_id"
    )
    with database.connect(Role.INGEST, row_factory=dict_row) as connection:
        return connection.execute(query, (number,)).fetchall()


def kept_apart(database: Database) -> list[tuple[str, str]]:
    """Reason and file hash of what is in quarantine."""
    query = (
        "SELECT reason, encode(sha256, 'hex') FROM quarantine.record INNER JOIN landing.file USING (file_id) "
        "ORDER BY record_id"
    )
    with database.connect(Role.INGEST) as connection:
        return connection.execute(query).fetchall()


def bytes_of(home: Path, sha256: str) -> bytes:
    return (home / "landing" / sha256[:2] / sha256).read_bytes()
