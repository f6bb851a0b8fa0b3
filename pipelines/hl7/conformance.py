"""hl7apy's full parse and validation as a report: how far messages keep to the standard. It never gates loading.

A report names messages by their place and a hash of MSH-10, elements by name, and quotes nothing.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message
from hl7apy.validation import Validator

from pipelines.hl7 import identity
from pipelines.hl7.message import Message, MessageError, parse
from pipelines.hl7.splitting import split
from pipelines.landing import open_content

_ELEMENT = r"(?:[A-Za-z0-9_]+\.)*([A-Z][A-Z0-9]{1,2}_\d{1,3}|[A-Z][A-Z0-9]{2})"
_RULES = (
    ("missing", re.compile(rf"Error: Missing required child {_ELEMENT}")),
    ("too_many", re.compile(rf"Error: Child limit exceeded {_ELEMENT}")),
    ("not_in_table", re.compile(rf"Warning: Value .* not in table HL7\d+ in element {_ELEMENT}", re.DOTALL)),
    ("too_long", re.compile(rf"Warning: Exceeded max length \(.*\) of {_ELEMENT}")),
    ("wrong_type", re.compile(rf"Error: Datatype .* is not correct for {_ELEMENT} ", re.DOTALL)),
    ("unknown_element", re.compile(r"Error: (?:Unknown element|Invalid element|Invalid children)()", re.DOTALL)),
)
# hl7apy lets Python's own errors through where a message does not fit its definitions.
_REFUSALS = (HL7apyException, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True)
class Conformance:
    """How one message keeps to the standard.

    Attributes:
        byte_offset: where it begins in the decompressed content.
        control_id_sha256: first 16 digits of the hash of MSH-10; None where it has none.
        message_type: such as ``ADT^A01``.
        outcome: ``conforms``, ``differs``, or ``refused`` by hl7apy; ``no_message`` for other bytes.
        findings: rule and element, such as ``missing PV1``, or what kind of error the refusal was.
    """

    byte_offset: int
    control_id_sha256: str | None
    message_type: str
    outcome: str
    findings: tuple[str, ...]


def check(path: Path) -> Iterator[Conformance]:
    """Every message of a file, ``.gz`` too, one by one.

    Raises:
        OSError: the file can't be read.
    """
    with open_content(path) as stream:
        for piece in split(stream):
            yield _checked(piece.byte_offset, piece.body, piece.problem)


def _checked(offset: int, body: bytes, problem: str | None) -> Conformance:
    try:
        message = parse(body)
    except MessageError as error:
        return Conformance(offset, None, "unknown", "no_message", (problem or error.reason,))
    number = message.header.text(10)
    hashed = hashlib.sha256(number.encode()).hexdigest()[:16] if number else None
    kind = identity.kind(*identity.message_type(message))
    outcome, findings = _validated(message)
    return Conformance(offset, hashed, kind, outcome, findings)


def _validated(message: Message) -> tuple[str, tuple[str, ...]]:
    text = "\r".join(segment.line for segment in message.segments)
    try:
        parsed = parse_message(text)
        report = _report(parsed)
    except _REFUSALS as error:
        return "refused", (type(error).__name__,)
    findings = dict.fromkeys(_finding(line) for line in report if line)
    return ("differs" if findings else "conforms"), tuple(findings)


def _report(parsed: object) -> list[str]:
    """The lines of hl7apy's report, which it writes only to a file: to one in memory, since it quotes values."""
    descriptor = os.memfd_create("hl7apy")
    try:
        try:
            Validator.validate(parsed, report_file=f"/proc/self/fd/{descriptor}")
        except HL7apyException:
            # The first error is raised, all of them are in the report.
            os.lseek(descriptor, 0, os.SEEK_SET)
        return _lines(descriptor)
    finally:
        os.close(descriptor)


def _lines(descriptor: int) -> list[str]:
    with os.fdopen(os.dup(descriptor), "rb") as report:
        report.seek(0)
        text = report.read().decode("utf-8", "replace")
    return re.split(r"\n(?=Error: |Warning: )", text.strip())


def _finding(line: str) -> str:
    for rule, pattern in _RULES:
        found = pattern.match(line)
        if found:
            return f"{rule} {found.group(1)}".strip()
    return "other"
