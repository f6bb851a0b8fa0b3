"""By which mapping profile and version bronze was made."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.rows import dict_row

from pipelines.lineage.statements import statement
from resources.postgres import Database, Role, without_row_values


def mappings_in_bronze(database: Database) -> list[dict[str, Any]]:
    """Source system, mapping profile and version of the FHIR resources in bronze, with how many of each.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), database.connect(Role.INGEST, row_factory=dict_row) as connection:
        return connection.execute(statement("mappings_in_bronze")).fetchall()


def mixed_sources(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Source systems of which bronze holds resources of more than one mapping: a part was not loaded anew."""
    counted = Counter(str(found["source_system"]) for found in mappings)
    return sorted(source for source, number in counted.items() if number > 1)
