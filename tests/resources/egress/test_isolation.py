"""What a program does in the namespaces is seen, and what a machine's own name costs there is not held against it."""

import os
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from resources.egress.isolation import Isolated, IsolationError, run_isolated
from resources.egress.steps import Step

SENDS_MANY = """
import ctypes, socket, struct

class Part(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]

class Message(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_void_p), ("name_length", ctypes.c_uint), ("parts", ctypes.c_void_p),
        ("number", ctypes.c_size_t), ("control", ctypes.c_void_p), ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int), ("sent", ctypes.c_ulong),
    ]

payload = Part(b"Quxbertsson", 11)
messages = (Message * 2)()
addresses = []
for message, last in zip(messages, (8, 9)):
    # sockaddr_in: family, port 53, address.
    text = struct.pack("=H", socket.AF_INET) + struct.pack(">H4B8x", 53, 203, 0, 113, last)
    addresses.append(ctypes.create_string_buffer(text, 16))
    message.name, message.name_length = ctypes.addressof(addresses[-1]), 16
    message.parts, message.number = ctypes.addressof(payload), 1
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outlet:
    ctypes.CDLL(None).sendmmsg(outlet.fileno(), messages, 2, 0)
"""

LOOKS_UP_ITSELF = """
import socket

name = socket.gethostname()
print(name, {found[4][0] for found in socket.getaddrinfo(name, 80)} <= {"127.0.0.1", "::1"})
print(open("/etc/hosts").read())
"""


@dataclass(frozen=True)
class Run:
    seen: Isolated
    folder: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Both programs, one after the other."""
    folder = tmp_path_factory.mktemp("evidence")
    steps = [Step("python", [sys.executable, "-c", program]) for program in (SENDS_MANY, LOOKS_UP_ITSELF)]
    return Run(run_isolated(folder, "probe.invalid", steps, os.environ), folder)


def test_every_destination_of_many_messages_is_seen_and_their_content_is_not_kept(run: Run) -> None:
    assert run.seen.probe_seen
    assert [(a.call, a.address, a.port) for a in run.seen.trace.attempts] == [
        ("sendmmsg", "203.0.113.8", 53),
        ("sendmmsg", "203.0.113.9", 53),
    ]
    assert "Quxbertsson" not in (run.folder / "strace.log").read_text()


def test_the_machine_has_a_name_that_no_name_server_is_asked_for(run: Run) -> None:
    own, *hosts = (run.folder / "02.stdout").read_text().strip().splitlines()
    assert own == "localhost True"
    machine = {"localhost", socket.gethostname()}
    assert [set(line.split()) for line in hosts] == [{"127.0.0.1", *machine}, {"::1", *machine}]
    assert run.seen.names == []


def test_a_run_that_can_not_be_made_ready_says_why(tmp_path: Path) -> None:
    """Its folder is removed, and the log in it."""
    programs, evidence = tmp_path / "programs", tmp_path / "evidence"
    programs.mkdir()
    evidence.mkdir()
    (programs / "unshare").symlink_to(str(shutil.which("unshare")))
    with pytest.raises(IsolationError, match="No such file or directory: 'strace'"):
        run_isolated(evidence, "probe.invalid", [], {**os.environ, "PATH": str(programs)})
