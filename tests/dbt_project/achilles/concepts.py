"""Records and persons of each concept and its descendants, as ATLAS shows them, from our own answers.

As in Achilles, ``create_result_concept_table.sql``: what a concept counts is the greatest of its counts in analyses by
concept, and the sum of those in analyses by a second concept, such as the type; a concept that has both has the sum of
its descendants twice. Persons are duckcdm's addition, counted in the same way.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import psycopg

from tests.dbt_project.achilles.result import Result

_BY_FIRST = (2, 4, 5, 201, 225, 301, 325, 401, 425, 501, 505, 525, 601, 625, 701, 725, 801, 825, 826, 827, 901, 1001,
             1201, 1425, 1801, 1825, 1826, 1827, 2101, 2125)  # fmt: skip
_BY_SECOND = (405, 605, 705, 805, 807, 1805, 1807, 2105)
_PERSONS = (200, 400, 600, 700, 800, 900, 1000, 1800, 2100)


def concept_counts(
    connection: psycopg.Connection, answers: Mapping[int, list[Result]]
) -> dict[int, tuple[int, int, int, int]]:
    """Records, records of descendants, persons and persons of descendants of every concept of the vocabulary."""
    known = {concept for (concept,) in connection.execute("SELECT concept_id FROM vocab.concept")}
    below: dict[int, set[int]] = defaultdict(set)
    for ancestor, descendant in connection.execute(
        "SELECT ancestor_concept_id, descendant_concept_id FROM vocab.concept_ancestor"
    ):
        below[ancestor].add(descendant)
    greatest, total = _counts(answers, _BY_FIRST, 0), _counts(answers, _BY_SECOND, 1)
    records: dict[int, set[int]] = defaultdict(set)
    for concept, counts in greatest.items():
        records[concept].add(max(counts))
    for concept, counts in total.items():
        records[concept].add(sum(counts))
    persons = {concept: {max(counts)} for concept, counts in _counts(answers, _PERSONS, 0).items()}
    return {
        concept: (
            *_own_and_descendants(concept, records, below[concept], len(records.get(concept, "1"))),
            *_own_and_descendants(concept, persons, below[concept], 1),
        )
        for concept in known | set(below)
    }


def _counts(answers: Mapping[int, list[Result]], analyses: Iterable[int], stratum: int) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for number in analyses:
        for one in answers[number]:
            if (concept := one.strata[stratum]) is not None:
                found[int(concept)].append(one.count)
    return found


def _own_and_descendants(concept: int, counts: Mapping[int, set[int]], below: set[int], times: int) -> tuple[int, int]:
    return (
        max(counts.get(concept, {0})),
        times * sum(sum(counts.get(descendant, ())) for descendant in below | {concept}),
    )
