"""What mapping one resource gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]

_CODES = frozenset(
    {"planned", "arrived", "triaged", "in-progress", "onleave", "finished", "cancelled", "entered-in-error", "unknown"}
    | {"registered", "partial", "preliminary", "final", "amended", "corrected", "appended"}
    | {"preparation", "not-done", "on-hold", "stopped", "completed", "active", "draft", "current", "superseded"}
    | {"proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"}
    | {"directive", "revoked"}
    | {"intended", "declined", "not-taken"}
    | {"actual", "potential", "proposed", "planned", "accepted", "rejected"}
    | {"unconfirmed", "provisional", "differential", "confirmed", "refuted"}
    | {"requested", "received", "ready", "failed"}
    | {"claim", "preauthorization", "predetermination", "queued", "complete", "error"}
)
"""FHIR R4's statuses, intents, verification statuses, uses and outcomes of the resources we map."""


@dataclass(frozen=True)
class Mapped:
    """Rows by bronze table; each already carries its owner's key, source system and ``known_at``."""

    rows: Mapping[str, Sequence[Row]]
    person_key: int | None = None


@dataclass(frozen=True)
class Excluded:
    """The resource makes no rows, for a named reason."""

    reason: str
    person_key: int | None = None
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)


def not_taken(element: str, code: str, person_key: int | None) -> Excluded:
    """Excluded for a code the profile doesn't take; a code that isn't FHIR's could be any text and isn't repeated."""
    return Excluded(f"{element}:{code if code in _CODES else 'unrecognised'}", person_key)
