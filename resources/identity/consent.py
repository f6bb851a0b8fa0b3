"""A person's decisions about records under a label, such as 42 CFR Part 2: recorded here or sent by the source."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from resources.identity.identity import Identity
from resources.identity.session import open_session, reading
from resources.postgres import Database
from resources.settings import Settings


@dataclass(frozen=True)
class Consent:
    """One decision; of those in force the newest counts. Both days are included, ``ends_on`` None: open."""

    code: str
    decision: str
    starts_on: date
    ends_on: date | None
    decided_at: datetime
    origin: str


def record_consent(
    settings: Settings,
    database: Database,
    identity: Identity,
    person_id: int,
    code: str,
    decision: str,
    starts_on: date,
    ends_on: date | None,
) -> int:
    """Record a decision with its audit event; it counts from the next statement on.

    Args:
        settings: where the identity key is.
        database: the warehouse.
        identity: who records it: of role reviewer, and the person in its care.
        person_id: as in ``omop.person``.
        code: of ``access.sensitivity``.
        decision: ``permit`` or ``deny``.
        starts_on: first day.
        ends_on: last day, or None.

    Returns:
        The consent's number.

    Raises:
        ValueError: the decision is neither, or it ends before it starts.
        resources.identity.session.AccessDeniedError: the caller may not see this person.
        resources.postgres.DatabaseUnavailableError: the database refused: no reviewer, or no such code.
    """
    if decision not in ("permit", "deny"):
        raise ValueError("a decision is permit or deny")
    if ends_on is not None and ends_on < starts_on:
        raise ValueError("a consent can't end before it starts")
    with open_session(settings, database, identity) as session, reading(session, person_id) as connection:
        row = connection.execute(
            "SELECT access.record_consent(%s, %s, %s, %s)", (code, decision, starts_on, ends_on)
        ).fetchone()
        assert row is not None
        return int(row[0])


def consents_of(settings: Settings, database: Database, identity: Identity, person_id: int) -> list[Consent]:
    """A person's decisions, newest first; the read is audited.

    Raises:
        resources.identity.session.AccessDeniedError: the caller may not see this person.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with (
        open_session(settings, database, identity) as session,
        reading(session, person_id) as connection,
        connection.cursor(row_factory=class_row(Consent)) as cursor,
    ):
        found = cursor.execute(
            "SELECT code, decision, starts_on, ends_on, decided_at, origin FROM access.consent "
            "ORDER BY decided_at DESC, decision"
        ).fetchall()
        session.record(action="read", object_kind="access.consent", person_id=person_id, row_count=len(found))
        return found
