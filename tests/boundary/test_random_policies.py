"""What SQL returns under row-level security equals what a plain evaluation of the policy says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.identity import Identity
from resources.identity.session import open_session
from resources.postgres import Role
from tests.boundary.conftest import Warehouse
from tests.identities import identity

PERSONS = range(1, 5)
SCOPES = range(11, 14)
CODES = ("42CFRPart2", "PSYTHPN", "HIV", "R")
TODAY = datetime.now(UTC).date()


@dataclass(frozen=True)
class Consent:
    person: int
    code: str
    decision: str
    starts_on: date
    ends_on: date | None
    order: int


@dataclass(frozen=True)
class World:
    """Rows are (key, person, labels)."""

    scopes: frozenset[tuple[int, int]]
    rows: tuple[tuple[int, int, tuple[str, ...]], ...]
    consents: tuple[Consent, ...]


days = st.integers(-3, 3).map(lambda number: TODAY + timedelta(days=number))
worlds = st.builds(
    World,
    st.frozensets(st.tuples(st.sampled_from(PERSONS), st.sampled_from(SCOPES))),
    st.lists(st.tuples(st.sampled_from(PERSONS), st.sets(st.sampled_from(CODES))), max_size=10).map(
        lambda found: tuple((number, person, tuple(sorted(codes))) for number, (person, codes) in enumerate(found))
    ),
    st.lists(
        st.builds(
            Consent,
            st.sampled_from(PERSONS),
            st.sampled_from(CODES),
            st.sampled_from(("permit", "deny")),
            days,
            st.none() | days,
            st.integers(0, 3),
        ),
        max_size=6,
        unique=True,
    ).map(tuple),
)
callers = st.builds(
    lambda role, everyone, scopes, codes: identity(
        role,
        everyone=everyone,
        care_sites=tuple(f"Organization/{scope}" for scope in scopes),
        sensitivities=tuple(codes),
    ),
    st.sampled_from((Role.INFER, Role.REVIEWER)),
    st.booleans(),
    st.sets(st.sampled_from(SCOPES)),
    st.sets(st.sampled_from(CODES)),
)


def allows(world: World, person: int, code: str) -> bool:
    """What the person decided: the newest in force counts, a denial over a permission of the same time."""
    found = [
        consent
        for consent in world.consents
        if (consent.person, consent.code) == (person, code)
        and consent.starts_on <= TODAY
        and (consent.ends_on is None or consent.ends_on >= TODAY)
    ]
    newest = max((consent.order for consent in found), default=None)
    decisions = {consent.decision for consent in found if consent.order == newest}
    return decisions == {"permit"} if decisions else code != "42CFRPart2"


def may(world: World, who: Identity, person: int, labels: tuple[str, ...], claimed: int | None) -> bool:
    sites = {int(name.partition("/")[2]) for name in who.care_sites}
    in_care = who.everyone or person == claimed or any((person, site) in world.scopes for site in sites)
    return in_care and all(
        code in who.sensitivities and not (code == "PSYTHPN" and who.role is Role.INFER) and allows(world, person, code)
        for code in labels
    )


@pytest.fixture(scope="module")
def arranged(shared_warehouse: Warehouse) -> Iterator[tuple[Warehouse, psycopg.Connection]]:
    with shared_warehouse.superuser() as connection:
        connection.execute("GRANT SELECT ON features.care_gap TO sanctum_infer, sanctum_reviewer")
        connection.execute("GRANT SELECT ON omop.condition_occurrence TO sanctum_infer")
        connection.execute("DELETE FROM access.scope_name")
        for scope in SCOPES:
            connection.execute("INSERT INTO access.scope_name VALUES (%s, %s)", (f"ehr|Organization/{scope}", scope))
        yield shared_warehouse, connection


def arrange(connection: psycopg.Connection, world: World) -> None:
    with connection.transaction():
        connection.execute(
            "TRUNCATE access.person_scope, access.sensitive_row, access.consent, omop.condition_occurrence, "
            "features.problem_list, retrieval.document_chunk"
        )
        connection.cursor().executemany("INSERT INTO access.person_scope VALUES (%s, %s)", sorted(world.scopes))
        for number, person, labels in world.rows:
            connection.execute(
                "INSERT INTO omop.condition_occurrence (condition_occurrence_id, person_id, condition_concept_id, "
                "condition_start_date, condition_type_concept_id) VALUES (%s, %s, 0, '2026-01-01', 0)",
                (number, person),
            )
            connection.execute(
                "INSERT INTO features.problem_list (person_id, condition_concept_id, unmapped_code, problem_name, "
                "first_date, last_date, records, sensitivity) "
                "VALUES (%s, %s, '', '', '2026-01-01', '2026-01-01', 1, %s)",
                (person, number, list(labels)),
            )
            connection.execute(
                "INSERT INTO retrieval.document_chunk (chunk_id, note_id, person_id, sentence_number, "
                "start_character, end_character, note_date, note_sha256, chunk_text, text_sha256, chunking_version, "
                "sensitivity) VALUES (%s, %s, %s, 0, 0, 0, '2026-01-01', '', '', '', '', %s)",
                (number, number, person, list(labels)),
            )
            if labels:
                connection.execute(
                    "INSERT INTO access.sensitive_row VALUES ('condition_occurrence', %s, %s, %s)",
                    (number, person, list(labels)),
                )
        for consent in world.consents:
            connection.execute(
                "INSERT INTO access.consent (person_id, code, decision, starts_on, ends_on, decided_at, origin) "
                "VALUES (%s, %s, %s, %s, %s, timestamptz '2026-01-01' + %s * interval '1 day', 'recorded')",
                (consent.person, consent.code, consent.decision, consent.starts_on, consent.ends_on, consent.order),
            )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds, who=callers, asked=st.none() | st.sampled_from(PERSONS))
def test_sql_and_python_agree(
    arranged: tuple[Warehouse, psycopg.Connection], world: World, who: Identity, asked: int | None
) -> None:
    warehouse, superuser = arranged
    arrange(superuser, world)
    with open_session(warehouse.settings, warehouse.database, who) as session:
        granted = asked is not None and asked in session.claim([asked])
        if asked is not None:
            sites = {int(name.partition("/")[2]) for name in who.care_sites}
            assert granted == (who.everyone or any((asked, site) in world.scopes for site in sites))
        claimed = asked if granted else None
        session.enter(claimed)

        def numbers(query: str) -> set[int]:
            return {row[0] for row in session.connection.execute(query.encode())}

        visible = {number for number, person, labels in world.rows if may(world, who, person, labels, claimed)}
        assert numbers("SELECT condition_occurrence_id FROM omop.condition_occurrence") == visible
        if who.role is Role.REVIEWER:
            assert numbers("SELECT condition_concept_id FROM features.problem_list") == visible
        documents = {number for number, person, _ in world.rows if number in visible and person == claimed}
        assert numbers("SELECT chunk_id FROM retrieval.document_chunk") == documents
        scopes = {person for person, site in world.scopes if f"Organization/{site}" in who.care_sites}
        assert numbers("SELECT person_id FROM access.person_scope") == scopes
