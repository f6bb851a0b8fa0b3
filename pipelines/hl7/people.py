"""The state of a person after all messages about them: demographics, identifiers, allergies, merge.

Source: HL7 v2.5.1 §3.3 (A28, A29, A31, A40), §3.4.2 PID.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pipelines.hl7.clinical import Finding
from pipelines.hl7.events import Event
from pipelines.hl7.findings import condition_row, merged_findings
from pipelines.hl7.identity import Identifier
from pipelines.hl7.rows import Folded, Row
from pipelines.hl7.values import Timestamp
from pipelines.keys import derived_key


def fold_person(person_key: int, events: Sequence[Event]) -> Folded | None:
    """A person from the events about them and the merges that retire them, in order; None if there is none.

    Patient administration decides; the PID of results counts only for people it never told of.
    """
    about = [event for event in events if event.person_key == person_key]
    told = [event for event in about if event.is_admission] or about
    retirement = _retirement(person_key, events)
    if not about and retirement is None:
        return None
    known_at = (told or events)[-1].message_at
    if told and told[-1].trigger == "A29":
        return Folded("Person", person_key, person_key, known_at, "deleted")
    start = max((n for n, event in enumerate(told) if event.trigger == "A29"), default=-1) + 1
    current = told[start:]
    values = _values(current)
    address = _location(person_key, values.get("address"))
    allergies = merged_findings(current, lambda event: event.allergies)
    diagnoses = merged_findings(current, lambda event: event.diagnoses if event.visit_key is None else [])
    rows = {
        "person": [_person(person_key, values, address, retirement)],
        "person_identifier": _identifiers(person_key, _all_identifiers(person_key, events)),
        "location": [address] if address else [],
        "observation": [_allergy(person_key, finding, event) for finding, event in allergies],
        "condition_occurrence": [condition_row(person_key, None, finding, event) for finding, event in diagnoses],
    }
    return Folded("Person", person_key, person_key, known_at, rows=rows)


def _values(events: Iterable[Event]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for event in events:
        values |= event.updates
    return values


def _retirement(person_key: int, events: Sequence[Event]) -> int | None:
    """Whom the person was merged into last; a later merge the other way round takes that back."""
    survivor = None
    for event in events:
        if event.retired_key == person_key and event.person_key != person_key:
            survivor = event.person_key
        elif event.person_key == person_key and event.retired_key is not None and event.retired_key == survivor:
            survivor = None
    return survivor


def _person(person_key: int, values: dict[str, Any], address: Row | None, merged_into: int | None) -> Row:
    birth: Timestamp | None = values.get("birth")
    death: Timestamp | None = values.get("death")
    dead = bool(values.get("deceased", death is not None))
    death = death if dead else None
    return {
        "person_key": person_key,
        "gender_source_value": values.get("gender_source_value"),
        "year_of_birth": birth.day.year if birth else None,
        "month_of_birth": birth.day.month if birth and birth.digits >= 6 else None,
        "day_of_birth": birth.day.day if birth and birth.digits == 8 else None,
        "birth_datetime": birth.local if birth else None,
        "race_codings": values.get("race_codings"),
        "ethnicity_codings": values.get("ethnicity_codings"),
        "deceased": dead,
        "death_date": death.day if death else None,
        "death_datetime": death.local if death else None,
        "location_key": address["location_key"] if address else None,
        "merged_into_person_key": merged_into,
    }


def _location(person_key: int, address: dict[str, str] | None) -> Row | None:
    return {"location_key": derived_key(str(person_key), "address"), **address} if address else None


def _all_identifiers(person_key: int, events: Iterable[Event]) -> Iterable[Identifier]:
    for event in events:
        if event.person_key == person_key:
            yield from event.identifiers
        elif event.retired_key == person_key:
            yield from event.retired


def _identifiers(person_key: int, identifiers: Iterable[Identifier]) -> list[Row]:
    rows: dict[int, Row] = {}
    for identifier in identifiers:
        key = derived_key(str(person_key), "identifier", identifier.authority, identifier.value)
        rows[key] = {
            "person_identifier_key": key,
            "person_key": person_key,
            "assigning_authority": identifier.authority,
            "identifier_value": identifier.value,
            "identifier_type": identifier.type,
        }
    return [rows[key] for key in sorted(rows)]


def _allergy(person_key: int, finding: Finding, stated: Event) -> Row:
    at = finding.at or stated.occurred
    return {
        "observation_key": derived_key(str(person_key), "allergy", finding.identity),
        "person_key": person_key,
        "kind": "allergy",
        "category": finding.category,
        "codings": finding.codings,
        "code_text": finding.text,
        "observation_date": at.day if at else None,
        "observation_datetime": at.local if at else None,
        "known_at": stated.message_at,
    }
