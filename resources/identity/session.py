"""A caller's way into the database: a ticket, claims to persons, and transactions entered with them.

The ticket and each claim are committed, with their audit events, before anything is read: a reader that rolls back is
on record all the same. What a transaction may see ends with it, so a pooled connection carries nothing over.
"""

import contextlib
import hashlib
import hmac
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from resources.identity.database_key import identity_key
from resources.identity.identity import Identity, IdentityError
from resources.identity.policy import load_policy
from resources.postgres import Database, without_row_values
from resources.settings import Settings


class AccessDeniedError(IdentityError):
    """The caller may not do this; the refusal is in the audit log."""


@dataclass(frozen=True)
class Session:
    """An identity that the database knows on one connection, for one purpose.

    Attributes:
        connection: logged in as the identity's role, not in autocommit mode.
        ticket: opens on this connection alone; the audit log names this session by its SHA-256.
        identity: who calls.
        purpose: why.
    """

    connection: psycopg.Connection[Any]
    ticket: uuid.UUID
    identity: Identity
    purpose: str

    def claim(self, person_ids: Iterable[int]) -> frozenset[int]:
        """Put on record that these persons' documents will be read, and return those the caller may.

        Commits. A refusal is an event of its own.

        Raises:
            psycopg.Error: the session has expired, or an event can't be written.
        """
        row = self.connection.execute(
            "SELECT access.claim(%s, %s::bigint[])", (self.ticket, list(person_ids))
        ).fetchone()
        self.connection.commit()
        return frozenset(row[0] if row else ())

    def enter(self, person_id: int | None = None) -> None:
        """Let the open transaction see what the caller may: the persons of its sites and teams.

        Args:
            person_id: a claimed person, whose documents the transaction then sees too.

        Raises:
            psycopg.Error: the session has expired, or the person is not claimed.
        """
        self.connection.execute("SELECT access.enter(%s, %s)", (self.ticket, person_id))

    def record(
        self,
        *,
        action: str,
        object_kind: str,
        person_id: int | None = None,
        object_ids: Sequence[int] = (),
        row_count: int = 0,
        details: Mapping[str, str | int | float | None] | None = None,
    ) -> None:
        """Append an audit event in the entered transaction, under this session's subject and purpose.

        Args:
            action: ``read``; for role embed also ``embed``, for infer also ``model-call``; an auditor's are
                ``disclosure-accounting``, ``export``, ``restore-signed-heads`` and ``emergency-review``.
            object_kind: the table or kind of thing acted on.
            person_id: whose data, as in ``omop.person``; whom the caller sees.
            object_ids: keys of the rows, such as chunk ids.
            row_count: how many rows were read or written.
            details: hashes and counts; never content.

        Raises:
            psycopg.Error: the event can't be written, the action is none of this role's, or the caller does not see
                the person; the transaction is then aborted.
        """
        self.connection.execute(
            "SELECT access.record(%s, %s, %s, %s::bigint[], %s, %s)",
            (action, person_id, object_kind, list(object_ids), row_count, Jsonb(dict(details or {}))),
        )

    def record_each(
        self,
        *,
        action: str,
        object_kind: str,
        rows: Mapping[int, int],
        details: Mapping[str, str | int | float | None] | None = None,
    ) -> None:
        """Append an event for each of many persons, as ``record`` does for one; if there is nobody, one without.

        Args:
            action: as in ``record``.
            object_kind: the table or kind of thing acted on.
            rows: ``person_id`` to how many of its rows were read or written.
            details: hashes and counts, the same for all.

        Raises:
            psycopg.Error: as ``record``.
        """
        if not rows:
            self.record(action=action, object_kind=object_kind, details=details)
            return
        self.connection.execute(
            "SELECT access.record_each(%s, %s, %s::bigint[], %s::bigint[], %s)",
            (action, object_kind, list(rows), list(rows.values()), Jsonb(dict(details or {}))),
        )


@contextlib.contextmanager
def open_session(
    settings: Settings, database: Database, identity: Identity, purpose: str | None = None
) -> Iterator[Session]:
    """A session of an identity, on a connection of its own that is logged in as the identity's role.

    Args:
        settings: where the identity key is, and which source system scope names are of.
        database: the warehouse.
        identity: who calls, verified.
        purpose: why; default: the identity's first purpose.

    Raises:
        AccessDeniedError: the identity may not state this purpose, or has none.
        resources.identity.database_key.IdentityKeyError: the key file can't be used.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    stated = purpose or next(iter(identity.purposes), "")
    if stated not in identity.purposes:
        raise AccessDeniedError("this identity may not state that purpose; the access policy lists those it may.")
    with without_row_values(), database.connect(identity.role) as connection:
        yield open_on(settings, connection, identity, stated)


@contextlib.contextmanager
def open_service_session(settings: Settings, database: Database, service: str) -> Iterator[Session]:
    """A session of one of Sanctum's own processes, as the access policy's section ``services`` has it.

    Raises:
        resources.identity.PolicyError: the policy has no such service, or can't be read.
        as ``open_session``.
    """
    with open_session(settings, database, load_policy(settings).service(service)) as session:
        yield session


def open_on(settings: Settings, connection: psycopg.Connection[Any], identity: Identity, purpose: str) -> Session:
    """A session on a connection that exists, such as a pool's; commits.

    What another caller left on the connection ends: its ticket, cursors held open, and temporary tables.

    Raises:
        ValueError: the connection is in autocommit mode, where what a transaction may see would not reach the next
            statement.
        psycopg.Error: the database does not take the identity.
    """
    if connection.autocommit:
        raise ValueError("a session's reads are transactions: turn autocommit off")
    connection.execute("CLOSE ALL")
    connection.execute("DISCARD TEMP")
    claims = _claims(settings, identity, purpose)
    mac = hmac.new(identity_key(settings), f"open {claims}".encode(), hashlib.sha256).digest()
    row = connection.execute("SELECT access.open(%s, %s)", (claims, mac)).fetchone()
    connection.commit()
    assert row is not None
    return Session(connection, row[0], identity, purpose)


def _claims(settings: Settings, identity: Identity, purpose: str) -> str:
    return json.dumps(
        {
            "nonce": str(uuid.uuid4()),
            "role": identity.role.value,
            "subject": identity.subject,
            "purpose": purpose,
            "everyone": identity.everyone,
            "scopes": [_qualified(settings, name) for name in (*identity.care_sites, *identity.care_teams)],
            "sensitivities": list(identity.sensitivities),
            "may_break_glass": identity.may_break_glass,
            "expires": identity.expires_at.timestamp(),
        }
    )


def _qualified(settings: Settings, name: str) -> str:
    """A scope's name with its source system, as ``access.scope_name`` has it."""
    return name if "|" in name else f"{settings.source_system}|{name}"


@contextlib.contextmanager
def reading(session: Session, person_id: int) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that sees one person's documents, committed at the end.

    Raises:
        AccessDeniedError: the caller may not see this person.
    """
    if person_id not in session.claim([person_id]):
        raise AccessDeniedError(
            "this person is in the care of none of the caller's sites and teams; in an emergency: sanctum break-glass."
        )
    session.enter(person_id)
    yield session.connection
    session.connection.commit()
