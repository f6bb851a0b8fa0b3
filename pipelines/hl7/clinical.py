"""DG1, AL1, IAM, PR1 and IN1 of patient administration: diagnoses, allergies, procedures and coverage.

Sources: HL7 v2.5.1 §6.5.2 DG1, §3.4.6 AL1, §3.4.7 IAM, §6.5.4 PR1, §6.5.6 IN1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pipelines.hl7.message import Composite, Delimiters, Message, Segment, split
from pipelines.hl7.values import Timestamp, coding

Coding = dict[str, str]

_DIAGNOSIS_TYPES = {"A": "admitting", "W": "working", "F": "final"}
_ALLERGY_CATEGORIES = {
    "DA": "medication",
    "FA": "food",
    "MA": "environment",
    "EA": "environment",
    "PA": "environment",
    "AA": "environment",
    "LA": "environment",
}
"""HL7 table 0127 to FHIR allergy categories."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnosis, an allergy, a procedure or a coverage as one message states it.

    Attributes:
        kind: one of ``KINDS``.
        identity: what makes it the same in another message: its code, else its text.
        columns: of the bronze table, beside the date.
        at: when it began; None: when it was first stated.
        withdrawn: the segment's action code says delete.
    """

    kind: str
    identity: str
    columns: dict[str, Any]
    at: Timestamp | None
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Kind:
    """What kind of finding.

    Attributes:
        table: of bronze.
        date: the prefix of its date columns.
        of_visit: it belongs to the visit that the message names, else to the person.
        dated: without a date of its own it has that of the first event that stated it.
    """

    table: str
    date: str
    of_visit: bool = False
    dated: bool = True
    constants: Mapping[str, Any] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = {
    "diagnosis": Kind("condition_occurrence", "condition_start", of_visit=True),
    "procedure": Kind("procedure_occurrence", "procedure", of_visit=True, constants={"status": "completed"}),
    "allergy": Kind("observation", "observation", constants={"kind": "allergy"}),
    "coverage": Kind("payer_plan_period", "start", dated=False, constants={"status": "active"}),
}


def findings(message: Message) -> list[Finding]:
    """All that a message states of these kinds, in its order."""
    found = []
    for segment in message.segments:
        read = _READERS.get(segment.name)
        finding = read(segment) if read else None
        if finding is not None:
            found.append(finding)
    return found


def coded(segment: Segment, number: int) -> tuple[list[Coding], str]:
    """The codings of a CE or CWE field, its alternate too, and its text: CWE.9, CWE.2 or CWE.5.

    Source: HL7 v2.5.1 §2.A.13 CWE.
    """
    codes, text = _coded(segment.raw(number), segment.delimiters)
    return list(codes), text


@lru_cache(maxsize=1 << 13)
def _coded(written: str, delimiters: Delimiters) -> tuple[tuple[Coding, ...], str]:
    codes: list[Coding] = []
    text = ""
    for repetition in split(written, delimiters.repetition):
        part = Composite(repetition, delimiters)
        for first in (1, 4):
            found = coding(part.text(first), part.text(first + 1), part.text(first + 2))
            if found is not None:
                codes.append(found)
        text = text or part.text(9) or part.text(2) or part.text(5)
    return tuple(codes), text


def same_code(codes: list[Coding], text: str) -> str:
    """What makes a coded thing the same in another message: its first code with its system, else its text."""
    return f"{codes[0].get('system', '')}|{codes[0]['code']}" if codes else text.casefold()


def _coded_finding(
    kind: str, segment: Segment, columns: dict[str, Any], at: Timestamp | None, text: str = "", *, withdrawn: bool
) -> Finding | None:
    codes, display = coded(segment, 3)
    text = display or text
    if not codes and not text:
        return None
    columns = {"codings": codes, "code_text": text or None, **columns}
    return Finding(kind, same_code(codes, text), columns, at, withdrawn)


def _diagnosis(segment: Segment) -> Finding | None:
    category = _DIAGNOSIS_TYPES.get(segment.text(6).upper(), segment.text(6)) or None
    withdrawn = segment.text(21).upper() == "D"
    at = segment.time(5)
    return _coded_finding("diagnosis", segment, {"category": category}, at, segment.text(4), withdrawn=withdrawn)


def _allergy(segment: Segment) -> Finding | None:
    category = _ALLERGY_CATEGORIES.get(segment.text(2).upper())
    return _coded_finding("allergy", segment, {"category": category}, segment.time(6), withdrawn=False)


def _allergy_by_action(segment: Segment) -> Finding | None:
    """IAM: IAM-6 says whether it is added, updated or deleted, IAM-11 since when."""
    category = _ALLERGY_CATEGORIES.get(segment.text(2).upper())
    at = segment.time(11) or segment.time(13)
    return _coded_finding("allergy", segment, {"category": category}, at, withdrawn=segment.text(6).upper() == "D")


def _procedure(segment: Segment) -> Finding | None:
    at = segment.time(5)
    withdrawn = segment.text(20).upper() == "D"
    found = _coded_finding("procedure", segment, {}, at, segment.text(4), withdrawn=withdrawn)
    if found is None:
        return None
    # A procedure may be done twice: its time is part of which one it is.
    identity = "|".join((found.identity, at.text if at else ""))
    return Finding("procedure", identity, found.columns, at, withdrawn)


def _coverage(segment: Segment) -> Finding | None:
    """IN1 without any number of a member and without who the insured is, as coverage of FHIR."""
    plan, company, name = segment.text(2), segment.text(3), segment.text(4)
    if not plan and not company and not name:
        return None
    codes = coding(segment.text(15), "", "HL70086") if segment.text(15) else None
    ends = segment.time(13)
    columns = {
        "end_date": ends.day if ends else None,
        "type_codings": [codes] if codes else None,
        "payer_name": name or None,
        "plan_name": segment.composite(2).text(2) or segment.text(9) or None,
    }
    return Finding("coverage", "|".join((plan, company or name)), columns, segment.time(12))


_READERS: Mapping[str, Callable[[Segment], Finding | None]] = {
    "DG1": _diagnosis,
    "AL1": _allergy,
    "IAM": _allergy_by_action,
    "PR1": _procedure,
    "IN1": _coverage,
}
