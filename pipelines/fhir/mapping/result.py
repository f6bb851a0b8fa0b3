"""What mapping one resource gives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


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
