"""What a program does in the namespaces is seen, and what a machine's own name costs there is not held against it."""

import os
import sys
from pathlib import Path

from resources.egress.isolation import Isolated, run_isolated
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


def isolated(folder: Path, *programs: str) -> Isolated:
    steps = [Step("python", [sys.executable, "-c", program]) for program in programs]
    return run_isolated(folder, "probe.invalid", steps, os.environ)


def test_every_destination_of_many_messages_is_seen_and_their_content_is_not_kept(tmp_path: Path) -> None:
    seen = isolated(tmp_path, SENDS_MANY)
    assert seen.probe_seen
    assert [(a.call, a.address, a.port) for a in seen.trace.attempts] == [
        ("sendmmsg", "203.0.113.8", 53),
        ("sendmmsg", "203.0.113.9", 53),
    ]
    assert "Quxbertsson" not in (tmp_path / "strace.log").read_text()
