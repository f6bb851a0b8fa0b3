"""Folding a few messages without a database: the rows that bronze would have."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pipelines.hl7.events import read_event
from pipelines.hl7.identity import SOURCE_SYSTEM
from pipelines.hl7.in_memory import folded
from pipelines.hl7.policy import Policy
from pipelines.keys import derived_key

Tables = dict[str, list[dict[str, Any]]]
AUTHORITY = "1.2.3"


def person(number: str = "100", authority: str = AUTHORITY) -> int:
    """Key of the source person with a record number."""
    return derived_key(SOURCE_SYSTEM, authority, number)


def visit_key(number: str = "V1", authority: str = "HOSP") -> int:
    """Key of the visit with a number."""
    return derived_key(SOURCE_SYSTEM, "visit", authority, number)


def patient(number: str = "100", fields: str = "||19600203|F") -> str:
    """PID of a record number; ``fields`` follow PID-5."""
    return f"PID|1||{number}^^^HOSP&urn:oid:1.2.3&ISO^MR||DOE^JANE{fields}"


def fold(*messages: bytes, received: Iterable[int] | None = None, **policy: Any) -> Tables:
    """Rows by table, each with ``outcome`` of what owns it in ``_outcomes``.

    Args:
        messages: in the order of receipt.
        received: message ids, where they are not 0, 1, 2.
        policy: choices other than the default.
    """
    chosen = Policy(**({"zone": UTC} | policy))
    ids = received if received is not None else range(len(messages))
    events = [read_event(number, body, chosen) for number, body in zip(ids, messages, strict=True)]
    tables: Tables = {"_outcomes": []}
    for item in folded(events, chosen):
        outcome = {"kind": item.kind, "key": item.identity, "outcome": item.outcome, "person": item.person_key}
        tables["_outcomes"].append(outcome)
        for name, rows in item.rows.items():
            tables.setdefault(name, []).extend(rows)
    for name, rows in tables.items():
        tables[name] = sorted(rows, key=lambda row: sorted((key, str(value)) for key, value in row.items()))
    return tables


def visits(tables: Tables, *columns: str) -> list[tuple[Any, ...]]:
    """Visits by start, in the columns asked for."""
    found = sorted(tables.get("visit_occurrence", []), key=lambda row: str(row["visit_start_datetime"]))
    return [tuple(row[column] for column in columns) for row in found]


def stay(tables: Tables) -> tuple[Any, ...]:
    """Start, end and disposition of the only visit."""
    columns = ("visit_start_datetime", "visit_end_datetime", "discharged_to_source_value")
    (found,) = visits(tables, *columns)
    return found


def places(tables: Tables, visit: int | None = None) -> list[tuple[str, datetime | None, datetime | None]]:
    """Where patients were, from when to when, of one visit or all."""
    rows = [row for row in tables.get("visit_detail", []) if visit in (None, row["visit_occurrence_key"])]
    found = [
        (row["visit_detail_source_value"], row["visit_detail_start_datetime"], row["visit_detail_end_datetime"])
        for row in rows
    ]
    return sorted(found, key=lambda place: (str(place[1]), str(place[2])))


def doubts(tables: Tables) -> list[tuple[str, str, str | None]]:
    """Rule, field and text of what is not right."""
    return sorted((row["rule"], row["element"], row["source_text"]) for row in tables.get("data_quality", []))


def outcomes(tables: Tables, kind: str) -> dict[int, str]:
    """Outcome of every person, visit, order or document, by key."""
    return {row["key"]: row["outcome"] for row in tables["_outcomes"] if row["kind"] == kind}


def merged(tables: Tables) -> dict[int, int | None]:
    """Whom each person was merged into."""
    return {row["person_key"]: row["merged_into_person_key"] for row in tables.get("person", [])}
