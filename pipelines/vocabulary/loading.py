"""Loading: a new version is filled beside the one in use and takes its place in one transaction.

Until then nothing of the one in use is touched, so a load that fails or is killed leaves it in force; what it left in
``vocab_next`` is removed by the next.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from pipelines.vocabulary.changes import find_changes
from pipelines.vocabulary.copying import Copied
from pipelines.vocabulary.files import VocabularyError, VocabularyFile, vocabulary_files
from pipelines.vocabulary.filling import fill_next
from pipelines.vocabulary.reporting import VocabularyReport, latest_release, report
from pipelines.vocabulary.tables import TABLES, VALUE_SETS
from pipelines.vocabulary.value_sets import replace_value_sets
from pipelines.vocabulary.versions import add_starter, remove_next, require_no_dependent_view, switch
from resources import locks
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress

_STARTER = Path(__file__).parent / "starter"


def _silent(_stage: str, _done: int, _total: int | None) -> None:
    """Tell nobody."""


def ensure_starter(database: Database) -> VocabularyReport:
    """Load the shipped starter vocabulary if there is none, or an earlier one; waits for no load otherwise.

    The report is without what the release concerns: every command begins with this.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused, or its disk is full.
    """
    if not _wants_starter(database):
        return report(database, concerns=False)
    with _alone(database) as connection:
        changed = _wants_starter(database)
        if changed:
            _replace_vocabulary(database, connection, {}, _silent)
    return report(database, changed=changed, concerns=False)


def _wants_starter(database: Database) -> bool:
    """Whether the release in use is none, or a starter of another version of Sanctum; a download stays."""
    release = latest_release(database)
    return release is None or (not release.files and release.content_sha256 != _content_sha256({}))


def load_vocabulary(database: Database, directory: Path, update: Progress = _silent) -> VocabularyReport:
    """Load an Athena download, with the starter's rows under it, and switch to it at once.

    The same content as that in use changes nothing. ``valuesets.csv`` (columns oid, name, system, code, display), alone
    or beside it, replaces the site's value sets.

    Args:
        database: the warehouse.
        directory: folder or zip with CONCEPT.csv, CONCEPT_RELATIONSHIP.csv and CONCEPT_ANCESTOR.csv, and the other
            vocabulary tables of CDM 5.4 where it has them; each may be gzip.
        update: told of each table that is done.

    Raises:
        VocabularyError: a file is missing, has other columns, or a line of it breaks a rule; nothing is changed.
        resources.postgres.DatabaseUnavailableError: the database refused, or its disk is full; nothing is changed.
    """
    files = vocabulary_files(directory)
    download = {stem: file for stem, file in files.items() if stem != VALUE_SETS}
    missing = [table.stem for table in TABLES if table.required and table.stem not in download]
    if missing and (download or VALUE_SETS not in files):
        raise VocabularyError(f"{directory} lacks {', '.join(missing)}: unpack an Athena download there")
    changed = False
    with _alone(database) as connection:
        if download and VALUE_SETS in files:
            # So that what is wrong with them is known before the vocabulary is another.
            with connection.transaction(force_rollback=True):
                replace_value_sets(connection, files[VALUE_SETS])
        if download and not _is_in_use(database, download):
            _replace_vocabulary(database, connection, download, update)
            changed = True
        if VALUE_SETS in files:
            with connection.transaction():
                changed = replace_value_sets(connection, files[VALUE_SETS]) or changed
    return report(database, changed=changed)


@contextlib.contextmanager
def _alone(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit under the lock that lets one load at a time."""
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        locks.hold(connection, locks.VOCABULARY)
        yield connection


def _content_sha256(hashes: Mapping[str, str]) -> str:
    """Hash of a version by its files' hashes; of the shipped starter too, as its rows are under every download."""
    digest = hashlib.sha256()
    for chosen in (_hashes(vocabulary_files(_STARTER)), hashes):
        for table in TABLES:
            digest.update(chosen.get(table.stem, "-").encode())
    return digest.hexdigest()


def _hashes(files: Mapping[str, VocabularyFile]) -> dict[str, str]:
    return {stem: file.sha256() for stem, file in files.items()}


def _is_in_use(database: Database, files: Mapping[str, VocabularyFile]) -> bool:
    """Whether the version in use came from this content; files are read only where their lengths leave it open."""
    release = latest_release(database)
    if release is None or release.files.keys() != files.keys():
        return False
    for stem, file in files.items():
        length = file.byte_length()
        if length is not None and length != release.files[stem]["byte_length"]:
            return False
    return release.content_sha256 == _content_sha256(_hashes(files))


def _replace_vocabulary(
    database: Database,
    connection: psycopg.Connection[Any],
    files: Mapping[str, VocabularyFile],
    update: Progress,
) -> None:
    """Replace it by these files, or by the starter where there are none."""
    require_no_dependent_view(connection)
    remove_next(connection)
    try:
        starter = vocabulary_files(_STARTER)
        copied = fill_next(database, files or starter, update)
        added = add_starter(connection, starter) if files else {}
        changes = find_changes(connection)
        hashes = {stem: copied[stem].sha256 for stem in files}
        switch(
            connection,
            {
                "content_sha256": _content_sha256(hashes),
                "concepts": _rows(copied, added, "concept"),
                "relationships": _rows(copied, added, "concept_relationship"),
                "ancestors": _rows(copied, added, "concept_ancestor"),
                "files": {stem: asdict(copied[stem]) for stem in files},
                "changes": changes,
            },
        )
    except BaseException:
        # What is left would take as much disk as the version in use until the next load.
        if not connection.closed:
            remove_next(connection)
        raise


def _rows(copied: Mapping[str, Copied], added: Mapping[str, int], table: str) -> int:
    return copied[table.upper()].rows + added.get(table, 0)
