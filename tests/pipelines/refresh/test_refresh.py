"""A refresh gives what a build of everybody gives, at any moment of any history, or changes nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from pipelines.erasure import erase
from pipelines.fhir import ingest_fhir
from pipelines.hl7 import ingest_hl7
from pipelines.keys import resource_key
from pipelines.refresh import WholeBuildNeededError, refresh_persons, refreshing
from pipelines.refresh.plan import Check, Plan, PlanError
from pipelines.vocabulary import ensure_starter
from resources import audit, dbt
from resources.postgres import Role, database
from resources.settings import Settings
from tests.conftest import superuser
from tests.dbt_project.population import ICD10, coded, condition, visit
from tests.dbt_project.population import patient as with_number
from tests.pipelines.refresh.tables import content, differences
from tests.pipelines.refresh.world import Resource, World, shared, write

RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
JANE = resource_key("ehr", "Patient", "jane")


@pytest.mark.parametrize("seed", [10, 14])
def test_refreshes_give_what_a_build_of_everybody_gives(settings: Settings, tmp_path: Path, seed: int) -> None:
    warehouse, world = database(settings), World(seed)
    ensure_starter(warehouse)
    _load(settings, tmp_path, *shared(), *world.records(60))
    dbt.build(settings, warehouse, tests=False)
    before = content(warehouse)
    for turn in range(6):
        _load(settings, tmp_path, *world.records(6))
        feed = tmp_path / f"{turn}.hl7"
        feed.write_text(world.messages(2))
        ingest_hl7(settings, warehouse, [feed])
        try:
            assert refresh_persons(settings, warehouse).rows
        except WholeBuildNeededError:
            dbt.build(settings, warehouse, tests=False)
    refreshed = content(warehouse)
    dbt.build(settings, warehouse, tests=False)
    assert differences(before, refreshed)
    assert differences(refreshed, content(warehouse)) == {}


# --- one home, in order: each test leaves what it changed -------------------------------------------------------------


@pytest.fixture(scope="module")
def home(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with two people in bronze, of which nothing is built."""
    warehouse = database(module_settings)
    ensure_starter(warehouse)
    people = [with_number(name, "1960-04-12", name) for name in ("jane", "joan")]
    _load(module_settings, tmp_path_factory.mktemp("people"), *shared(), *people)
    return module_settings


def _load(settings: Settings, folder: Path, *resources: Resource) -> None:
    path = folder / f"{len(list(folder.iterdir()))}.ndjson"
    assert ingest_fhir(settings, database(settings), [write(path, list(resources))]).closes


def _diagnosis(settings: Settings, folder: Path, name: str, person: str = "jane") -> None:
    _load(settings, folder, condition(person, name, coded(ICD10, "E11.9"), "problem-list-item"))


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(*name.split("."))


def _waiting(settings: Settings) -> list[int | None]:
    with superuser(database(settings), str(dict(database(settings).parameters)["dbname"])) as connection:
        return [key for (key,) in connection.execute("SELECT person_key FROM build.changed_person").fetchall()]


def _diagnoses(settings: Settings) -> int:
    with database(settings).connect(Role.TRANSFORM) as connection:
        (found,) = connection.execute("SELECT count(*) FROM omop.condition_occurrence").fetchone() or (0,)
    return int(found)


def test_what_was_never_built_needs_a_build_of_everybody(home: Settings) -> None:
    with pytest.raises(WholeBuildNeededError, match="not of every model, or there was none"):
        refresh_persons(home, database(home))


def test_a_build_of_some_models_leaves_the_changes_waiting(home: Settings) -> None:
    dbt.build(home, database(home), select=("+person_crosswalk",), tests=False)
    assert set(_waiting(home)) == {JANE, resource_key("ehr", "Patient", "joan"), None}


def test_a_build_of_everybody_takes_all_changes_in(home: Settings) -> None:
    dbt.build(home, database(home), tests=False)
    assert _waiting(home) == []
    assert not refresh_persons(home, database(home)).rows


def test_the_changed_person_is_built_and_the_read_is_on_record(home: Settings, tmp_path: Path) -> None:
    _diagnosis(home, tmp_path, "first")
    with database(home).connect(Role.TRANSFORM) as connection:
        joan = connection.execute("SELECT xmin FROM omop.person WHERE person_id <> %s", (JANE,)).fetchall()
    report = refresh_persons(home, database(home))
    assert (report.persons, report.rows["omop.condition_occurrence"], report.rows["omop.person"]) == (1, 1, 0)
    assert (_diagnoses(home), _waiting(home)) == (1, [])
    with database(home).connect(Role.TRANSFORM) as connection:
        assert connection.execute("SELECT xmin FROM omop.person WHERE person_id <> %s", (JANE,)).fetchall() == joan
    with database(home).connect(Role.AUDITOR) as connection:
        reads = connection.execute(
            "SELECT object_kind FROM audit.event WHERE subject = 'service:transform' AND details ? 'changes'"
        ).fetchall()
    assert reads == [("bronze.note",)]


def test_a_change_that_commits_late_waits_for_the_next_refresh(home: Settings, tmp_path: Path) -> None:
    late = "UPDATE bronze.resource SET outcome = outcome WHERE resource_key = %s"
    with database(home).connect(Role.INGEST) as connection:
        connection.execute(late, (resource_key("ehr", "Patient", "joan"),))
        _diagnosis(home, tmp_path, "second")
        assert refresh_persons(home, database(home)).persons == 1
        assert _waiting(home) == []
    assert _waiting(home) == [resource_key("ehr", "Patient", "joan")]
    assert refresh_persons(home, database(home)).persons == 1
    assert _waiting(home) == []


def test_a_test_that_finds_something_takes_nothing_over(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _diagnosis(home, tmp_path, "third")
    before = content(database(home))
    whole = Plan.of

    def with_check(manifest: dict[str, object]) -> Plan:
        plan = whole(manifest)
        wrong = "SELECT condition_occurrence_id FROM pg_temp.condition_occurrence -- one"
        return replace(plan, checks=(*plan.checks, Check("nobody_is_ill", wrong, is_fatal=True)))

    monkeypatch.setattr(refreshing.Plan, "of", with_check)
    with pytest.raises(dbt.DbtBuildError, match=r"changed nothing: nobody_is_ill\."):
        refresh_persons(home, database(home))
    assert content(database(home)) == before
    monkeypatch.undo()
    assert refresh_persons(home, database(home)).rows["omop.condition_occurrence"] == 1


def test_more_persons_than_are_allowed_need_a_build_of_everybody(home: Settings, tmp_path: Path) -> None:
    _diagnosis(home, tmp_path, "fourth")
    _diagnosis(home, tmp_path, "fifth", "joan")
    with pytest.raises(WholeBuildNeededError, match="so many persons"):
        refresh_persons(home.model_copy(update={"refresh_most_persons": 1}), database(home))
    assert refresh_persons(home, database(home)).persons == 2


def test_what_a_crash_empties_needs_a_build_of_everybody(home: Settings) -> None:
    with superuser(database(home), str(dict(database(home).parameters)["dbname"])) as connection:
        found = connection.execute(
            "SELECT oid::regclass::text FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r' "
            "AND relnamespace::regnamespace::text IN ('omop', 'omop_intermediate', 'features', 'measures')"
        ).fetchall()
        lost = {name for (name,) in found}
        assert lost == {
            f"omop_intermediate.int_{name}" for name in ("label_snapshot", "bronze_event", "event", "claim_line")
        }
        connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(map(_table, lost))))
    with pytest.raises(WholeBuildNeededError, match="the server crashed"):
        refresh_persons(home, database(home))
    dbt.build(home, database(home), tests=False)
    assert not refresh_persons(home, database(home)).rows


def test_tables_of_another_project_need_a_build_of_everybody(
    home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _diagnosis(home, tmp_path, "sixth")
    monkeypatch.setattr(dbt, "project_sha256", lambda: "another")
    with pytest.raises(WholeBuildNeededError, match="another version of the dbt project"):
        refresh_persons(home, database(home))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE bronze.resource SET outcome = outcome WHERE resource_type = 'Practitioner'",
        "INSERT INTO vocab.value_set_member VALUES ('1.2.3', 'any', 'urn:s', 'c', NULL)",
        "UPDATE access.sensitivity SET hides_rows = hides_rows",
    ],
)
def test_what_concerns_everybody_needs_a_build_of_everybody(home: Settings, change: str) -> None:
    with superuser(database(home), str(dict(database(home).parameters)["dbname"])) as connection:
        connection.autocommit = False
        connection.execute(change.encode())
        waiting = connection.execute("SELECT count(*) FROM build.changed_person WHERE person_key IS NULL").fetchone()
        connection.rollback()
    assert waiting == (1,)


def test_a_statement_that_changes_no_row_concerns_nobody(home: Settings) -> None:
    with superuser(database(home), str(dict(database(home).parameters)["dbname"])) as connection:
        connection.execute("DELETE FROM vocab.value_set_member WHERE oid = 'nobody'")
    assert None not in _waiting(home)


def test_labels_of_what_somebody_else_names_need_a_build_of_everybody(home: Settings, tmp_path: Path) -> None:
    stay = visit("joan", "stay", "2026-02-03", "2026-02-04", "IMP", meta={"lastUpdated": "2026-05-01T00:00:00Z"})
    named = {"encounter": {"reference": "Encounter/stay"}}
    _load(home, tmp_path, stay)
    _load(home, tmp_path, condition("jane", "birth", coded(ICD10, "I10"), "problem-list-item", **named))
    refresh_persons(home, database(home))
    _load(home, tmp_path, {**stay, "meta": {"lastUpdated": "2026-06-01T00:00:00Z", "security": [RESTRICTED]}})
    with pytest.raises(WholeBuildNeededError, match="somebody else's record names"):
        refresh_persons(home, database(home))
    dbt.build(home, database(home), tests=False)
    with database(home).connect(Role.TRANSFORM) as connection:
        hidden = connection.execute(
            "SELECT FROM access.sensitive_row WHERE cdm_table = 'condition_occurrence' AND person_id = %s", (JANE,)
        ).fetchall()
    assert len(hidden) == 1


def test_an_erased_person_does_not_wait(home: Settings, tmp_path: Path) -> None:
    _diagnosis(home, tmp_path, "seventh")
    assert JANE in _waiting(home)
    erase(home, database(home), JANE, "data-subject-request", "test")
    assert JANE not in _waiting(home)
    refresh_persons(home, database(home))
    assert (_waiting(home), JANE in _persons(home)) == ([], False)


def _persons(settings: Settings) -> set[int]:
    with database(settings).connect(Role.TRANSFORM) as connection:
        return {key for (key,) in connection.execute("SELECT person_id FROM omop.person").fetchall()}


def test_every_model_says_how_a_refresh_changes_it() -> None:
    node = {
        "resource_type": "model", "name": "one", "alias": "one", "compiled_code": "", "depends_on": {"nodes": []},
        "config": {"schema": "omop", "meta": {}},
    }  # fmt: skip
    with pytest.raises(PlanError, match="model one"):
        Plan.of({"nodes": {"model.sanctum.one": node}})


def test_what_models_do_after_they_are_made_a_refresh_does_too(home: Settings) -> None:
    """A model's own post-hook runs in no refresh: each is named here with what stands for it there."""
    manifest = dbt.compiled_for_refresh(home, database(home), home.effective_as_of())
    hooks = {
        node["name"]: {hook["sql"] for hook in node["config"]["post-hook"]}
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    of_all = set.intersection(*hooks.values())
    assert len(of_all) == 5
    assert {name for name, own in hooks.items() if own - of_all} == {
        "care_gap",  # after
        "int_consent",  # also, after
        "int_era",  # int_row_label
        "int_person_scope",  # also
        "int_scope_name",  # also
        "int_sensitive_row",  # int_row_label
        "labelled_row",  # int_row_label
        "note",  # record_read.sql
    }


def test_what_is_counted_of_everybody_is_not_tested_in_a_refresh(home: Settings) -> None:
    manifest = dbt.compiled_for_refresh(home, database(home), home.effective_as_of())
    checks = {check.name for check in Plan.of(manifest).checks}
    assert "every_bronze_row_is_accounted_for" in checks
    assert "coverage_counts_every_row" not in checks
    assert any("coverage_counts_every_row" in key for key in manifest["nodes"])


def test_the_audit_log_is_whole(home: Settings) -> None:
    assert audit.verify(home, database(home)).is_whole
