"""The warehouse as a whole: made ready, and counted."""

from collections import Counter
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from resources.identity.database_key import install_key
from resources.identity.identity import Identity
from resources.identity.session import open_session
from resources.migrations import migrate, migration_files
from resources.postgres import Database, DatabaseUnavailableError, Role, database, start_embedded, without_row_values
from resources.settings import Settings

_COUNTED = {
    Role.INGEST: ("landing", "quarantine", "bronze", "vocab"),
    Role.TRANSFORM: ("omop", "features"),
}

_COUNTED_BY_FUNCTION: tuple[tuple[Role, str, LiteralString], ...] = (
    (Role.EMBED, "retrieval.document_chunk", "SELECT retrieval.chunk_count()"),
    (
        Role.INFER,
        "inference.adjudication",
        "SELECT coalesce(sum(adjudications), 0) FROM inference.adjudication_counts()",
    ),
)


@dataclass(frozen=True)
class Prepared:
    """A warehouse that is up; ``revision`` is its migration."""

    database: Database
    revision: str


def prepare(settings: Settings) -> Prepared:
    """Start the embedded server unless another is named, and migrate as the owner; what 'sanctum up' does.

    Raises:
        resources.postgres.DatabaseUnavailableError: the server can't be started or reached.
        resources.identity.database_key.IdentityKeyError: the identity key's file can't be used.
    """
    found = database(settings) if settings.names_a_server else start_embedded(settings)
    revision = migrate(found)
    install_key(settings, found)
    return Prepared(found, revision)


def ready(settings: Settings) -> Database:
    """The warehouse at the code's revision, with no connection as the owner where it is.

    The embedded server is started and migrated when it needs to be; of another server that is left to 'sanctum up'.

    Raises:
        resources.postgres.DatabaseUnavailableError: the server can't be started or reached, or is not migrated.
        resources.identity.database_key.IdentityKeyError: the identity key's file can't be used.
    """
    found = database(settings) if settings.names_a_server else start_embedded(settings)
    if migrations_applied(found) == migration_files():
        return found
    if settings.names_a_server:
        raise DatabaseUnavailableError(
            "the database is not at the revision of this code, or sanctum_ingest can't log in: run 'sanctum up'."
        )
    return prepare(settings).database


def migrations_applied(warehouse: Database) -> dict[str, str]:
    """Revisions that the database has and the hash of each one's file; none where none is to be seen."""
    try:
        with warehouse.connect(Role.INGEST) as connection:
            rows = connection.execute("SELECT revision, sha256 FROM public.migration_file").fetchall()
    except (DatabaseUnavailableError, psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        # No such role, no such table, or one that an earlier revision made.
        return {}
    return dict(rows)


def row_counts(warehouse: Database) -> dict[str, int]:
    """Rows of every table that holds any, by ``schema.table``; each schema is read by the role whose duty it is."""
    counts: dict[str, int] = {}
    for role, schemas in _COUNTED.items():
        with without_row_values(), warehouse.connect(role) as connection:
            tables = connection.execute(
                "SELECT table_schema, table_name FROM information_schema.tables "
                "WHERE table_schema = ANY(%s) AND table_type = 'BASE TABLE' "
                "AND has_table_privilege(format('%%I.%%I', table_schema, table_name), 'SELECT') ORDER BY 1, 2",
                (list(schemas),),
            ).fetchall()
            for schema, table in tables:
                query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, table))
                found = connection.execute(query).fetchone()
                if found and found[0]:
                    counts[f"{schema}.{table}"] = found[0]
    # Row-level security shows these tables' rows to nobody who names no person; functions tell their number.
    for role, table, function in _COUNTED_BY_FUNCTION:
        with without_row_values(), warehouse.connect(role) as connection:
            counts[table] = int((connection.execute(function).fetchone() or (0,))[0])
    return counts


def open_care_gaps(settings: Settings, warehouse: Database, identity: Identity, limit: int) -> list[dict[str, Any]]:
    """Open care gaps of the persons a caller may see: person, measure, since when, what closes it; the read is audited.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused, or features are not built.
    """
    with open_session(settings, warehouse, identity) as session:
        session.enter()
        with session.connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(
                "SELECT person_id, measure_id, open_since, due_date, closes_with FROM features.care_gap "
                "WHERE status = 'open' ORDER BY due_date, person_id, measure_id LIMIT %s",
                (limit,),
            ).fetchall()
        session.record_each(
            action="read", object_kind="features.care_gap", rows=Counter(gap["person_id"] for gap in found)
        )
        session.connection.commit()
    return found


def missing_value_sets(warehouse: Database) -> dict[str, dict[str, str]]:
    """Value sets of which no code is known here, by measure, as ``{"CMS125": {oid: title, …}, …}``; as last built."""
    found: dict[str, dict[str, str]] = {}
    with without_row_values(), warehouse.connect(Role.TRANSFORM) as connection:
        rows = connection.execute(
            "SELECT measure_id, oid, value_set_name FROM measures.missing_value_set ORDER BY 1, 3"
        ).fetchall()
    for measure, oid, title in rows:
        found.setdefault(measure, {})[oid] = title
    return found


def care_gap_counts(warehouse: Database) -> dict[str, Any]:
    """People by measure and status, as ``{"CMS122": {"open": n, …}, …}``."""
    counts: dict[str, dict[str, int]] = {}
    with without_row_values(), warehouse.connect(Role.TRANSFORM) as connection:
        rows = connection.execute(
            "SELECT measure_id, status, count(*) FROM features.care_gap GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
    for measure, status, number in rows:
        counts.setdefault(measure, {})[status] = number
    return counts
