"""The state of an order's results after all messages that report them.

Source: HL7 v2.5.1 §7.4.2, OBX-11: a corrected result replaces, a deleted or wrong one withdraws.
"""

from collections.abc import Iterable, Sequence

from pipelines.hl7.events import Event
from pipelines.hl7.results import Result
from pipelines.hl7.rows import Folded, Row
from pipelines.keys import derived_key

_Identity = tuple[str, ...]


def fold_orders(person_key: int, events: Sequence[Event]) -> list[Folded]:
    """Every order of a person from the results and deletions about them, in order."""
    about = [event for event in events if event.person_key == person_key]
    orders: dict[str, dict[_Identity, tuple[Result, Event]]] = {}
    for event in about:
        if event.trigger == "A29":
            for standing in orders.values():
                standing.clear()
        for result in event.results:
            standing = orders.setdefault(result.order, {})
            if result.withdrawn:
                standing.pop(result.identity, None)
            else:
                standing[result.identity] = (result, event)
    return [_folded(person_key, order, standing) for order, standing in orders.items()]


def order_key(person_key: int, order: str) -> int:
    """Which order it is: a person's, by its number."""
    return derived_key(str(person_key), "order", order)


def _folded(person_key: int, order: str, standing: dict[_Identity, tuple[Result, Event]]) -> Folded:
    identity = order_key(person_key, order)
    times: Iterable[Event] = (event for _, event in standing.values())
    known_at = max((event.message_at for event in times if event.message_at), default=None)
    rows = [_measurement(identity, person_key, result, event) for result, event in standing.values()]
    outcome = "loaded" if rows else "withdrawn"
    return Folded("Order", identity, person_key, known_at, outcome, {"measurement": rows} if rows else {})


def _measurement(order_key: int, person_key: int, result: Result, event: Event) -> Row:
    return {
        **result.columns,
        "measurement_key": derived_key(str(order_key), *result.identity),
        "person_key": person_key,
        "visit_occurrence_key": event.visit_key,
        "measurement_date": result.at.day if result.at else None,
        "measurement_datetime": result.at.local if result.at else None,
        "known_at": event.message_at,
    }
