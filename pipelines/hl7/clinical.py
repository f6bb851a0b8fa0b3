"""DG1 and AL1: diagnoses and allergies.

Sources: HL7 v2.5.1 §6.5.2 DG1, §3.4.6 AL1.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.hl7.message import Message, Segment
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


@dataclass(frozen=True)
class Finding:
    """A diagnosis or an allergy as one message states it.

    Attributes:
        identity: what makes it the same in another message: its code, else its text.
        withdrawn: DG1-21 says delete.
    """

    identity: str
    codings: list[Coding]
    text: str | None
    category: str | None
    at: Timestamp | None
    withdrawn: bool = False


def diagnoses(message: Message) -> list[Finding]:
    """DG1 segments that name a diagnosis, by code (DG1-3) or text (DG1-4)."""
    return _findings(
        message.all("DG1"),
        lambda segment: _finding(
            segment,
            segment.text(4),
            _DIAGNOSIS_TYPES.get(segment.text(6).upper(), segment.text(6)),
            segment.time(5),
        ),
    )


def allergies(message: Message) -> list[Finding]:
    """AL1 segments that name a substance."""
    return _findings(
        message.all("AL1"),
        lambda segment: _finding(segment, "", _ALLERGY_CATEGORIES.get(segment.text(2).upper()), segment.time(6)),
    )


def _findings(segments: list[Segment], read: Callable[[Segment], Finding | None]) -> list[Finding]:
    return [finding for finding in map(read, segments) if finding is not None]


def _finding(segment: Segment, text: str, category: str | None, at: Timestamp | None) -> Finding | None:
    codes, display = coded(segment, 3)
    text = display or text
    if not codes and not text:
        return None
    same = f"{codes[0].get('system', '')}|{codes[0]['code']}" if codes else text.casefold()
    withdrawn = segment.name == "DG1" and segment.text(21).upper() == "D"
    return Finding(same, codes, text or None, category or None, at, withdrawn)


def coded(segment: Segment, number: int) -> tuple[list[Coding], str]:
    """The codings of a CE or CWE field, its alternate too, and its text: CWE.9, CWE.2 or CWE.5.

    Source: HL7 v2.5.1 §2.A.13 CWE.
    """
    codes: list[Coding] = []
    text = ""
    for part in segment.composites(number, "CWE"):
        for first in (1, 4):
            found = coding(part.text(first), part.text(first + 1), part.text(first + 2))
            if found is not None:
                codes.append(found)
        text = text or part.text(9) or part.text(2) or part.text(5)
    return codes, text
