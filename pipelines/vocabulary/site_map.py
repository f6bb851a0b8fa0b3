"""A site's own codes: CDM 5.4's source_to_concept_map, from a file that is checked against the vocabulary in use."""

from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from pipelines.vocabulary.copying import copy_file
from pipelines.vocabulary.files import VocabularyError, VocabularyFile
from pipelines.vocabulary.versions import SQL, columns
from resources import locks
from resources.postgres import Database, Role, without_row_values

_OPTIONAL = (
    "source_concept_id",
    "source_code_description",
    "target_vocabulary_id",
    "valid_start_date",
    "valid_end_date",
    "invalid_reason",
)
_ERRORS_TOLD = 20


@dataclass(frozen=True)
class SiteMapReport:
    """The site's own codes: rows, codes, and whether the file changed anything."""

    rows: int
    codes: int
    changed: bool


def load_site_map(database: Database, path: Path) -> SiteMapReport:
    """Make a file the site's map, in place of the one it gave before.

    Args:
        database: the warehouse.
        path: CSV, or separated by tabs without quotes, with source_code, source_vocabulary_id and target_concept_id,
            and the other columns of CDM 5.4 where it has them. The target is a standard concept, or 0 for none.

    Raises:
        VocabularyError: lines break a rule; each is named with its column, and nothing is changed.
        resources.postgres.DatabaseUnavailableError: the database refused; nothing is changed.
    """
    if not path.is_file():
        raise VocabularyError("the site's map is a file; there is none of that name")
    file = VocabularyFile("source_to_concept_map", path)
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        # The vocabulary it is checked against stays until it is in force.
        locks.hold(connection, locks.VOCABULARY)
        connection.execute("SET DateStyle = 'ISO, YMD'")
        with connection.transaction():
            connection.execute((SQL / "create_site_code.sql").read_text())
            place = sql.Identifier("site_code")
            names = columns(connection, "vocab.source_to_concept_map")
            copy_file(connection, file, place, names, freeze=False, optional=_OPTIONAL)
            broken = connection.execute((SQL / "broken_site_codes.sql").read_text()).fetchall()
            if broken:
                told = "; ".join(
                    f"line {line}, column {column}: {rule}" for line, column, rule in broken[:_ERRORS_TOLD]
                )
                more = f"; and {len(broken) - _ERRORS_TOLD} more" if len(broken) > _ERRORS_TOLD else ""
                raise VocabularyError(f"source_to_concept_map: {told}{more}. Nothing was loaded")
            connection.execute((SQL / "complete_site_codes.sql").read_text())
            removed = connection.execute((SQL / "delete_site_codes.sql").read_text()).rowcount
            added = connection.execute((SQL / "insert_site_codes.sql").read_text()).rowcount
        counted = connection.execute(
            "SELECT count(*), count(DISTINCT (source_vocabulary_id, source_code)) FROM vocab.source_to_concept_map"
        ).fetchone()
    assert counted is not None
    rows, codes = counted
    return SiteMapReport(rows, codes, changed=removed + added > 0)
