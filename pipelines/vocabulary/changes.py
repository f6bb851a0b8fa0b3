"""What a version changes against the one in use, concept by concept, found while both are there."""

from typing import Any

import psycopg
from psycopg import sql

from pipelines.vocabulary.tables import CHANGES, Index, VocabularyTable
from pipelines.vocabulary.versions import SQL, create_next, index_next

_TABLE = VocabularyTable(CHANGES.upper(), indexes=(Index("concept_change_code", ("vocabulary_id", "concept_code")),))
# For each sort and hash of a statement; what is larger goes to disk.
_WORK_MEMORY = "64MB"


def find_changes(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """Fill ``vocab_next.concept_change``; the number of concepts by kind of change, ``added`` among them.

    The kinds are: removed, deprecated (it has an invalid_reason now), revived (it has none any more), standard
    (its standard_concept is another), domain, and maps_to (its valid 'Maps to' lead elsewhere). One concept may have
    changed in several ways.
    """
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL work_mem = {}").format(sql.Literal(_WORK_MEMORY)))
        # Every parallel worker would have as much again.
        connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
        create_next(connection, CHANGES)
        connection.execute((SQL / "insert_concept_changes.sql").read_text())
        connection.execute((SQL / "insert_map_changes.sql").read_text())
    index_next(connection, _TABLE)
    return dict(connection.execute((SQL / "count_changes.sql").read_text()).fetchall())
