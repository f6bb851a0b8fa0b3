"""A version of the vocabulary beside the one in use: made in ``vocab_next``, filled, indexed, switched to at once."""

import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.types.json import Jsonb

from pipelines.vocabulary.copying import copy_file
from pipelines.vocabulary.files import VocabularyError, VocabularyFile
from pipelines.vocabulary.tables import CHANGES, TABLES, Index, VocabularyTable

SQL = Path(__file__).parent / "sql"
_STARTER_TABLES = ("concept", "concept_relationship", "concept_ancestor")
_SWITCHED = (*(table.name for table in TABLES), CHANGES)
# Shorter than the server's deadlock_timeout (1 s): where a reader and the switch wait for each other the switch gives
# way, and no reader is ever made to fail.
_LOCK_TIMEOUT = "400ms"
_PAUSE = 0.3
_PATIENCE = 3600.0


def require_no_dependent_view(connection: psycopg.Connection[Any]) -> None:
    """Refuse to begin where something would keep the old version.

    Raises:
        VocabularyError: a view reads a table of the vocabulary.
    """
    tables = [f"vocab.{name}" for name in _SWITCHED]
    found = connection.execute((SQL / "dependent_views.sql").read_text(), {"tables": tables}).fetchall()
    if found:
        names = ", ".join(row[0] for row in found)
        raise VocabularyError(f"these views read tables of vocab and would keep the old ones: {names}; drop them first")


def remove_next(connection: psycopg.Connection[Any]) -> None:
    """Remove what a load that failed or was killed has left; waits until its server processes have ended."""
    left = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'vocab_next'::regnamespace AND relkind = 'r'"
    ).fetchall()
    for (name,) in left:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier("vocab_next", name)))


def create_next(connection: psycopg.Connection[Any], name: str) -> tuple[str, ...]:
    """Make an empty table as that in use, with its readers but without its indexes; its columns."""
    connection.execute(
        sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING COMMENTS INCLUDING CONSTRAINTS INCLUDING STORAGE)").format(
            sql.Identifier("vocab_next", name), sql.Identifier("vocab", name)
        )
    )
    connection.execute(
        sql.SQL("GRANT SELECT ON {} TO sanctum_transform, sanctum_embed, sanctum_infer, sanctum_reviewer").format(
            sql.Identifier("vocab_next", name)
        )
    )
    return columns(connection, f"vocab_next.{name}")


def columns(connection: psycopg.Connection[Any], table: str) -> tuple[str, ...]:
    """Names of a table's columns in their order."""
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
        "ORDER BY attnum",
        (table,),
    ).fetchall()
    return tuple(row[0] for row in found)


def index_next(connection: psycopg.Connection[Any], table: VocabularyTable) -> None:
    """Make a filled table's key and indexes and its statistics.

    Raises:
        VocabularyError: two lines have one key.
    """
    place = sql.Identifier("vocab_next", table.name)
    if table.key is not None:
        try:
            with connection.transaction():
                connection.execute(
                    sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(place, sql.Identifier(table.key))
                )
        except errors.UniqueViolation:
            query = sql.SQL((SQL / "first_repeated_key.sql").read_text()).format(
                key=sql.Identifier(table.key), table=place
            )
            found = connection.execute(query).fetchone()
            line = found[0] if found else "?"
            raise VocabularyError(
                f"{table.stem}, line {line}, column {table.key}: an earlier line has the same; nothing was loaded"
            ) from None
    for index in table.indexes:
        connection.execute(_create_index(index, place))
    connection.execute(sql.SQL("ANALYZE {}").format(place))


def _create_index(index: Index, place: sql.Identifier) -> sql.Composed:
    statement = sql.SQL("CREATE INDEX {} ON {} ({})").format(
        sql.Identifier(index.name), place, sql.SQL(", ").join(map(sql.Identifier, index.columns))
    )
    if index.relationship is None:
        return statement
    return statement + sql.SQL(" WHERE relationship_id = {} AND invalid_reason IS NULL").format(
        sql.Literal(index.relationship)
    )


def add_starter(connection: psycopg.Connection[Any], starter: dict[str, VocabularyFile]) -> dict[str, int]:
    """Add the starter's rows that the download lacks; how many, by table."""
    with connection.transaction():
        for name in _STARTER_TABLES:
            connection.execute(
                sql.SQL("CREATE TEMPORARY TABLE {} (LIKE {}) ON COMMIT DROP").format(
                    sql.Identifier(f"starter_{name}"), sql.Identifier("vocab", name)
                )
            )
            target = sql.Identifier(f"starter_{name}")
            copy_file(connection, starter[name.upper()], target, columns(connection, f"starter_{name}"), freeze=False)
        cursor = connection.execute((SQL / "add_starter.sql").read_text())
        added = []
        while cursor.nextset():
            added.append(cursor.rowcount)
    return dict(zip(_STARTER_TABLES, added, strict=True))


def switch(connection: psycopg.Connection[Any], release: dict[str, Any]) -> None:
    """Put the next version in the place of the one in use and record the release, in one transaction.

    Readers see one or the other: who reads now goes on with the old, who comes meanwhile waits a moment. Old rows go
    with the transaction.

    Args:
        connection: in autocommit.
        release: parameters of ``insert_release.sql``.

    Raises:
        VocabularyError: others held the vocabulary for an hour.
    """
    give_up = time.monotonic() + _PATIENCE
    release = {name: Jsonb(value) if isinstance(value, dict) else value for name, value in release.items()}
    while True:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT)))
                _switch(connection, release)
            return
        except errors.LockNotAvailable:
            if time.monotonic() > give_up:
                raise VocabularyError(
                    "the old version was being read for an hour, so it is still in use; load again when nobody does"
                ) from None
            time.sleep(_PAUSE)
        except errors.DependentObjectsStillExist:
            raise VocabularyError("something that was made meanwhile depends on the old version; load again") from None


def _switch(connection: psycopg.Connection[Any], release: dict[str, Any]) -> None:
    old = [sql.Identifier("vocab", name) for name in _SWITCHED]
    connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(old)))
    connection.execute(sql.SQL("DROP TABLE {}").format(sql.SQL(", ").join(old)))
    for name in _SWITCHED:
        connection.execute(sql.SQL("ALTER TABLE {} SET SCHEMA vocab").format(sql.Identifier("vocab_next", name)))
    connection.execute((SQL / "insert_release.sql").read_text(), release)
