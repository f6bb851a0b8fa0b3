"""Sites, teams, labels and consent over every table that callers read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assets.cli.identity import officer
from resources.identity import Identity
from resources.identity.session import AccessDeniedError, open_session, reading
from resources.postgres import Role
from tests.boundary.conftest import Warehouse, seen
from tests.boundary.people import PERSON, key
from tests.boundary.test_labels import build, load
from tests.dbt_project.population import of, patient
from tests.identities import identity

EAST = identity(care_sites=("Organization/east",))
STRUCTURED = ("omop.person", "omop.condition_occurrence", "omop.measurement", "features.patient_timeline")


@pytest.mark.parametrize("table", STRUCTURED)
@pytest.mark.parametrize(
    ("who", "persons"),
    [
        (identity(), set()),
        (EAST, {"ann", "dan", "eve"}),
        (identity(care_sites=("Organization/trust",)), {"ann", "dan", "eve"}),
        (identity(care_sites=("Organization/west",)), {"bob"}),
        (identity(care_sites=("Organization/east", "Organization/west")), {"ann", "bob", "dan", "eve"}),
        (identity(care_teams=("CareTeam/cats-team",)), {"cat"}),
        (identity(care_teams=("Practitioner/pat",)), {"cat"}),
        (identity(care_sites=("Organization/unheard-of", "other|Organization/east")), set()),
        (identity(care_sites=("Organization/west",), sensitivities=("R",)), {"bob", "fay"}),
        (identity(everyone=True), {"ann", "bob", "cat", "dan", "eve"}),
        (identity(everyone=True, sensitivities=("R",)), {"ann", "bob", "cat", "dan", "eve", "fay"}),
    ],
)
def test_a_caller_sees_the_persons_of_its_sites_and_teams(
    shared_warehouse: Warehouse, table: str, who: Identity, persons: set[str]
) -> None:
    assert shared_warehouse.persons(who, table) == persons


def test_a_role_stands_for_its_practitioner_while_it_is_in_force(warehouse: Warehouse, tmp_path: Path) -> None:
    def role(name: str, of_whom: str = "quin", **extra: Any) -> dict[str, Any]:
        whom = {"reference": f"Practitioner/{of_whom}"}
        organisation = {"reference": "Organization/west"}
        return {
            "resourceType": "PractitionerRole",
            "id": name,
            "practitioner": whom,
            "organization": organisation,
        } | extra

    def team(person: str, member: str) -> dict[str, Any]:
        participant = [{"member": {"reference": member}}]
        return of(person, "CareTeam", f"{person}-roles", status="active", participant=participant)

    load(
        warehouse,
        tmp_path,
        *({"resourceType": "Practitioner", "id": name} for name in ("quin", "rory")),
        role("now"),
        role("closed", active=False),
        role("past", period={"end": "2020-12-31"}),
        role("other", "rory"),
        team("bob", "PractitionerRole/now"),
        team("ann", "PractitionerRole/closed"),
        team("eve", "PractitionerRole/past"),
        team("cat", "Practitioner/rory"),
        patient("dan", "1963-04-12", "MRN-dan", generalPractitioner=[{"reference": "PractitionerRole/now"}]),
    )
    build(warehouse, "+int_person_scope", "+int_scope_name")
    for name, expected in (
        ("PractitionerRole/now", {"bob", "dan"}),
        ("Practitioner/quin", {"bob", "dan"}),
        ("Practitioner/rory", {"cat"}),
        # Who takes part as a practitioner doesn't take part by a role.
        ("PractitionerRole/other", set()),
    ):
        assert warehouse.persons(identity(care_teams=(name,)), "omop.person") == expected, name
    # A role brings nobody into the care of its organisation.
    assert warehouse.persons(identity(care_sites=("Organization/west",)), "omop.person") == {"bob"}
    query = "SELECT provider_id FROM omop.person WHERE person_id = %s"
    assert warehouse.rows(query, PERSON["dan"]) == [(key("Practitioner", "quin"),)]


def conditions(warehouse: Warehouse, who: Identity) -> set[str]:
    with open_session(warehouse.settings, warehouse.database, who) as session:
        session.enter()
        query = "SELECT condition_source_value FROM omop.condition_occurrence WHERE person_id = ANY(%s)"
        wanted = [PERSON["dan"], PERSON["eve"], PERSON["ann"]]
        return {code for (code,) in session.connection.execute(query, (wanted,))}


def test_a_programmes_records_need_the_label_and_the_persons_consent(shared_warehouse: Warehouse) -> None:
    cleared = identity(care_sites=("Organization/east",), sensitivities=("42CFRPart2",))
    of_programme = "SELECT person_id FROM omop.condition_occurrence WHERE condition_source_value = 'F11.20'"
    assert {row[0] for row in shared_warehouse.rows(of_programme)} == {PERSON["dan"], PERSON["eve"]}
    assert "F11.20" not in conditions(shared_warehouse, EAST)
    with open_session(shared_warehouse.settings, shared_warehouse.database, cleared) as session:
        session.enter()
        assert session.connection.execute(of_programme).fetchall() == [(PERSON["eve"],)]


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "Etc/GMT-14"])
def test_a_callers_time_zone_does_not_stretch_a_consent(warehouse: Warehouse, zone: str) -> None:
    with warehouse.superuser() as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("UPDATE access.consent SET starts_on = current_date + 1")
        connection.execute(
            "INSERT INTO access.consent (person_id, code, decision, starts_on, ends_on, origin) "
            "VALUES (%s, '42CFRPart2', 'permit', '2020-01-01', current_date - 1, 'recorded')",
            (PERSON["dan"],),
        )
    cleared = identity(everyone=True, sensitivities=("42CFRPart2",))
    with open_session(warehouse.settings, warehouse.database, cleared) as session:
        session.connection.execute("SELECT set_config('timezone', %s, false)", (zone,))
        session.enter()
        query = "SELECT 1 FROM omop.condition_occurrence WHERE condition_source_value = 'F11.20'"
        assert session.connection.execute(query.encode()).fetchall() == []


def test_everything_of_the_programme_is_labelled_down_to_features_and_chunks(shared_warehouse: Warehouse) -> None:
    labelled = "SELECT DISTINCT cdm_table FROM access.sensitive_row WHERE person_id = %s ORDER BY 1"
    tables = ["condition_occurrence", "measurement", "note", "visit_occurrence"]
    assert [row[0] for row in shared_warehouse.rows(labelled, PERSON["dan"])] == tables
    for table in ("problem_list", "patient_timeline", "latest_measurement"):
        query = f"SELECT count(*) FROM features.{table} WHERE person_id = %s AND sensitivity = '{{42CFRPart2}}'"
        assert shared_warehouse.rows(query, PERSON["dan"])[0][0] > 0, table
    chunks = "SELECT DISTINCT sensitivity FROM retrieval.document_chunk WHERE person_id = %s ORDER BY 1"
    assert shared_warehouse.rows(chunks, PERSON["dan"]) == [([],), (["42CFRPart2"],)]


def test_what_is_not_labelled_stays_visible_beside_what_is(shared_warehouse: Warehouse) -> None:
    """Dan's diabetes is on both records of his: only the programme's counselling record hides."""
    with open_session(shared_warehouse.settings, shared_warehouse.database, EAST) as session:
        session.enter()
        query = "SELECT measurement_name, loinc_code FROM features.latest_measurement WHERE person_id = %s"
        assert len(session.connection.execute(query, (PERSON["dan"],)).fetchall()) == 1


def test_a_label_nobody_knows_hides_and_a_normal_one_does_not(shared_warehouse: Warehouse) -> None:
    own = f"SELECT sensitivity FROM access.sensitive_row WHERE cdm_id = {key('Condition', 'ann-own')}"
    assert shared_warehouse.rows(own) == [(["UNKNOWN"],)]
    assert "I10" not in conditions(shared_warehouse, EAST)
    assert "I10" in conditions(shared_warehouse, identity(everyone=True, sensitivities=("UNKNOWN",)))
    notes = "SELECT chunk_text FROM retrieval.document_chunk WHERE sensitivity = '{}' AND person_id = %s"
    assert ("Ann likes plain notes.",) in shared_warehouse.rows(notes, PERSON["ann"])


def test_a_psychotherapy_note_reaches_no_model_role_whatever_the_policy(shared_warehouse: Warehouse) -> None:
    chunks = "SELECT count(*) FROM retrieval.document_chunk WHERE chunk_text LIKE '%mother%'"
    notes = "SELECT count(*) FROM omop.note WHERE note_text LIKE '%mother%'"
    assert (shared_warehouse.rows(chunks), shared_warehouse.rows(notes)) == ([(0,)], [(1,)])
    for role in (Role.EMBED, Role.INFER):
        greedy = identity(role, everyone=True, sensitivities=("PSYTHPN",))
        with open_session(shared_warehouse.settings, shared_warehouse.database, greedy) as session:
            session.enter()
            tickets = "SELECT sensitivities FROM access.ticket WHERE ticket_sha256 = sha256(uuid_send(%s))"
        assert shared_warehouse.rows(tickets, session.ticket) == [([],)]
    with open_session(
        shared_warehouse.settings, shared_warehouse.database, identity(Role.EMBED, everyone=True)
    ) as session:
        session.enter()
        assert session.connection.execute(notes.encode()).fetchone() == (0,)


def test_documents_need_a_claim_even_of_ones_own_patients(shared_warehouse: Warehouse) -> None:
    with open_session(shared_warehouse.settings, shared_warehouse.database, EAST) as session:
        assert seen(session, "retrieval.document_chunk") == set()
        assert seen(session, "retrieval.document_chunk", PERSON["ann"]) == {"ann"}


def test_break_glass_opens_one_person_for_a_time_and_alerts(warehouse: Warehouse) -> None:
    from resources.identity import emergency

    doctor = identity(care_sites=("Organization/east",), may_break_glass=True)
    settings, database, bob = warehouse.settings, warehouse.database, PERSON["bob"]
    with pytest.raises(AccessDeniedError), open_session(settings, database, doctor) as session, reading(session, bob):
        pass
    with pytest.raises(AccessDeniedError):
        emergency.break_glass(settings, database, EAST, bob, "unconscious in the emergency room", 10)
    listener = database.connect(Role.AUDITOR, autocommit=True)
    listener.execute("LISTEN sanctum_alert")
    number = emergency.break_glass(settings, database, doctor, bob, "unconscious in the emergency room", 10)
    assert [note.payload for note in listener.notifies(timeout=5, stop_after=1)] == [f"break-glass {number}"]
    listener.close()
    assert warehouse.persons(doctor, "retrieval.document_chunk", bob) == {"bob"}
    assert warehouse.persons(doctor, "omop.condition_occurrence", bob) == {"ann", "bob", "dan", "eve"}
    events = "SELECT action FROM audit.event WHERE person_id = %s ORDER BY occurred_at"
    assert [row[0] for row in warehouse.rows(events, bob)][:4] == [
        "embed",
        "claim-denied",
        "break-glass-denied",
        "break-glass",
    ]
    assert "unconscious" not in str(warehouse.rows("SELECT details::text FROM audit.event"))
    auditor = identity(Role.AUDITOR, "auditor")
    assert [one.emergency_access_id for one in emergency.unacknowledged(settings, database, auditor)] == [number]
    with pytest.raises(AccessDeniedError):
        emergency.acknowledge(settings, database, doctor, number)
    with pytest.raises(ValueError, match="does not wait"):
        emergency.acknowledge(settings, database, identity(Role.AUDITOR, "dr-who"), number)
    with pytest.raises(AccessDeniedError):
        emergency.unacknowledged(settings, database, EAST)
    looked = "SELECT object_ids FROM audit.event WHERE subject = 'auditor' AND action = 'emergency-review'"
    assert warehouse.rows(looked) == [([number],)]
    # Another user of this machine is an auditor too, where there is no provider.
    emergency.acknowledge(settings, database, replace(officer(settings, None), subject="os-user:2"), number)
    acknowledged = "SELECT acknowledged_by FROM access.emergency_access"
    assert warehouse.rows(acknowledged) == [("os-user:2",)]
    assert emergency.unacknowledged(settings, database, auditor) == []
    with warehouse.superuser() as connection:
        connection.execute("UPDATE access.emergency_access SET expires_at = now() - interval '1 second'")
    with pytest.raises(AccessDeniedError), open_session(settings, database, doctor) as session, reading(session, bob):
        pass
