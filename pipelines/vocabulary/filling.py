"""Files into tables, two at a time: while one table is indexed another is copied, so that two cores have work."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import psycopg
from psycopg import sql

from pipelines.vocabulary.copying import Copied, copy_file
from pipelines.vocabulary.files import VocabularyFile
from pipelines.vocabulary.tables import TABLES, VocabularyTable
from pipelines.vocabulary.versions import create_next, index_next
from resources.postgres import Database, Role
from resources.progress import Progress

CONNECTIONS = 2
"""Tables at once."""
_SORT_MEMORY = "192MB"
"""Of the server, for each table that is being indexed."""
_CANCEL_SECONDS = 30.0


def fill_next(database: Database, files: Mapping[str, VocabularyFile], update: Progress) -> dict[str, Copied]:
    """Make, fill and index every table of the next version; what became of each file, by stem.

    A table whose file isn't there is made empty. Where one fails the others are stopped.

    Raises:
        VocabularyError: a file can't be loaded.
        psycopg.Error: the server failed.
    """
    sizes = {stem: file.byte_length() or 0 for stem, file in files.items()}
    # The largest first, so that no core is left with it alone at the end.
    tables = sorted(TABLES, key=lambda table: sizes.get(table.stem, 0), reverse=True)
    work = _Work(database)
    copied: dict[str, Copied] = {}
    with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="vocabulary") as pool:
        try:
            running = {pool.submit(work.fill, table, files.get(table.stem)): table for table in tables}
            for done, future in enumerate(as_completed(running), start=1):
                found = future.result()
                if found is not None:
                    copied[running[future].stem] = found
                update("tables of the vocabulary", done, len(tables))
        except BaseException:
            work.stop()
            raise
    return copied


class _Work:
    """The connections that are filling tables, so that they can be stopped."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._connections: set[psycopg.Connection[Any]] = set()

    def stop(self) -> None:
        """Let none go on: files are read no further, and the server gives up what it does."""
        self._stopped.set()
        with self._lock:
            for connection in self._connections:
                connection.cancel_safe(timeout=_CANCEL_SECONDS)

    def fill(self, table: VocabularyTable, file: VocabularyFile | None) -> Copied | None:
        with self._database.connect(Role.INGEST, autocommit=True) as connection:
            with self._lock:
                self._connections.add(connection)
            try:
                return self._fill(connection, table, file)
            finally:
                with self._lock:
                    self._connections.discard(connection)

    def _fill(
        self, connection: psycopg.Connection[Any], table: VocabularyTable, file: VocabularyFile | None
    ) -> Copied | None:
        # A date such as 01/02/1970 is two days to two readers, and is none to this one.
        connection.execute("SET DateStyle = 'ISO, YMD'")
        # Two tables at a time are parallel enough, and each has its memory for sorting.
        connection.execute("SET max_parallel_maintenance_workers = 0")
        connection.execute(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(_SORT_MEMORY)))
        copied = None
        # Made and filled in one transaction, the rows are frozen: every snapshot sees them, and no vacuum has to.
        with connection.transaction():
            self._go_on_or_raise()
            columns = create_next(connection, table.name)
            if file is not None:
                place = sql.Identifier("vocab_next", table.name)
                copied = copy_file(connection, file, place, columns, freeze=True, go_on=self._goes_on)
        self._go_on_or_raise()
        index_next(connection, table)
        return copied

    def _goes_on(self) -> bool:
        return not self._stopped.is_set()

    def _go_on_or_raise(self) -> None:
        if self._stopped.is_set():
            raise InterruptedError
