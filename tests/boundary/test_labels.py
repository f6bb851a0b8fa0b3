"""Labels of sources reach every row they hold for, and are there before it is."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.fhir import ingest_fhir
from resources import dbt
from resources.identity.session import open_session
from tests.boundary.conftest import Warehouse
from tests.boundary.people import NORMAL, PART2, PERSON, PSYCHOTHERAPY, RESTRICTED, consent, key, note, seen_at
from tests.dbt_project.population import ICD10, condition, patient, visit
from tests.identities import identity

EVERYBODY = identity(everyone=True)


def load(warehouse: Warehouse, folder: Path, *resources: dict[str, Any]) -> None:
    path = folder / f"{len(list(folder.glob('*.ndjson')))}.ndjson"
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    account = ingest_fhir(warehouse.settings, warehouse.database, [path])
    assert (account.closes, dict(account.quarantined)) == (True, {})


def build(warehouse: Warehouse, *select: str) -> None:
    dbt.build(warehouse.settings, warehouse.database, select=select, tests=False)


def visible(warehouse: Warehouse, query: str) -> set[Any]:
    with open_session(warehouse.settings, warehouse.database, EVERYBODY) as session:
        session.enter()
        return {row[0] for row in session.connection.execute(query.encode())}


def labels(warehouse: Warehouse, table: str, cdm_id: int) -> list[str]:
    query = "SELECT sensitivity FROM access.sensitive_row WHERE cdm_table = %s AND cdm_id = %s"
    found = warehouse.rows(query, table, cdm_id)
    return found[0][0] if found else []


def note_key(warehouse: Warehouse, name: str) -> int:
    query = "SELECT note_key FROM bronze.note WHERE resource_key = %s"
    return warehouse.rows(query, key("DocumentReference", name))[0][0]


def at_wharf(name: str, day: str, part_of: str | None = None, **extra: Any) -> dict[str, Any]:
    above = {"partOf": {"reference": f"Encounter/{part_of}"}} if part_of else {}
    return visit("bob", name, day, day, serviceProvider={"reference": "Organization/wharf"}, **above, **extra)


def test_a_build_that_stops_early_shows_no_labelled_row(warehouse: Warehouse, tmp_path: Path) -> None:
    load(warehouse, tmp_path, *seen_at("bob", "wharf", "2026-04-01", "group"))
    build(warehouse, "+visit_occurrence", "+condition_occurrence", "+note")
    made = "SELECT count(*) FROM omop.visit_occurrence WHERE visit_start_date = '2026-04-01'"
    assert warehouse.rows(made) == [(1,)]
    assert visible(warehouse, made) == {0}
    conditions = visible(warehouse, "SELECT condition_occurrence_id FROM omop.condition_occurrence")
    assert key("Condition", "bob-visit-dx") in conditions
    assert key("Condition", "bob-group-dx") not in conditions
    assert labels(warehouse, "note", note_key(warehouse, "bob-group-note")) == ["42CFRPart2"]


def test_a_table_is_not_made_of_rows_whose_labels_are_newer(warehouse: Warehouse, tmp_path: Path) -> None:
    changed = note(
        "bob", "bob-visit-note", "Bob was seen and spoke of his father.", securityLabel=[{"coding": [PART2]}]
    )
    load(warehouse, tmp_path, changed)
    with pytest.raises(dbt.DbtBuildError, match="note"):
        build(warehouse, "note")
    assert warehouse.rows("SELECT count(*) FROM omop.note WHERE note_text LIKE '%father%'") == [(0,)]
    build(warehouse, "+note")
    assert warehouse.rows("SELECT count(*) FROM omop.note WHERE note_text LIKE '%father%'") == [(1,)]
    assert labels(warehouse, "note", note_key(warehouse, "bob-visit-note")) == ["42CFRPart2"]


def test_labels_come_with_the_first_table_and_go_with_the_last(warehouse: Warehouse, tmp_path: Path) -> None:
    """What was cut into chunks before carries the label as soon as it is published, whether embedded again or not."""
    number = note_key(warehouse, "bob-visit-note")
    chunks = f"SELECT DISTINCT sensitivity FROM retrieval.document_chunk WHERE note_id = {number}"
    assert warehouse.rows(chunks) == [([],)]
    text = "bob was seen and had visit."
    load(warehouse, tmp_path, note("bob", "bob-visit-note", text, securityLabel=[{"coding": [PSYCHOTHERAPY]}]))
    build(warehouse, "+int_sensitive_row")
    assert warehouse.rows(chunks) == [(["PSYTHPN"],)]
    load(warehouse, tmp_path, note("bob", "bob-visit-note", text, securityLabel=[{"coding": [NORMAL]}]))
    build(warehouse, "+int_sensitive_row")
    assert labels(warehouse, "note", number) == ["PSYTHPN"]
    build(warehouse, "+labelled_row")
    assert labels(warehouse, "note", number) == []


def test_places_patients_and_all_that_an_encounter_is_part_of_give_their_labels(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    ward = {"resourceType": "Location", "id": "ward", "name": "Ward", "meta": {"security": [RESTRICTED]}}
    stay = [{"location": {"reference": "Location/ward"}}]
    timed = [{**stay[0], "period": {"start": "2026-05-03", "end": "2026-05-04"}}]
    deep = {"reference": "Encounter/bottom"}
    diabetes = {"coding": [{"system": ICD10, "code": "E11.9"}]}
    foreign = {"security": [{"system": "urn:local", "code": "N"}]}
    load(
        warehouse,
        tmp_path,
        ward,
        visit("bob", "top", "2026-05-01", "2026-05-01"),
        at_wharf("middle", "2026-05-01", "top"),
        visit("bob", "bottom", "2026-05-01", "2026-05-01", partOf={"reference": "Encounter/middle"}),
        condition("bob", "deep", diabetes, "encounter-diagnosis", encounter=deep),
        condition("bob", "foreign", diabetes, "problem-list-item", meta=foreign),
        patient("ann", "1960-04-12", "MRN-ann", meta={"security": [RESTRICTED]}),
        {**at_wharf("off", "2026-05-01"), "status": "cancelled", "meta": {"security": [PART2]}},
        condition("bob", "of-cancelled", diabetes, "encounter-diagnosis", encounter={"reference": "Encounter/off"}),
        visit("bob", "part-of-cancelled", "2026-05-01", "2026-05-01", partOf={"reference": "Encounter/off"}),
        visit("bob", "stay", "2026-05-02", "2026-05-02", location=stay),
        visit("bob", "timed", "2026-05-03", "2026-05-04", location=timed),
    )  # fmt: skip
    build(warehouse, "+visit_detail", "+condition_occurrence")
    for table, kind, name, expected in (
        ("visit_occurrence", "Encounter", "top", []),
        ("visit_detail", "Encounter", "middle", ["42CFRPart2"]),
        ("visit_detail", "Encounter", "bottom", ["42CFRPart2"]),
        ("condition_occurrence", "Condition", "deep", ["42CFRPart2"]),
        ("condition_occurrence", "Condition", "of-cancelled", ["42CFRPart2"]),
        ("visit_occurrence", "Encounter", "part-of-cancelled", ["42CFRPart2"]),
        ("condition_occurrence", "Condition", "foreign", ["UNKNOWN"]),
        ("person", "Patient", "ann", ["R"]),
        ("condition_occurrence", "Condition", "ann-own", ["R", "UNKNOWN"]),
        ("visit_occurrence", "Encounter", "stay", ["R"]),
        ("visit_occurrence", "Encounter", "timed", ["R"]),
    ):
        assert labels(warehouse, table, key(kind, name)) == expected, name
    details = warehouse.rows(
        "SELECT visit_detail_id FROM omop.visit_detail WHERE visit_detail_start_date = '2026-05-03'"
    )
    assert [labels(warehouse, "visit_detail", number) for (number,) in details] == [["R"]]
    # A place without a time of its own is no part of a visit.
    assert not warehouse.rows("SELECT 1 FROM omop.visit_detail WHERE visit_detail_start_date = '2026-05-02'")


def test_a_persons_label_holds_for_what_is_made_of_the_person_alone(shared_warehouse: Warehouse) -> None:
    for table in ("features.care_gap", "features.risk_score", "omop.person_crosswalk", "omop.observation_period"):
        everyone = {row[0] for row in shared_warehouse.rows(f"SELECT person_id FROM {table}")}
        assert PERSON["fay"] in everyone, table
        assert visible(shared_warehouse, f"SELECT person_id FROM {table}") == everyone - {PERSON["fay"]}, table


def test_a_score_is_hidden_with_the_rows_it_is_made_of(shared_warehouse: Warehouse) -> None:
    query = "SELECT risk_score_id || ' of ' || person_id FROM features.risk_score"
    everything = {row[0] for row in shared_warehouse.rows(query)}
    # What the programme treats weighs in one score alone; so does hypertension, even without atrial fibrillation.
    hidden = {f"elixhauser of {PERSON['dan']}", f"elixhauser of {PERSON['eve']}", f"cha2ds2_vasc of {PERSON['ann']}"}
    of_fay = {told for told in everything if told.endswith(f" of {PERSON['fay']}")}
    assert len(of_fay) == 9
    assert everything - visible(shared_warehouse, query) == hidden | of_fay


def test_an_observation_period_does_not_tell_the_day_of_a_labelled_visit(shared_warehouse: Warehouse) -> None:
    query = "SELECT max(observation_period_end_date)::text FROM omop.observation_period WHERE person_id = %s"
    assert shared_warehouse.rows(query, PERSON["dan"]) == [("2026-02-03",)]


def decisions(warehouse: Warehouse, person: str) -> list[tuple]:
    query = (
        "SELECT decision, starts_on::text, ends_on::text, decided_at::date::text FROM access.consent "
        "WHERE person_id = %s ORDER BY 1, 2"
    )
    return warehouse.rows(query, PERSON[person])


def test_a_consent_counts_from_the_day_it_was_given_within_all_it_is_nested_in(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    nested = {**consent("dan"), "meta": {"lastUpdated": "2026-06-01T00:00:00Z"}}
    nested["provision"] = {
        "period": {"start": "2026-02-01", "end": "2026-03-01"},
        "provision": [{"type": "permit", "securityLabel": [PART2], "period": {"start": "2026-01-01"}}],
    }
    limited = consent("bob")
    limited["provision"] = {
        "actor": [{"role": {"text": "one"}, "reference": {"reference": "Organization/east"}}],
        "provision": [{"type": "permit", "securityLabel": [PART2]}],
    }
    foreign = consent("ann")
    foreign["provision"]["securityLabel"] = [{"system": "urn:local", "code": "42CFRPart2"}]
    opted_out = {**consent("cat"), "dateTime": "2031-01-01", "meta": {"lastUpdated": "2026-06-01T00:00:00Z"}}
    opted_out["policyRule"] = {"coding": [{"system": "urn:local", "code": "OPTOUT"}]}
    opted_out["provision"] = {"type": "deny", "provision": [{"type": "permit", "securityLabel": [RESTRICTED]}]}
    load(warehouse, tmp_path, nested, limited, foreign, opted_out)
    build(warehouse, "+int_consent")
    assert decisions(warehouse, "dan") == [("permit", "2026-02-01", "2026-03-01", "2026-01-01")]
    assert decisions(warehouse, "bob") == decisions(warehouse, "ann") == []
    # Who denies without naming a label denies all; an exception holds over what it is nested in; none is of the future.
    latest = (
        "SELECT DISTINCT ON (code) code, decision, decided_at < '2026-06-02' FROM access.consent "
        "WHERE person_id = %s ORDER BY code, decided_at DESC"
    )
    found = {code: rest for code, *rest in warehouse.rows(latest, PERSON["cat"])}
    assert (found["42CFRPart2"], found["HIV"], found["R"]) == (["deny", True], ["deny", True], ["permit", True])


def test_a_denial_hides_what_needs_no_consent(warehouse: Warehouse) -> None:
    cleared = identity(everyone=True, sensitivities=("R",))
    assert "fay" in warehouse.persons(cleared, "omop.person")
    with warehouse.superuser() as connection:
        connection.execute(
            "INSERT INTO access.consent (person_id, code, decision, starts_on, origin) "
            "VALUES (%s, 'R', 'deny', '2020-01-01', 'recorded')",
            (PERSON["fay"],),
        )
    assert "fay" not in warehouse.persons(cleared, "omop.person")


def test_what_was_recorded_of_a_person_follows_a_merge_and_comes_back(warehouse: Warehouse, tmp_path: Path) -> None:
    with warehouse.superuser() as connection:
        connection.execute(
            "INSERT INTO access.consent (person_id, code, decision, starts_on, origin) "
            "VALUES (%s, '42CFRPart2', 'deny', '2020-01-01', 'recorded')",
            (PERSON["eve"],),
        )
    twin = next(name for name in (f"eve-{n}" for n in range(99)) if key("Patient", name) < PERSON["eve"])
    load(warehouse, tmp_path, patient(twin, "1964-04-12", "MRN-eve"))
    build(warehouse, "+int_consent")
    recorded = "SELECT person_id FROM access.consent WHERE origin = 'recorded'"
    assert warehouse.rows(recorded) == [(key("Patient", twin),)]
    load(warehouse, tmp_path, patient(twin, "1964-04-12", "MRN-of-another"))
    build(warehouse, "+int_consent")
    assert warehouse.rows(recorded) == [(PERSON["eve"],)]


def test_the_timeline_hides_a_row_that_is_labelled_after_it_was_made(warehouse: Warehouse) -> None:
    number = key("Condition", "bob-visit-dx")
    timeline = f"SELECT count(*) FROM features.patient_timeline WHERE cdm_id = {number}"
    assert visible(warehouse, timeline) == {1}
    with warehouse.superuser() as connection:
        connection.execute(
            "INSERT INTO access.sensitive_row VALUES ('condition_occurrence', %s, %s, '{HIV}')", (number, PERSON["bob"])
        )
    assert visible(warehouse, timeline) == {0}


def test_a_place_that_comes_during_a_build_waits_for_the_next(warehouse: Warehouse, tmp_path: Path) -> None:
    ward = {"resourceType": "Location", "id": "wharf-ward", "name": "Ward", "meta": {"security": [PART2]}}
    load(warehouse, tmp_path, ward)
    build(warehouse, "+int_published_label")
    place = {"location": {"reference": "Location/wharf-ward"}, "period": {"start": "2026-02-03", "end": "2026-02-03"}}
    load(warehouse, tmp_path, *seen_at("bob", "west", "2026-02-03", location=[place])[:1])
    build(warehouse, "visit_detail", "visit_occurrence")
    assert warehouse.rows("SELECT count(*) FROM omop.visit_detail WHERE person_id = %s", PERSON["bob"]) == [(0,)]
