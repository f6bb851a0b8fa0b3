"""What a session may say, write and keep: its ticket, its events, and what ends it before its time."""

from dataclasses import replace

import psycopg
import pytest

from resources.identity import emergency
from resources.identity.database_key import install_key
from resources.identity.session import open_on, open_session
from resources.postgres import Database, Role
from resources.warehouse import open_care_gaps
from tests.boundary.conftest import Warehouse
from tests.boundary.people import PERSON, key
from tests.conftest import superuser
from tests.identities import identity

EAST = identity(care_sites=("Organization/east",))
WEST = identity(subject="dr-west", care_sites=("Organization/west",))
EVERYONE = identity(everyone=True)
DENIED = psycopg.errors.InsufficientPrivilege
CHUNKS = b"SELECT DISTINCT person_id FROM retrieval.document_chunk"


def test_consent_is_told_of_persons_in_view_alone(shared_warehouse: Warehouse) -> None:
    """Dan gave no consent and Eve did, as whoever sees them may know; of anybody else the answer is no."""
    asked = "SELECT access.may_see(%s, '{42CFRPart2}')"

    def consents(**grants: tuple[str, ...]) -> list[bool]:
        who = identity(sensitivities=("42CFRPart2",), **grants)
        with open_session(shared_warehouse.settings, shared_warehouse.database, who) as session:
            session.enter()
            found = [session.connection.execute(asked, (PERSON[name],)).fetchone() for name in ("dan", "eve")]
            return [row[0] for row in found if row]

    assert consents(care_sites=("Organization/east",)) == [False, True]
    assert consents(care_sites=("Organization/west",)) == [False, False]
    assert consents() == [False, False]


@pytest.mark.parametrize("role", [Role.INFER, Role.REVIEWER])
def test_no_reader_asks_which_rows_are_closed_to_models(shared_warehouse: Warehouse, role: Role) -> None:
    with shared_warehouse.database.connect(role) as connection, pytest.raises(DENIED):
        connection.execute("SELECT access.closed_to_models('note', 1)")


def test_nobody_reads_in_which_scope_a_person_is(shared_warehouse: Warehouse) -> None:
    """One of a caller's sites may be a programme's."""
    who = identity(care_sites=("Organization/east", "Organization/wharf"))
    with open_session(shared_warehouse.settings, shared_warehouse.database, who) as session:
        session.enter()
        for column in ("scope_id", "*"):
            with pytest.raises(DENIED), session.connection.transaction():
                session.connection.execute(f"SELECT {column} FROM access.person_scope".encode())
        with pytest.raises(DENIED), session.connection.transaction():
            session.connection.execute(
                "SELECT person_id FROM access.person_scope WHERE scope_id = %s", (key("Organization", "wharf"),)
            )


@pytest.mark.parametrize(
    ("action", "person"),
    [("claim", "ann"), ("break-glass-denied", "ann"), ("model-call", "ann"), ("export", "ann"), ("read", "bob")],
)
def test_a_session_records_what_it_does_about_whom_it_sees(
    shared_warehouse: Warehouse, action: str, person: str
) -> None:
    with open_session(shared_warehouse.settings, shared_warehouse.database, EAST) as session:
        session.enter()
        session.record(action="read", object_kind="omop.note", person_id=PERSON["ann"])
        with pytest.raises(DENIED):
            session.record(action=action, object_kind="omop.note", person_id=PERSON[person])
        session.connection.rollback()


def test_an_auditor_writes_under_its_own_name(shared_warehouse: Warehouse) -> None:
    settings, database = shared_warehouse.settings, shared_warehouse.database
    auditor = identity(Role.AUDITOR, "auditor", purposes=("HCOMPL",))
    with open_session(settings, database, auditor) as session:
        session.enter()
        for statement in (
            "SELECT audit.append('dr-innocent', 'TREAT', 'read', 1, 'omop.note', '{}', 1, '{}')",
            "SELECT access.append_own('read', 1, 'omop.note', '{}', 1, '{}')",
            "SELECT access.record('read', 1, 'omop.note', '{}', 1, '{}')",
            "SELECT access.claim(gen_random_uuid(), '{1}')",
        ):
            with pytest.raises(DENIED), session.connection.transaction():
                session.connection.execute(statement.encode())
        with pytest.raises(DENIED):
            session.connection.execute("SELECT access.acknowledge(gen_random_uuid(), 1)")
        session.connection.rollback()
        # Without entering, that is without a ticket of this connection, nothing is written.
        with pytest.raises(DENIED):
            session.record(action="export", object_kind="audit.event")
        session.connection.rollback()


def test_the_audit_log_has_no_ticket_and_a_ticket_is_of_one_connection(shared_warehouse: Warehouse) -> None:
    settings, database = shared_warehouse.settings, shared_warehouse.database
    with open_session(settings, database, EVERYONE) as session:
        session.claim([PERSON["ann"]])
        assert str(session.ticket) not in str(shared_warehouse.rows("SELECT details FROM audit.event"))
        assert str(session.ticket) not in str(shared_warehouse.rows("SELECT * FROM access.ticket"))
        with database.connect(Role.REVIEWER) as other:
            stolen = replace(session, connection=other)
            with pytest.raises(DENIED):
                stolen.enter(PERSON["ann"])
            other.rollback()
            with pytest.raises(DENIED):
                stolen.claim([PERSON["ann"]])
            other.rollback()
        session.enter(PERSON["ann"])


def test_an_emergency_that_is_over_closes_what_is_open(warehouse: Warehouse) -> None:
    settings, database, bob = warehouse.settings, warehouse.database, PERSON["bob"]
    doctor = identity(care_sites=("Organization/east",), may_break_glass=True)
    emergency.break_glass(settings, database, doctor, bob, "unconscious in the emergency room", 10)
    with open_session(settings, database, doctor) as session:
        assert session.claim([bob]) == {bob}
        session.enter(bob)
        assert session.connection.execute(CHUNKS).fetchall() == [(bob,)]
        with warehouse.superuser() as connection:
            connection.execute("UPDATE access.emergency_access SET expires_at = now() - interval '1 second'")
        assert session.connection.execute(CHUNKS).fetchall() == []
        with pytest.raises(DENIED):
            session.record(action="read", object_kind="retrieval.document_chunk", person_id=bob)
        session.connection.rollback()
        with pytest.raises(DENIED):
            session.enter(bob)


def test_who_leaves_a_sites_care_leaves_the_view_of_open_sessions(warehouse: Warehouse) -> None:
    with open_session(warehouse.settings, warehouse.database, EAST) as session:
        session.claim([PERSON["ann"]])
        with warehouse.superuser() as connection:
            connection.execute("DELETE FROM access.person_scope WHERE person_id = %s", (PERSON["ann"],))
        with pytest.raises(DENIED):
            session.enter(PERSON["ann"])


def test_another_identity_key_ends_every_ticket(warehouse: Warehouse) -> None:
    with open_session(warehouse.settings, warehouse.database, EVERYONE) as session:
        install_key(warehouse.settings, warehouse.database)
        session.enter()
        session.connection.commit()
        warehouse.settings.identity_key_path.unlink()
        install_key(warehouse.settings, warehouse.database)
        with pytest.raises(DENIED):
            session.enter()


def test_the_next_caller_on_a_connection_finds_nothing_of_the_last(shared_warehouse: Warehouse) -> None:
    settings, database = shared_warehouse.settings, shared_warehouse.database
    with database.connect(Role.REVIEWER) as connection:
        session = open_on(settings, connection, EAST, "TREAT")
        session.claim([PERSON["ann"]])
        session.enter(PERSON["ann"])
        connection.execute("PREPARE later AS SELECT 1")
        connection.execute(b"DECLARE kept CURSOR WITH HOLD FOR " + CHUNKS)
        # Copies of a database have PostgreSQL's own rights on it, so this one lets callers have temporary tables.
        connection.execute(b"CREATE TEMPORARY TABLE kept AS " + CHUNKS)
        connection.commit()
        open_on(settings, connection, WEST, "TREAT")
        assert connection.execute("EXECUTE later").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InvalidCursorName), connection.transaction():
            connection.execute("FETCH ALL FROM kept")
        with pytest.raises(psycopg.errors.UndefinedTable), connection.transaction():
            connection.execute("SELECT * FROM kept")
        with pytest.raises(DENIED):
            session.enter(PERSON["ann"])


def test_only_loading_and_building_have_temporary_tables(server: Database) -> None:
    name = dict(server.parameters)["dbname"]
    query = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, 'sanctum_') AND rolname <> 'sanctum_owner' AND "
    with superuser(server) as connection:
        found = connection.execute(
            f"{query} has_database_privilege(oid, %s, 'TEMPORARY') ORDER BY 1".encode(), (name,)
        ).fetchall()
    assert found == [("sanctum_ingest",), ("sanctum_transform",)]


@pytest.mark.parametrize(
    "function", ["retrieval.chunks_holding", "inference.adjudications_holding", "access.reasons_holding"]
)
def test_the_eraser_counts_words_of_an_erasure_under_way_alone(warehouse: Warehouse, function: str) -> None:
    asked = f"SELECT {function}(%s)".encode()
    with warehouse.superuser() as connection:
        connection.execute(
            "INSERT INTO landing.erasure (person_id, person_keys, reason_code, subject, state) "
            "VALUES (1, '{}', 'court-order', 'clerk', 'erased'), (2, '{}', 'court-order', 'clerk', 'verified')"
        )
        connection.execute(
            "INSERT INTO landing.erasure_token VALUES (1, 'sentence', 'was seen'), (2, 'sentence', 'Ann')"
        )
    with warehouse.database.connect(Role.ERASER) as connection:
        for guess in ("was see", "Ann", "was seen a"):
            with pytest.raises(DENIED), connection.transaction():
                connection.execute(asked, (["was seen", guess],))
        assert connection.execute(asked, (["was seen"],)).fetchone() in ((8,), (0,))
    events = "SELECT subject, purpose, person_id, database_role FROM audit.event WHERE action = 'erase-sweep'"
    assert warehouse.rows(events) == [("clerk", "court-order", 1, "sanctum_eraser")]


def test_who_lists_open_gaps_is_on_record_for_each_person(warehouse: Warehouse) -> None:
    with warehouse.superuser() as connection:
        connection.execute(
            "UPDATE features.care_gap SET status = 'open', sensitivity = '{}' WHERE person_id = ANY(%s)",
            ([PERSON[name] for name in ("ann", "bob", "dan")],),
        )
    who = replace(EAST, subject="dr-bulk")
    gaps = open_care_gaps(warehouse.settings, warehouse.database, who, 100)
    listed = sorted({gap["person_id"] for gap in gaps})
    events = "SELECT person_id, row_count FROM audit.event WHERE subject = 'dr-bulk' AND action = 'read' ORDER BY 1"
    assert listed == sorted(PERSON[name] for name in ("ann", "dan"))
    assert warehouse.rows(events) == [(person, sum(gap["person_id"] == person for gap in gaps)) for person in listed]
    assert open_care_gaps(warehouse.settings, warehouse.database, identity(subject="dr-none"), 100) == []
    nothing = "SELECT person_id, row_count FROM audit.event WHERE subject = 'dr-none' AND action = 'read'"
    assert warehouse.rows(nothing) == [(None, 0)]


def test_an_auditors_login_reads_no_decisions_of_persons_without_a_ticket(shared_warehouse: Warehouse) -> None:
    decisions = "SELECT count(*) > 0 FROM access.consent"
    with shared_warehouse.database.connect(Role.AUDITOR) as connection:
        assert connection.execute(decisions).fetchone() == (False,)
    who = identity(Role.AUDITOR, "auditor")
    with open_session(shared_warehouse.settings, shared_warehouse.database, who) as session:
        session.enter()
        assert session.connection.execute(decisions).fetchone() == (True,)
