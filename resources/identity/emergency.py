"""Break-glass: a caller opens one person's record for a time, says why, and an auditor is alerted.

Source: 45 CFR 164.312(a)(2)(ii), emergency access procedure.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from resources.identity.identity import Identity
from resources.identity.session import AccessDeniedError, Session, open_session
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

REASON_CHARACTERS = range(10, 1001)


@dataclass(frozen=True)
class EmergencyAccess:
    """One emergency access; the reason is for auditors' eyes, in ``access.emergency_access``."""

    emergency_access_id: int
    subject: str
    person_id: int
    starts_at: datetime
    expires_at: datetime


def break_glass(
    settings: Settings, database: Database, identity: Identity, person_id: int, reason: str, minutes: int
) -> int:
    """Let a caller claim one person outside its sites and teams; labels stay closed as they are.

    Args:
        settings: where the identity key is.
        database: the warehouse.
        identity: who calls; the policy says whether it may.
        person_id: as in ``omop.person``.
        reason: 10 to 1,000 characters; kept in the database, hashed in the audit log.
        minutes: 1 to 240.

    Returns:
        The emergency access's number.

    Raises:
        ValueError: the reason is too short or too long.
        AccessDeniedError: the policy does not let this caller; the attempt is in the audit log.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    if len(reason) not in REASON_CHARACTERS:
        raise ValueError("a reason has 10 to 1,000 characters")
    with open_session(settings, database, identity) as session:
        row = session.connection.execute(
            "SELECT access.break_glass(%s, %s, %s, %s)", (session.ticket, person_id, reason, minutes)
        ).fetchone()
        session.connection.commit()
    if row is None or row[0] is None:
        raise AccessDeniedError("the access policy gives this caller no emergency access; the attempt is on record.")
    return int(row[0])


def unacknowledged(settings: Settings, database: Database, auditor: Identity) -> list[EmergencyAccess]:
    """Emergency accesses that no auditor has acknowledged, oldest first; looking is audited.

    Raises:
        AccessDeniedError: the caller is no auditor.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with (
        _review(settings, database, auditor) as session,
        session.connection.cursor(row_factory=class_row(EmergencyAccess)) as cursor,
    ):
        session.enter()
        found = cursor.execute(
            "SELECT emergency_access_id, subject, person_id, starts_at, expires_at FROM access.emergency_access "
            "WHERE acknowledged_at IS NULL ORDER BY emergency_access_id"
        ).fetchall()
        session.record(
            action="emergency-review",
            object_kind="access.emergency_access",
            object_ids=[one.emergency_access_id for one in found],
            row_count=len(found),
        )
        session.connection.commit()
    return found


def waiting(database: Database) -> list[int]:
    """Numbers of the emergency accesses that no auditor has acknowledged, for checks: no person, no subject.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), database.connect(Role.AUDITOR) as connection:
        rows = connection.execute("SELECT access.emergencies_waiting()").fetchall()
    return [number for (number,) in rows]


def acknowledge(settings: Settings, database: Database, auditor: Identity, emergency_access_id: int) -> None:
    """Put on record that an auditor looked into an emergency access.

    Raises:
        AccessDeniedError: the caller is no auditor.
        ValueError: there is no such emergency access, it is acknowledged, or the caller opened it itself.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with _review(settings, database, auditor) as session:
        row = session.connection.execute(
            "SELECT access.acknowledge(%s, %s)", (session.ticket, emergency_access_id)
        ).fetchone()
        session.connection.commit()
    if row is None or not row[0]:
        raise ValueError(
            f"emergency access {emergency_access_id} does not wait for an acknowledgement by this caller. Nobody "
            "acknowledges one's own: another user of this machine does, or with a provider another auditor's token."
        )


@contextlib.contextmanager
def _review(settings: Settings, database: Database, auditor: Identity) -> Iterator[Session]:
    if auditor.role is not Role.AUDITOR:
        raise AccessDeniedError("only an auditor reviews emergency access: the access policy says who is one.")
    with open_session(settings, database, auditor) as session:
        yield session
