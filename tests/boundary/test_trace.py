"""A trace shows the landed record of a row to whom the row is shown, and to nobody else."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.cli.main import app
from pipelines import lineage
from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.lineage.rows import NotTraceableError
from resources.identity import Identity, emergency
from resources.identity.session import AccessDeniedError
from resources.postgres import DatabaseUnavailableError, Role
from tests.boundary import people
from tests.boundary.conftest import Warehouse
from tests.boundary.people import PART2, PERSON, key
from tests.boundary.test_labels import build, load
from tests.conftest import database_url
from tests.dbt_project.population import ICD10, condition, result
from tests.identities import all_labels, identity
from tests.pipelines.fhir.synthetic import bundle

EAST = identity(care_sites=("Organization/east", "Organization/trust"))
PART2_EVERYONE = identity(everyone=True, sensitivities=("42CFRPart2",))
EVERYONE = identity(everyone=True)


def number(warehouse: Warehouse, row_id: int | str) -> int:
    """The key of a row; of a note that of the document's text."""
    if isinstance(row_id, int):
        return row_id
    query = "SELECT note_key FROM bronze.note WHERE resource_key = %s"
    return int(warehouse.rows(query, key("DocumentReference", row_id))[0][0])


def traced(warehouse: Warehouse, who: Identity, table: str, row_id: int | str) -> list[Any]:
    """What was landed, as the caller is told it."""
    wanted = number(warehouse, row_id)
    found = lineage.trace(warehouse.settings, warehouse.database, who, table, wanted, content=True)
    return [source.content for source in found.sources]


def went_in(name: str) -> dict[str, Any]:
    (found,) = (r for r in people.resources() if r["id"] == name)
    return dict(json.loads(json.dumps(found)))


@pytest.mark.parametrize(
    ("who", "table", "row_id", "record"),
    [
        (EAST, "condition_occurrence", key("Condition", "ann-visit-dx"), "ann-visit-dx"),
        (EAST, "omop.visit_occurrence", key("Encounter", "ann-visit"), "ann-visit"),
        (EAST, "note", "ann-visit-note", "ann-visit-note"),
        (EAST, "person", PERSON["ann"], "ann"),
        (EAST, "care_site", key("Organization", "west"), "west"),
        (EAST, "bronze.condition_occurrence", key("Condition", "ann-visit-dx"), "ann-visit-dx"),
        (EAST, "bronze.resource", key("Observation", "ann-visit-a1c"), "ann-visit-a1c"),
        (EAST, "features.patient_timeline", key("Observation", "ann-visit-a1c"), "ann-visit-a1c"),
        (EAST, "features.latest_measurement", key("Observation", "ann-visit-a1c"), "ann-visit-a1c"),
        # With her consent the record of the programme is shown to whom the policy gives the label.
        (PART2_EVERYONE, "condition_occurrence", key("Condition", "eve-counselling-dx"), "eve-counselling-dx"),
    ],
)
def test_who_sees_the_row_sees_the_record(
    shared_warehouse: Warehouse, who: Identity, table: str, row_id: int | str, record: str
) -> None:
    assert traced(shared_warehouse, who, table, row_id) == [went_in(record)]


BOB = key("Condition", "bob-visit-dx")
HIDDEN = [
    # Of another site, and of nobody.
    (EAST, "condition_occurrence", BOB),
    (EAST, "person", PERSON["bob"]),
    (EAST, "note", "bob-visit-note"),
    (EAST, "bronze.condition_occurrence", BOB),
    (EAST, "bronze.resource", BOB),
    (EAST, "features.patient_timeline", BOB),
    (EAST, "omop.person_crosswalk", PERSON["bob"]),
    (EAST, "condition_occurrence", 1),
    (EAST, "bronze.note", 1),
    # Under a label: the record's own, its site's, its patient's, a note's; and without consent.
    (EVERYONE, "condition_occurrence", key("Condition", "ann-own")),
    (EVERYONE, "bronze.condition_occurrence", key("Condition", "ann-own")),
    (EVERYONE, "condition_occurrence", key("Condition", "eve-counselling-dx")),
    (EVERYONE, "bronze.condition_occurrence", key("Condition", "eve-counselling-dx")),
    (EVERYONE, "bronze.visit_occurrence", key("Encounter", "eve-counselling")),
    (EVERYONE, "note", "ann-therapy"),
    (EVERYONE, "bronze.note", "ann-therapy"),
    (EVERYONE, "person", PERSON["fay"]),
    (EVERYONE, "bronze.person", PERSON["fay"]),
    (EVERYONE, "bronze.resource", key("Observation", "fay-visit-a1c")),
    (PART2_EVERYONE, "condition_occurrence", key("Condition", "dan-counselling-dx")),
    # No reviewer.
    (identity(Role.INFER, everyone=True), "person", PERSON["ann"]),
    (identity(Role.EMBED, everyone=True), "note", "ann-visit-note"),
    (identity(Role.AUDITOR), "person", PERSON["ann"]),
]


@pytest.mark.parametrize(("who", "table", "row_id"), HIDDEN)
def test_who_does_not_see_the_row_learns_nothing(
    shared_warehouse: Warehouse, who: Identity, table: str, row_id: int | str
) -> None:
    wanted_row = number(shared_warehouse, row_id)
    for wanted in (True, False):
        with pytest.raises(AccessDeniedError) as refused:
            lineage.trace(shared_warehouse.settings, shared_warehouse.database, who, table, wanted_row, content=wanted)
        expected = "no such row" if who.role is Role.REVIEWER else "to a reviewer only"
        assert expected in str(refused.value)


def test_every_trace_is_on_record_and_without_the_event_there_is_none(warehouse: Warehouse) -> None:
    row_id, ann = key("Condition", "ann-visit-dx"), PERSON["ann"]
    query = (
        "SELECT action, object_kind, object_ids, person_id, details ->> 'trace' FROM audit.event "
        "WHERE subject = 'dr-trace' AND action <> 'open' ORDER BY occurred_at, sequence"
    )
    who = identity(subject="dr-trace", everyone=True)
    lineage.trace(warehouse.settings, warehouse.database, who, "condition_occurrence", row_id)
    traced(warehouse, who, "condition_occurrence", row_id)
    read = ("read", "omop.condition_occurrence", [row_id], ann)
    claim = ("claim", "person", [], ann, None)
    assert sorted(warehouse.rows(query), key=str) == sorted(
        [claim, (*read, "place"), claim, (*read, "content")], key=str
    )
    with pytest.raises(AccessDeniedError):
        traced(warehouse, identity(subject="dr-denied"), "condition_occurrence", row_id)
    assert warehouse.rows("SELECT action FROM audit.event WHERE subject = 'dr-denied' AND action <> 'open'") == [
        ("claim-denied",)
    ]
    with warehouse.superuser() as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION access.record FROM sanctum_reviewer")
    with pytest.raises(DatabaseUnavailableError):
        traced(warehouse, who, "condition_occurrence", row_id)


def test_what_changed_since_the_build_is_judged_as_it_is_now(warehouse: Warehouse, tmp_path: Path) -> None:
    """The row still is as it was; the record behind it has a label now, or another patient."""
    newer = {"lastUpdated": "2027-01-01T00:00:00Z"}
    code = {"coding": [{"system": ICD10, "code": "F11.20"}]}
    labelled = condition("ann", "ann-visit-dx", code, "encounter-diagnosis", meta={**newer, "security": [PART2]})
    moved = result("bob", "ann-visit-a1c", "4548-4", "2026-02-03", 9.9, "%", meta=newer)
    path = tmp_path / "newer.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in (labelled, moved)))
    assert ingest_fhir(warehouse.settings, warehouse.database, [path]).loaded.total() == 2
    for table, row in (
        ("condition_occurrence", key("Condition", "ann-visit-dx")),
        ("measurement", key("Observation", "ann-visit-a1c")),
    ):
        with pytest.raises(AccessDeniedError):
            traced(warehouse, EAST, table, row)
        with pytest.raises(AccessDeniedError):
            traced(warehouse, EVERYONE, table, row)
    everything = identity(subject="steward", everyone=True, sensitivities=all_labels(warehouse.database))
    seen = traced(warehouse, everything, "measurement", key("Observation", "ann-visit-a1c"))
    assert [record["subject"] for record in seen] == [{"reference": "Patient/bob"}]
    build(warehouse)
    assert traced(warehouse, EVERYONE, "measurement", key("Observation", "ann-visit-a1c")) == seen


OF_ANN: dict[str, dict[str, Any]] = {
    "a relative": {"resourceType": "RelatedPerson", "name": [{"family": "Ann"}]},
    "answers under a label": {"resourceType": "QuestionnaireResponse", "meta": {"security": [PART2]}},
    "a condition with a modifier": {"resourceType": "Condition", "modifierExtension": [{"url": "urn:unknown"}]},
    "who said so": {
        "resourceType": "Provenance",
        "target": [{"reference": "Condition/ann-own"}],
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"display": "Ann"}, "onBehalfOf": {"reference": "Organization/east"}}],
    },
    "a result of a visit under a label": {
        "resourceType": "Observation",
        "status": "cancelled",
        "encounter": {"reference": "Encounter/eve-counselling"},
        "code": {"text": "x"},
    },
}


@pytest.mark.parametrize("resource", OF_ANN.values(), ids=OF_ANN)
def test_a_record_that_makes_no_row_is_for_who_sees_everything(
    warehouse: Warehouse, tmp_path: Path, resource: dict[str, Any]
) -> None:
    whose = {} if resource["resourceType"] == "Provenance" else {"subject": {"reference": "Patient/ann"}}
    whole = {"id": "some", **resource, **whose}
    load(warehouse, tmp_path, whole)
    row = key(resource["resourceType"], "some")
    for who in (identity(), EAST, EVERYONE, PART2_EVERYONE):
        with pytest.raises(AccessDeniedError):
            traced(warehouse, who, "bronze.resource", row)
    everything = identity(subject="steward", everyone=True, sensitivities=all_labels(warehouse.database))
    assert traced(warehouse, everything, "bronze.resource", row) == [whole]
    claims = "SELECT action FROM audit.event WHERE object_kind = 'bronze.resource' AND subject = 'steward' ORDER BY 1"
    assert [action for (action,) in warehouse.rows(claims)] == ["claim", "read"]


def test_a_place_that_omop_does_not_have_is_no_row(warehouse: Warehouse, tmp_path: Path) -> None:
    """No row of omop says which labels such a record would have."""
    undated = {**went_in("ann-visit"), "id": "undated"}
    del undated["period"]
    load(warehouse, tmp_path, undated)
    row = key("Encounter", "undated")
    with warehouse.superuser() as connection:
        connection.execute(
            "INSERT INTO bronze.visit_detail (visit_detail_key, resource_key, source_system, person_key, "
            "visit_occurrence_key) VALUES (1, %s, 'ehr', %s, 1)",
            (row, PERSON["ann"]),
        )
    build(warehouse, "+visit_detail", "+int_published_snapshot")
    with pytest.raises(AccessDeniedError):
        traced(warehouse, EVERYONE, "bronze.resource", row)
    everything = identity(subject="steward", everyone=True, sensitivities=all_labels(warehouse.database))
    assert traced(warehouse, everything, "bronze.resource", row) == [undated]


@pytest.mark.parametrize("nothing", ["null", "[]"])
def test_labels_that_are_none_are_no_label(warehouse: Warehouse, nothing: str) -> None:
    row = key("Condition", "ann-visit-dx")
    with warehouse.superuser() as connection:
        connection.execute("UPDATE bronze.resource SET security_labels = %s WHERE resource_key = %s", (nothing, row))
    assert traced(warehouse, EAST, "condition_occurrence", row) == [went_in("ann-visit-dx")]


def test_what_came_after_the_build_waits_for_its_labels(warehouse: Warehouse, tmp_path: Path) -> None:
    """A result of a labelled visit, and a visit that gets its label, are judged by no older build."""
    visit = {"reference": "Encounter/eve-counselling"}
    late = result("eve", "eve-late", "4548-4", "2026-02-03", 7.1, "%", encounter=visit)
    load(warehouse, tmp_path, late)
    row_id = warehouse.rows(
        "SELECT measurement_key FROM bronze.measurement WHERE resource_key = %s", key("Observation", "eve-late")
    )[0][0]
    with pytest.raises(AccessDeniedError):
        traced(warehouse, EVERYONE, "bronze.measurement", row_id)
    assert traced(warehouse, EVERYONE, "condition_occurrence", BOB) == [went_in("bob-visit-dx")]
    meta = {"lastUpdated": "2027-01-01T00:00:00Z", "security": [PART2]}
    load(warehouse, tmp_path, {**went_in("bob-visit"), "meta": meta})
    with pytest.raises(AccessDeniedError):
        traced(warehouse, EVERYONE, "condition_occurrence", BOB)


def test_an_emergency_opens_a_trace_and_is_said(warehouse: Warehouse) -> None:
    doctor = identity(care_sites=("Organization/east",), may_break_glass=True)
    with pytest.raises(AccessDeniedError):
        traced(warehouse, doctor, "condition_occurrence", BOB)
    emergency.break_glass(
        warehouse.settings, warehouse.database, doctor, PERSON["bob"], "unconscious in the emergency room", 10
    )
    assert traced(warehouse, doctor, "condition_occurrence", BOB) == [went_in("bob-visit-dx")]


def test_an_entry_of_a_bundle_is_shown_alone_as_it_was_landed(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the commands, as a person at a terminal has them."""
    mine = result("ann", "in-bundle", "4548-4", "2026-02-04", 7.7, "%")
    theirs = result("bob", "of-bob", "4548-4", "2026-02-04", 6.6, "%")
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle([theirs, mine]), indent=1))
    ingest_fhir(warehouse.settings, warehouse.database, [path])
    build(warehouse)
    for name in [name for name in os.environ if name.startswith("SANCTUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SANCTUM_HOME", str(warehouse.settings.home))
    monkeypatch.setenv("SANCTUM_DATABASE_URL", database_url(warehouse.settings))
    (row_id,) = (
        row
        for (row,) in warehouse.rows(
            "SELECT measurement_key FROM bronze.measurement WHERE resource_key = %s",
            resource_key("ehr", "Observation", "in-bundle"),
        )
    )
    arguments = ["trace", "bronze.measurement", str(row_id)]

    def sanctum(*options: str) -> str:
        done = CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    (source,) = json.loads(sanctum("--content", "--json"))["sources"]
    assert source["content"] == mine
    assert (source["line_number"], source["entry"], source["record_type"]) == (1, 1, "Observation")
    assert (source["mapping_profile"], source["validation"]) == ("us-core", "full")
    assert source["person_id"] == PERSON["ann"]
    printed = sanctum("--content")
    assert json.dumps(mine, indent=2) in printed
    assert "of-bob" not in printed
    (place,) = json.loads(sanctum("--json"))["sources"]
    assert "content" not in place
    assert "of-bob" not in sanctum()


@pytest.mark.parametrize("table", ["nothing", "landing.file", "omop.event_coding", "omop.cdm_source", "x.y.z", ""])
def test_what_has_no_source_record_says_so(shared_warehouse: Warehouse, table: str) -> None:
    with pytest.raises(NotTraceableError):
        traced(shared_warehouse, EVERYONE, table, 1)
