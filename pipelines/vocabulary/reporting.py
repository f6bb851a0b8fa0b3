"""What is loaded, what its release changed, and how many rows of the warehouse that concerns."""

from dataclasses import dataclass, field
from typing import Any

from psycopg import errors
from psycopg.rows import class_row

from pipelines.vocabulary.versions import SQL
from resources.postgres import Database, Role, without_row_values


@dataclass(frozen=True)
class Release:
    """A row of ``vocab.release``; ``files`` and ``changes`` are as its columns' comments say."""

    release_id: int
    content_sha256: str
    concepts: int
    relationships: int
    ancestors: int
    files: dict[str, dict[str, Any]]
    changes: dict[str, int]


@dataclass(frozen=True)
class VocabularyReport:
    """The vocabulary in use.

    Attributes:
        release: its number; 0 before the first.
        concepts: rows of that table, when it was loaded; relationships and ancestors likewise.
        value_set_members: rows of the site's value sets.
        site_codes: rows of the site's own map.
        site_codes_without_target: those of them that are in force and name a concept that is no longer standard.
        changed: whether this load changed anything; False if the same content was loaded before.
        files: by file, its lines without the header and the rows they became; none where the starter alone is loaded.
        changes: by kind, how many concepts the release changed against the one before.
        concerns: by kind, codes and rows of the last dbt build that changed concepts concern; None before the first
            build, and where it was not asked for.
    """

    release: int
    concepts: int
    relationships: int
    ancestors: int
    value_set_members: int
    site_codes: int
    site_codes_without_target: int
    changed: bool
    files: dict[str, dict[str, int]] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    concerns: dict[str, dict[str, int]] | None = None


def latest_release(database: Database) -> Release | None:
    """The release in use, None before the first."""
    with (
        without_row_values(),
        database.connect(Role.INGEST) as connection,
        connection.cursor(row_factory=class_row(Release)) as cursor,
    ):
        return cursor.execute((SQL / "latest_release.sql").read_text()).fetchone()


def report(database: Database, *, changed: bool = False, concerns: bool = True) -> VocabularyReport:
    """Say what is loaded.

    Args:
        database: the warehouse.
        changed: whether the caller changed it.
        concerns: whether to count the rows of the last build that the release concerns, which reads all codes in use.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    release = latest_release(database) or Release(0, "", 0, 0, 0, {}, {})
    with without_row_values(), database.connect(Role.INGEST) as connection:
        counted = connection.execute((SQL / "count_site_rows.sql").read_text()).fetchone()
    assert counted is not None
    members, codes, without_target = counted
    return VocabularyReport(
        release=release.release_id,
        concepts=release.concepts,
        relationships=release.relationships,
        ancestors=release.ancestors,
        value_set_members=members,
        site_codes=codes,
        site_codes_without_target=without_target,
        changed=changed,
        files={stem: {name: file[name] for name in ("lines", "rows")} for stem, file in release.files.items()},
        changes=release.changes,
        concerns=_concerns(database) if concerns and release.changes else None,
    )


def _concerns(database: Database) -> dict[str, dict[str, int]] | None:
    """Read by dbt's role, as what it reads is dbt's."""
    with without_row_values(), database.connect(Role.TRANSFORM) as connection:
        try:
            found = connection.execute((SQL / "concerned_rows.sql").read_text()).fetchall()
        except errors.UndefinedTable:
            return None
    return {change: {"codes": codes, "rows": rows} for change, codes, rows in found}
