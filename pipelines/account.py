"""The account of a load: everything read was loaded, excluded for a named reason, or quarantined."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Account:
    """Counts of records.

    Attributes:
        read: by resource or message type; what can't be typed is under ``unknown``.
        loaded: by type.
        excluded: by reason.
        quarantined: by reason.
    """

    read: Counter[str] = field(default_factory=Counter)
    loaded: Counter[str] = field(default_factory=Counter)
    excluded: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)

    @property
    def closes(self) -> bool:
        """Whether nothing read is unaccounted for."""
        return self.read.total() == self.loaded.total() + self.excluded.total() + self.quarantined.total()

    def __add__(self, other: "Account") -> "Account":
        return Account(
            self.read + other.read,
            self.loaded + other.loaded,
            self.excluded + other.excluded,
            self.quarantined + other.quarantined,
        )

    def as_dict(self) -> dict[str, dict[str, int]]:
        """Plain dictionaries with sorted keys, for JSON; what was counted and taken back is left out."""
        whole = self + Account()
        return {
            name: dict(sorted(getattr(whole, name).items())) for name in ("read", "loaded", "excluded", "quarantined")
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Account":
        """The inverse of ``as_dict``."""
        return cls(*(Counter(value[name]) for name in ("read", "loaded", "excluded", "quarantined")))
