"""A group of messages to landing in one transaction: durable when it returns, or nothing of it happened.

Synchronous and for one thread at a time; ``pipelines.hl7.mllp.store`` runs it beside the event loop.
"""

import contextlib
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from pipelines import quarantine, tombstones
from pipelines.account import Account
from pipelines.hl7.erased import Judge, Verdict
from pipelines.hl7.landing import SPLIT, insert_messages, insertion
from pipelines.hl7.mllp.arrival import Arrival, Fate
from pipelines.hl7.mllp.exchange import prepare
from pipelines.hl7.statements import statement
from pipelines.landing import LandingError, register, store
from pipelines.quarantine import QuarantinedRecord
from resources import audit, locks
from resources.postgres import Database, DatabaseUnavailableError, Role, error_summary
from resources.settings import Settings

REFUSED_BY_DATABASE = "refused_by_database"

_CONNECT_SECONDS = 5
_SESSION = (
    "SET synchronous_commit TO on; SET lock_timeout TO '5s'; SET client_min_messages TO error; "
    "SET plan_cache_mode TO force_generic_plan"
)
"""An erasure holds the lock of landing for minutes: then the store counts as down and the writer comes again.

A plan of its own would cost a small group a third of the server's time, and would be the same."""

_RECEIVE = sql.SQL(statement("receive_messages").decode()).format(insert=sql.SQL(statement("insert_messages").decode()))

_OF_ONE_MESSAGE = ("22", "23", "54")
"""Classes of SQLSTATE that blame the data: data exceptions, constraints, limits such as an index entry's length."""


class StoreDownError(RuntimeError):
    """Nothing can be stored now; the same group may be tried again. The text carries no row values."""


class Writer:
    """Stores groups of messages by a connection that it opens when it is needed."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Write to ``database``; bytes that are kept apart go to the settings' landing directory."""
        self._settings = settings
        self._database = database
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any] | None:
        """The connection, idle and prepared for exchanges between writes; None while there is none."""
        return None if self._connection is None or self._connection.closed else self._connection

    def write(self, arrivals: Sequence[Arrival]) -> list[Fate]:
        """Store messages in one transaction, and those to be kept apart in one each; what became of each, in order.

        Where the database refuses the data of a message, the group is stored one by one and that message kept apart.

        Raises:
            StoreDownError: nothing is known to be stored; whatever is will be known when the group is tried again.
        """
        landed = [arrival for arrival in arrivals if arrival.is_landed]
        fates = iter(self._write(landed) if landed else ())
        return [
            next(fates) if arrival.is_landed else self._keep_apart(arrival, str(arrival.problem))
            for arrival in arrivals
        ]

    def close(self) -> None:
        """Close the connection; the next group opens another."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
        self._connection = None

    def cancel(self) -> None:
        """Ask the server to end the statement that another thread waits for."""
        if self._connection is not None:
            # A server that is gone has no statement to end.
            with contextlib.suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=1)

    def _write(self, arrivals: Sequence[Arrival]) -> list[Fate]:
        try:
            return self._commit(self._connected(), arrivals)
        except psycopg.Error as error:
            if not isinstance(error, psycopg.DataError) and (error.sqlstate or "")[:2] not in _OF_ONE_MESSAGE:
                raise self._down(error) from None
            self._roll_back()
        except UnicodeError:
            # The database's encoding lacks a character of the header.
            self._roll_back()
        except DatabaseUnavailableError as error:
            self.close()
            raise StoreDownError(str(error)) from None
        if len(arrivals) == 1:
            self._keep_apart(arrivals[0], REFUSED_BY_DATABASE)
            return [Fate.NOT_STORED]
        return [fate for arrival in arrivals for fate in self._write([arrival])]

    def _commit(self, connection: psycopg.Connection[Any], arrivals: Sequence[Arrival]) -> list[Fate]:
        """All of a group in one round trip, unless an erased person is named."""
        named = [arrival.header.whose for arrival in arrivals if arrival.header.whose is not None]
        people = {key for whose in named for key in whose.keys}
        identifiers = {one.identifier for whose in named for one in whose.identities}
        rows = [{"byte_offset": None, **arrival.header.columns} for arrival in arrivals]
        parameters = insertion(None, rows, people, identifiers) | {"received": len(rows)}
        with connection.pipeline():
            locks.share_in_transaction(connection, locks.LANDING)
            # The event is written even of a group without a new message: its commit makes sure that what a former
            # transaction stored is on the disk as well.
            cursor = connection.execute(_RECEIVE, parameters)
            connection.commit()
        stored, is_erased, _ = cursor.fetchone() or (0, True, None)
        if is_erased:
            return self._commit_judged(connection, arrivals, people, identifiers)
        return [Fate.STORED] * stored + [Fate.KNOWN] * (len(arrivals) - stored)

    def _commit_judged(
        self,
        connection: psycopg.Connection[Any],
        arrivals: Sequence[Arrival],
        people: Iterable[int],
        identifiers: Iterable[bytes],
    ) -> list[Fate]:
        """As ``_commit``, of a group that names erased people."""
        locks.share_in_transaction(connection, locks.LANDING)
        judge = Judge(connection, tombstones.named(connection, people, identifiers))
        verdicts = [judge.judge(one.header.whose, one.header.columns["trigger_event"]) for one in arrivals]
        judged = list(zip(arrivals, verdicts, strict=True))
        rows = [{"byte_offset": None, **one.header.columns} for one, verdict in judged if verdict is Verdict.KEPT]
        stored = insert_messages(connection, None, rows) if rows else []
        _record(connection, "landing.hl7_message", [message_id for message_id, _, _ in stored], len(arrivals))
        connection.commit()
        for arrival, verdict in judged:
            if verdict is Verdict.DISPUTED:
                self._keep_apart(arrival, "erased_identifier")
        fates = {Verdict.KEPT: Fate.STORED, Verdict.ERASED: Fate.ERASED, Verdict.DISPUTED: Fate.APART}
        return [fates[verdict] for verdict in verdicts]

    def _keep_apart(self, arrival: Arrival, reason: str) -> Fate:
        """Land bytes as a file of their own that no load reads, with a record of quarantine that points at it."""
        directory = self._settings.landing_directory
        try:
            connection = self._connected()
            locks.share_in_transaction(connection, locks.LANDING)
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=directory, prefix="incoming-mllp-") as stream:
                stream.write(arrival.body)
                stream.flush()
                sha256, length = store(self._settings, Path(stream.name))
            file = register(connection, sha256, length, "hl7v2", False)
            quarantine.keep(connection, [QuarantinedRecord(f"{sha256}@0", reason, file.file_id, None, 0)])
            account = Account()
            account.read["unknown"] += 1
            account.quarantined[reason] += 1
            connection.execute(
                "INSERT INTO landing.file_load (file_id, source_system, mapping_profile, mapping_version, account) "
                "VALUES (%(file_id)s, %(source_system)s, %(mapping_profile)s, %(mapping_version)s, %(account)s) "
                "ON CONFLICT DO NOTHING",
                {"file_id": file.file_id, "account": Jsonb(account.as_dict()), **SPLIT},
            )
            _record(connection, "landing.file", [file.file_id], 1)
            connection.commit()
        except psycopg.Error as error:
            raise self._down(error) from None
        except (LandingError, OSError) as error:
            self._roll_back()
            raise StoreDownError(f"bytes can't be kept apart ({type(error).__name__})") from None
        return Fate.APART

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            try:
                connection = self._database.connect(Role.INGEST, connect_timeout=_CONNECT_SECONDS)
                connection.execute(_SESSION)
                prepare(connection)
            except psycopg.Error as error:
                raise self._down(error) from None
            except DatabaseUnavailableError as error:
                raise StoreDownError(str(error)) from None
            self._connection = connection
        return self._connection

    def _roll_back(self) -> None:
        if self._connection is not None:
            try:
                self._connection.rollback()
            except psycopg.Error as error:
                raise self._down(error) from None

    def _down(self, error: psycopg.Error) -> StoreDownError:
        self.close()
        return StoreDownError(f"database error: {error_summary(error)}")


def _record(connection: psycopg.Connection[Any], kind: str, ids: Sequence[int], received: int) -> None:
    audit.record(
        connection,
        subject="service:ingest",
        purpose="load",
        action="receive",
        object_kind=kind,
        object_ids=ids,
        row_count=len(ids),
        details={"received": received},
    )
