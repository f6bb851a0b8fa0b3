"""Folding messages without a database: what a load of them would give."""

from collections.abc import Iterable

from pipelines.hl7.events import Event
from pipelines.hl7.policy import Policy
from pipelines.hl7.rows import Folded
from pipelines.hl7.world import World


def aliases_of(events: Iterable[Event]) -> dict[int, int]:
    """Keys of people and visits to the only key that they have in messages which name the authority fully.

    Two authorities of one namespace make it nobody's (HL7 v2.5.1 §2.A.33 HD).
    """
    found: dict[int, set[int]] = {}
    for event in events:
        for party in event.parties:
            for alias, key in party.aliases.items():
                found.setdefault(alias, set()).add(key)
    return {alias: next(iter(keys)) for alias, keys in found.items() if len(keys) == 1}


def folded(events: Iterable[Event], policy: Policy) -> list[Folded]:
    """The state after events, whatever the order in which they are given."""
    ordered = sorted(events, key=lambda event: event.order)
    world = World(policy, aliases_of(ordered))
    for event in ordered:
        world.apply(event)
    return list(world.folded())
