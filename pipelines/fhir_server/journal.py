"""What must outlive a run: the export under way, and how far each type was read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, cast

from pipelines.fhir_server.statements import statement
from pipelines.landing import content_hash
from resources.postgres import Database, Role, without_row_values


@dataclass(frozen=True)
class OpenExport:
    """An export that was asked for and not yet loaded; ``whole`` are the types asked for without any date."""

    export_id: int
    types: tuple[str, ...]
    whole: tuple[str, ...]
    status_url: str


@dataclass(frozen=True)
class Watermark:
    """How far a type was read: the server's time, and the server's time when it was last read whole."""

    until: datetime
    whole_at: datetime


class Journal(Protocol):
    """Where a run keeps what must outlive it."""

    def open_export(self) -> OpenExport | None:
        """The export that an earlier run left."""

    def begin_export(self, types: Sequence[str], whole: Sequence[str], status_url: str) -> OpenExport:
        """Keep the status URL of an export that has begun; it is kept when this returns."""

    def end_export(self, export: OpenExport, state: str) -> None:
        """Close an export as ``loaded``, ``partial`` or ``abandoned``."""

    def watermarks(self, kinds: Iterable[str]) -> Mapping[str, Mapping[int, Watermark]]:
        """How far each of the types was read: by patient's key where it is read patient by patient, else under 0."""

    def advance(self, marks: Iterable[tuple[str, int, Watermark]]) -> None:
        """Move watermarks (type, patient's key or 0, watermark), all or none."""

    def patients(self) -> Sequence[str]:
        """Ids of the server's patients that are known from before."""


class DatabaseJournal:
    """A journal in the tables ``landing.fhir_export`` and ``landing.fhir_watermark``."""

    def __init__(self, database: Database, source_system: str) -> None:
        self._database = database
        self._source = source_system

    def open_export(self) -> OpenExport | None:
        """As ``Journal``."""
        rows = self._run(
            "SELECT export_id, resource_types, whole_types, status_url FROM landing.fhir_export "
            "WHERE source_system = %s AND state = 'started'",
            self._source,
        )
        return None if not rows else OpenExport(rows[0][0], tuple(rows[0][1]), tuple(rows[0][2]), rows[0][3])

    def begin_export(self, types: Sequence[str], whole: Sequence[str], status_url: str) -> OpenExport:
        """As ``Journal``."""
        rows = self._run(
            "INSERT INTO landing.fhir_export (source_system, resource_types, whole_types, status_url) "
            "VALUES (%s, %s, %s, %s) RETURNING export_id",
            self._source,
            list(types),
            list(whole),
            status_url,
        )
        return OpenExport(int(rows[0][0]), tuple(types), tuple(whole), status_url)

    def end_export(self, export: OpenExport, state: str) -> None:
        """As ``Journal``."""
        self._run(
            "UPDATE landing.fhir_export SET state = %s, ended_at = now() WHERE export_id = %s RETURNING export_id",
            state,
            export.export_id,
        )

    def watermarks(self, kinds: Iterable[str]) -> Mapping[str, Mapping[int, Watermark]]:
        """As ``Journal``."""
        found: dict[str, dict[int, Watermark]] = {kind: {} for kind in kinds}
        rows = self._run(
            "SELECT resource_type, person_key, read_until, whole_at FROM landing.fhir_watermark "
            "WHERE source_system = %s AND resource_type = ANY(%s)",
            self._source,
            list(found),
        )
        for kind, key, until, whole_at in rows:
            found[kind][key] = Watermark(until, whole_at)
        return found

    def advance(self, marks: Iterable[tuple[str, int, Watermark]]) -> None:
        """As ``Journal``."""
        rows = [(self._source, kind, key, mark.until, mark.whole_at) for kind, key, mark in marks]
        with without_row_values(), self._database.connect(Role.INGEST) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO landing.fhir_watermark (source_system, resource_type, person_key, read_until, whole_at) "
                "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (source_system, resource_type, person_key) "
                "DO UPDATE SET read_until = excluded.read_until, whole_at = excluded.whole_at",
                rows,
            )

    def claim(self, paths: Iterable[Path], as_of: datetime) -> None:
        """Say whose the bytes of files are before they are landed, so that no other load takes them for its own.

        Args:
            paths: the files, in the order in which they came.
            as_of: when their content was so, by the server's time. Bytes that were there before are so again.
        """
        given = {"source_system": self._source, "as_of": as_of}
        rows = [given | {"sha256": bytes.fromhex(content_hash(path))} for path in paths]
        with without_row_values(), self._database.connect(Role.INGEST) as connection, connection.cursor() as cursor:
            cursor.executemany(statement("claim_content"), rows)

    def patients(self) -> list[str]:
        """As ``Journal``: those that are loaded."""
        rows = self._run(
            "SELECT resource_id FROM bronze.resource WHERE source_system = %s AND resource_type = 'Patient' "
            "AND outcome = 'loaded' ORDER BY resource_key",
            self._source,
        )
        return [str(row[0]) for row in rows]

    def _run(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with without_row_values(), self._database.connect(Role.INGEST) as connection:
            return connection.execute(cast("Any", query), values).fetchall()
