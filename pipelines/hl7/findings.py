"""Diagnoses and allergies over several messages: one row each, dated by the message that first stated it."""

from collections.abc import Callable, Iterable

from pipelines.hl7.clinical import Finding
from pipelines.hl7.events import Event
from pipelines.hl7.rows import Row
from pipelines.keys import derived_key


def merged_findings(events: Iterable[Event], of: Callable[[Event], list[Finding]]) -> list[tuple[Finding, Event]]:
    """The findings that stand after all events, each as last stated, with the event that stated it first.

    A message without a segment of the kind changes nothing; DG1-21 ``D`` withdraws one.
    """
    standing: dict[str, tuple[Finding, Event]] = {}
    for event in events:
        for finding in of(event):
            if finding.withdrawn:
                standing.pop(finding.identity, None)
            else:
                first = standing[finding.identity][1] if finding.identity in standing else event
                standing[finding.identity] = (finding, first)
    return list(standing.values())


def condition_row(person_key: int, visit_key: int | None, finding: Finding, stated: Event) -> Row:
    """A diagnosis; without DG1-5 it starts when the first event that states it occurred."""
    at = finding.at or stated.occurred
    return {
        "condition_occurrence_key": derived_key(str(visit_key or person_key), "diagnosis", finding.identity),
        "person_key": person_key,
        "visit_occurrence_key": visit_key,
        "codings": finding.codings,
        "code_text": finding.text,
        "category": finding.category,
        "condition_start_date": at.day if at else None,
        "condition_start_datetime": at.local if at else None,
        "known_at": stated.message_at,
    }
