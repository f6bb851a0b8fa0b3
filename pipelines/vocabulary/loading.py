"""Loading: new tables are filled beside those in use, then renamed into their place in one transaction."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipelines.vocabulary.files import VocabularyError, VocabularyFile, header, vocabulary_files
from resources import locks
from resources.postgres import Database, Role, without_row_values

_STARTER = Path(__file__).parent / "starter"
_SQL = Path(__file__).parent / "sql"
_BLOCK = 1 << 20
_VALUE_SETS = "VALUESETS"
_TABLES = {
    "CONCEPT": "concept",
    "CONCEPT_RELATIONSHIP": "concept_relationship",
    "CONCEPT_ANCESTOR": "concept_ancestor",
}
# An unquoted file is read with a quote that no text holds, so that names keep their quotation marks.
_NO_QUOTE = "\x01"


@dataclass(frozen=True)
class VocabularyReport:
    """What the vocabulary tables hold now, in rows; ``changed`` is false if the same content was loaded before."""

    concepts: int
    relationships: int
    ancestors: int
    value_set_members: int
    changed: bool


def ensure_starter(database: Database) -> VocabularyReport:
    """Load the shipped starter vocabulary if there is none."""
    return _load(database, {})


def load_vocabulary(database: Database, directory: Path) -> VocabularyReport:
    """Load an Athena download, with the starter's rows under it, and switch to it at once.

    ``valuesets.csv`` (columns oid, name, system, code, display), alone or beside it, replaces the site's value sets.

    Args:
        database: the warehouse.
        directory: folder or zip with CONCEPT.csv, CONCEPT_RELATIONSHIP.csv and CONCEPT_ANCESTOR.csv; each may be gzip.

    Raises:
        VocabularyError: a file is missing or has other columns; nothing is changed.
        resources.postgres.DatabaseUnavailableError: the database refused, or its disk is full; nothing is changed.
    """
    files = vocabulary_files(directory)
    missing = [stem for stem in _TABLES if stem not in files]
    if missing and (len(missing) < len(_TABLES) or _VALUE_SETS not in files):
        raise VocabularyError(f"{directory} lacks {', '.join(missing)}: unpack an Athena download there")
    return _load(database, files)


def _load(database: Database, files: dict[str, VocabularyFile]) -> VocabularyReport:
    with without_row_values(), database.connect(Role.INGEST) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (locks.VOCABULARY,))
        latest = connection.execute(
            "SELECT content_sha256 FROM vocab.release ORDER BY release_id DESC LIMIT 1"
        ).fetchone()
        changed = False
        if "CONCEPT" in files or (latest is None and not files):
            content = _content_sha256(files)
            changed = latest is None or latest[0] != content
            if changed:
                _replace_vocabulary(connection, files, content)
        if _VALUE_SETS in files:
            changed = _replace_value_sets(connection, files[_VALUE_SETS]) or changed
        return _report(connection, changed)


def _content_sha256(files: dict[str, VocabularyFile]) -> str:
    digest = hashlib.sha256()
    for chosen in (vocabulary_files(_STARTER), files):
        for stem in _TABLES:
            digest.update(chosen[stem].sha256().encode() if stem in chosen else b"-")
    return digest.hexdigest()


def _replace_vocabulary(
    connection: psycopg.Connection[Any], files: dict[str, VocabularyFile], content_sha256: str
) -> None:
    starter = vocabulary_files(_STARTER)
    connection.execute((_SQL / "create_next.sql").read_text())
    for stem, table in _TABLES.items():
        _copy(connection, starter[stem], f"{table}_starter")
        if stem in files:
            _copy(connection, files[stem], f"{table}_next")
    connection.execute((_SQL / "add_starter.sql").read_text())
    connection.execute((_SQL / "switch.sql").read_text())
    connection.execute((_SQL / "insert_release.sql").read_text(), {"content_sha256": content_sha256})


def _copy(connection: psycopg.Connection[Any], file: VocabularyFile, table: str) -> None:
    wanted = connection.execute(
        "SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
        (f"vocab.{table}",),
    ).fetchone()
    assert wanted is not None
    with file.open() as content:
        delimiter, columns = header(content.readline())
        if set(columns) != set(wanted[0]):
            raise VocabularyError(f"{file.stem} has other columns than OMOP CDM 5.4; it needs {', '.join(wanted[0])}")
        statement = sql.SQL("COPY vocab.{} ({}) FROM STDIN (FORMAT csv, DELIMITER {}, QUOTE {}, NULL '')").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Literal(delimiter),
            sql.Literal(_NO_QUOTE if delimiter == "\t" else '"'),
        )
        with connection.cursor().copy(statement) as copy:
            while block := content.read(_BLOCK):
                copy.write(block)


def _replace_value_sets(connection: psycopg.Connection[Any], file: VocabularyFile) -> bool:
    connection.execute((_SQL / "create_value_set_file.sql").read_text())
    with file.open() as content:
        delimiter, columns = header(content.readline())
        if set(columns) != {"oid", "name", "system", "code", "display"}:
            raise VocabularyError("valuesets.csv needs the columns oid, name, system, code, display")
        statement = sql.SQL("COPY value_set_file ({}) FROM STDIN (FORMAT csv, DELIMITER {})").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Literal(delimiter)
        )
        with connection.cursor().copy(statement) as copy:
            while block := content.read(_BLOCK):
                copy.write(block)
    removed = connection.execute((_SQL / "delete_value_set_members.sql").read_text()).rowcount
    added = connection.execute((_SQL / "insert_value_set_members.sql").read_text()).rowcount
    return removed + added > 0


def _report(connection: psycopg.Connection[Any], changed: bool) -> VocabularyReport:
    counted = connection.execute((_SQL / "count.sql").read_text()).fetchone()
    assert counted is not None
    concepts, relationships, ancestors, value_set_members = counted
    return VocabularyReport(concepts, relationships, ancestors, value_set_members, changed)
