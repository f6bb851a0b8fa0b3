"""Landing files of folders and of object stores alike; an object that was landed and has not changed is not read."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from pipelines.landing import InputError, LandedFile, LandingReport, find_files, land_files, landed_path
from pipelines.object_store.address import Source, read_address
from resources import locks
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings

if TYPE_CHECKING:
    from pipelines.object_store.reading import StoredObject

KindOf = Callable[[Path, str | None], str]
"""What a file's content is, by the content and by its name where it came from if the path is another."""


def land_sources(
    settings: Settings,
    database: Database,
    sources: Iterable[Source],
    suffixes: Sequence[str],
    kind_of: KindOf,
    progress: Progress | None = None,
    *,
    may_be_empty: bool = False,
) -> LandingReport:
    """Land files of paths and objects of URLs.

    Args:
        suffixes: as ``pipelines.landing.find_files``; a URL that ends so is one object.

    Raises:
        pipelines.landing.InputError: a path does not exist, or nothing is there to load.
        pipelines.landing.LandingError: bytes can't be written, for instance on a full disk.
        ObjectStoreError: an object store may not be connected to, can't be reached or refuses.
    """
    sources = list(sources)
    urls = [source for source in sources if isinstance(source, str)]
    paths = [source for source in sources if isinstance(source, Path)]
    report = LandingReport(0, 0, 0, ())
    if paths or not urls:
        files = find_files(paths, suffixes, may_be_empty=may_be_empty)
        report = land_files(settings, database, files, lambda path: kind_of(path, None), progress)
    if urls:
        objects = _land_objects(settings, database, urls, suffixes, kind_of, progress, may_be_empty=may_be_empty)
        report = _together([report, objects])
    return report


def _together(reports: Sequence[LandingReport]) -> LandingReport:
    return LandingReport(
        sum(report.files_new for report in reports),
        sum(report.files_known for report in reports),
        sum(report.bytes for report in reports),
        tuple(file for report in reports for file in report.files),
    )


def _land_objects(
    settings: Settings,
    database: Database,
    urls: Sequence[str],
    suffixes: Sequence[str],
    kind_of: KindOf,
    progress: Progress | None,
    *,
    may_be_empty: bool,
) -> LandingReport:
    # dlt takes a second to import, and paths don't need it.
    from pipelines.object_store.reading import downloaded, list_objects

    found: dict[bytes, StoredObject] = {}
    for number, address in enumerate([read_address(url, suffixes) for url in urls], start=1):
        listed = list_objects(settings, address, suffixes)
        if not listed and not may_be_empty:
            raise InputError(
                f"nothing to load: URL number {number} has no object ending in {', '.join(suffixes)} (or those with "
                ".gz)."
            )
        found.update((stored.object_sha256, stored) for stored in listed)
    reports: list[LandingReport] = []
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        # An erasure waits while bytes are on their way to landing.
        locks.share(connection, locks.FHIR_FILES)
        for number, stored in enumerate(found.values(), start=1):
            report = _unchanged(settings, connection, stored)
            if report is None:
                with downloaded(stored, settings.landing_directory) as copy:
                    kind = kind_of(copy, stored.name)
                    report = land_files(settings, database, [copy], {copy: kind}.__getitem__)
                _remember(connection, stored, report.files[0])
            reports.append(report)
            if progress:
                progress("landing objects", number, len(found))
    return _together(reports)


def _unchanged(settings: Settings, connection: psycopg.Connection[Any], stored: "StoredObject") -> LandingReport | None:
    """The object's file if this version of it was landed and the bytes, or what an erasure left of them, are there."""
    row = connection.execute(
        "SELECT file_id, encode(sha256, 'hex'), kind, gzip, byte_length FROM landing.object "
        "INNER JOIN landing.file USING (file_id) WHERE object_sha256 = %s AND version_sha256 = %s",
        (stored.object_sha256, stored.version_sha256),
    ).fetchone()
    if row is None or not landed_path(settings, row[1]).exists():
        return None
    file_id, sha256, kind, gzipped, length = row
    return LandingReport(0, 1, length, (LandedFile(file_id, sha256, kind, gzipped, False),))


def _remember(connection: psycopg.Connection[Any], stored: "StoredObject", file: LandedFile) -> None:
    connection.execute(
        "INSERT INTO landing.object (object_sha256, version_sha256, file_id) VALUES (%s, %s, %s) "
        "ON CONFLICT (object_sha256) DO UPDATE SET version_sha256 = excluded.version_sha256, "
        "file_id = excluded.file_id, landed_at = now()",
        (stored.object_sha256, stored.version_sha256, file.file_id),
    )
