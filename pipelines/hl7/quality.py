"""Doubts about data as rows: they are kept beside what they are about and stop nothing."""

from collections.abc import Iterable
from typing import NamedTuple

from pipelines.hl7.message import Doubt
from pipelines.hl7.rows import Row
from pipelines.keys import derived_key


class Noted(NamedTuple):
    """A doubt with where it arose: the event's time as written and the visit, if it is about one."""

    doubt: Doubt
    occurred: str
    visit_key: int | None = None


def quality_rows(owner: str, person_key: int, noted: Iterable[Noted]) -> list[Row]:
    """Rows of ``bronze.data_quality``, once each.

    Args:
        owner: what the doubts are kept with; part of the key.
        person_key: whose.
        noted: doubts in any order.
    """
    return [
        {
            "data_quality_key": derived_key(owner, *one.doubt, one.occurred, str(one.visit_key or "")),
            "person_key": person_key,
            "visit_occurrence_key": one.visit_key,
            "rule": one.doubt.rule,
            "element": one.doubt.element,
            "source_text": one.doubt.text or None,
        }
        for one in sorted(set(noted), key=lambda one: (one.occurred, *one.doubt, one.visit_key or 0))
    ]
