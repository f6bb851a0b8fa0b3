"""Where a chain stops being what was written, judged from what one pass over the log and the signed heads say."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from resources.audit.heads import ChainEnd

_CHAINS = range(16)


@dataclass(frozen=True)
class BrokenEvent:
    """Where a chain is broken: the first event that is not what was written, and what is wrong with it."""

    chain: int
    sequence: int
    problem: str


@dataclass(frozen=True)
class SignedEnd:
    """An end of a chain that a signed head vouches for, and the first such head."""

    end: ChainEnd
    number: int
    signed_at: datetime

    def __str__(self) -> str:
        return f"head {self.number}, signed at {self.signed_at.isoformat(timespec='seconds')}, has"


def first_breaks(
    facts: Mapping[int, Mapping[str, Any]],
    written: Mapping[int, ChainEnd],
    signed: Iterable[SignedEnd],
    differing: Mapping[ChainEnd, bool],
) -> tuple[BrokenEvent, ...]:
    """The first break of each broken chain.

    Args:
        facts: rows of ``audit_chain_facts.sql`` by chain.
        written: the ends that ``audit.chain_head`` has, by chain.
        signed: the ends that were signed.
        differing: of these, the ones whose event is another now; true if it is gone.
    """
    of_chain: dict[int, list[SignedEnd]] = {}
    for vouched in sorted(signed, key=lambda one: (one.end.sequence, one.number)):
        of_chain.setdefault(vouched.end.chain, []).append(vouched)
    found = []
    for chain in sorted({*_CHAINS, *facts, *written, *of_chain}):
        judged = _Chain(chain, facts.get(chain, {}), written.get(chain), of_chain.get(chain, []), differing)
        breaks = judged.breaks()
        if breaks:
            found.append(BrokenEvent(chain, *min(breaks)))
    return tuple(found)


@dataclass(frozen=True)
class _Chain:
    chain: int
    facts: Mapping[str, Any]
    written: ChainEnd | None
    signed: list[SignedEnd]
    differing: Mapping[ChainEnd, bool]

    @property
    def _last(self) -> int:
        return int(self.facts.get("last_sequence") or 0)

    def breaks(self) -> list[tuple[int, str]]:
        """Everything that is wrong, as (sequence, problem)."""
        if self.chain not in _CHAINS:
            return [(int(self.facts.get("first_sequence") or 1), "put in: there is no such chain")]
        exact = [*self._in_its_events(), *self._at_its_end()]
        return exact + self._rewritten(exact)

    def _in_its_events(self) -> list[tuple[int, str]]:
        found = []
        if (put_in := self.facts.get("put_in")) is not None:
            number = "the first event of a chain is number 1" if put_in < 1 else "two events have this number"
            found.append((put_in, f"put in: {number}"))
        if (changed := self.facts.get("changed")) is not None:
            found.append((changed, "changed"))
        if (gone_from := self.facts.get("gone_from")) is not None:
            gone_to = self.facts["gone_to"]
            found.append((gone_from, "gone" if gone_to == gone_from else f"gone, and all up to event {gone_to}"))
        unlinked = self.facts.get("unlinked")
        # Which of two with one number the event after them was compared with is by chance.
        if unlinked is not None and (put_in is None or unlinked not in (put_in, put_in + 1)):
            found.append(self._unlinked(unlinked))
        return found

    def _unlinked(self, sequence: int) -> tuple[int, str]:
        """Of two neighbours that don't fit, the one that is not what was written."""
        if sequence == 1:
            return 1, "changed, and its hash computed anew: it does not begin the chain"
        if self._is_vouched(ChainEnd(self.chain, sequence - 1, self.facts["unlinked_from"])):
            return sequence, "put in or moved: it does not follow the event before it"
        if self.facts["skips_one"]:
            return sequence - 1, "put in: the event after it follows the one before it"
        return sequence - 1, "changed, and its hash computed anew: the event after it follows another"

    def _is_vouched(self, end: ChainEnd) -> bool:
        return end == self.written or any(one.end == end for one in self.signed)

    def _at_its_end(self) -> list[tuple[int, str]]:
        last = self._last
        found = []
        if self.written is None:
            found.append((last + 1, "the chain's end is gone from audit.chain_head"))
        elif self.written.sequence < last:
            problem = "put in after the chain's end, or the end in audit.chain_head was set back"
            found.append((self.written.sequence + 1, problem))
        elif (
            self.written.sequence == last
            and self.written.event_hash != self._last_hash()
            and self.facts.get("put_in") != last  # Which of two with one number is the last is by chance.
        ):
            # A signed head that has this very event says that it is the end that was altered.
            is_signed = any(one.end == ChainEnd(self.chain, last, self._last_hash()) for one in self.signed)
            changed = "changed, and its hash computed anew: audit.chain_head has another"
            found.append((last, "the chain's end in audit.chain_head was altered" if is_signed else changed))
        top = self.signed[-1] if self.signed else None
        if top and top.end.sequence > last:
            problem = f"the events from {last + 1} on are gone; {top} {top.end.sequence}"
            found.append((last + 1, problem))
        elif self.written and self.written.sequence > last:
            problem = f"the events from {last + 1} on are gone; audit.chain_head has {self.written.sequence}"
            found.append((last + 1, problem))
        return found

    def _last_hash(self) -> str:
        genesis = hashlib.sha256(f"sanctum audit chain {self.chain}".encode()).hexdigest()
        return str(self.facts.get("last_hash") or genesis)

    def _rewritten(self, exact: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """The first signed end whose event is another now, unless something exact is known of the events it covers."""
        contradicting = next((one for one in self.signed if self.differing.get(one.end) is False), None)
        if contradicting is None:
            return []
        until = contradicting.end.sequence
        agreed = [one.end.sequence for one in self.signed if one.end not in self.differing]
        start = max((sequence for sequence in agreed if sequence < until), default=0) + 1
        if any(start <= sequence <= until for sequence, _ in exact):
            return []
        what = "changed, and its hash computed anew"
        if start != until:
            what = f"some event from here to {until} changed, and the hashes computed anew"
        return [(start, f"{what}; {contradicting} another event {until}")]
