"""Messages that tell of erased people: left out, wherever they come from, and keys under which one turns up anew."""

from enum import Enum
from typing import Any

import psycopg

from pipelines import bronze, tombstones
from pipelines.hl7 import identity
from pipelines.hl7.ownership import Whose
from pipelines.redaction import forget_everywhere
from pipelines.tombstones import Tombstones


class Verdict(Enum):
    """What is to become of a message.

    ``disputed``: it gives an erased person's identifier to somebody who is known, so it is quarantined.
    """

    KEPT = "kept"
    ERASED = "erased"
    DISPUTED = "disputed"


class Judge:
    """Judges messages in the order in which they arrive, in one transaction of INGEST."""

    def __init__(self, connection: psycopg.Connection[Any], erased: Tombstones) -> None:
        """Judge by the tombstones ``erased``; people who turn up anew are added to them."""
        self._connection = connection
        self._erased = erased
        self._seen: set[int] = set()

    def judge(self, whose: Whose | None, trigger: str) -> Verdict:
        """What is to become of a message; a key under which an erased person turns up anew is remembered.

        Args:
            whose: whose it is; None for bytes that are no message, which are kept.
            trigger: its event; a merge says of nobody new that they are erased.
        """
        if whose is None or not self._is_erased(whose):
            self._seen |= whose.people if whose else frozenset()
            return Verdict.KEPT
        is_new = whose.keys.isdisjoint(self._erased.people)
        if is_new and any(key in self._seen or tombstones.is_somebody(self._connection, key) for key in whose.people):
            return Verdict.DISPUTED
        if is_new and whose.people and trigger not in identity.MERGE_EVENTS:
            tombstones.add(self._connection, whose.people)
            bronze.withdraw(self._connection, whose.people)
            # Messages under this key may lie in files that were split before anybody knew whose they are.
            forget_everywhere(self._connection, ["hl7v2"])
            self._erased.people.update(whose.people)
        return Verdict.ERASED

    def _is_erased(self, whose: Whose) -> bool:
        """Whether it is an erased person's, by what it states and by the birth date known of whom it names."""
        if not whose.keys.isdisjoint(self._erased.people):
            return True
        if not self._erased.names(whose.identities):
            return False
        born = tombstones.birth_date(self._connection, *whose.people) if len(whose.people) == 1 else None
        return self._erased.names(whose.identities, born)
