"""The code locations load, and every asset says what the house demands of it."""

import csv
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets import definitions, inference_definitions
from assets.bronze import TABLES
from assets.dbt import manifest_path
from assets.schedules import HL7_EVIDENCE, HL7_REFRESH, NIGHTLY
from resources import dbt
from resources.dagster import WORKSPACE
from resources.postgres import Role, database
from resources.settings import Settings


@pytest.fixture(scope="module")
def platform(module_settings: Settings) -> dg.Definitions:
    return definitions.build_definitions(module_settings)


@pytest.fixture(scope="module")
def inference(module_settings: Settings) -> dg.Definitions:
    return inference_definitions.build_definitions(module_settings)


@pytest.fixture(params=["platform", "inference"])
def location(request: pytest.FixtureRequest) -> dg.Definitions:
    return request.getfixturevalue(request.param)


def test_location_is_valid(location: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(location)


def test_every_asset_is_described_and_checked(location: dg.Definitions) -> None:
    graph = location.resolve_asset_graph()
    lacking = {
        key.to_user_string(): what
        for key in graph.executable_asset_keys
        for what, value in {
            "group": graph.get(key).group_name != "default",
            "kinds": graph.get(key).kinds,
            "owners": graph.get(key).owners,
            "description": graph.get(key).description,
            "freshness": graph.get(key).freshness_policy,
            "check": graph.get_check_keys_for_assets({key}),
        }.items()
        if not value
    }
    assert lacking == {}


def test_every_table_asset_names_its_table(platform: dg.Definitions) -> None:
    graph = platform.resolve_asset_graph()
    unnamed = [key for key in graph.executable_asset_keys if not graph.get(key).metadata.get("dagster/table_name")]
    assert unnamed == []


def test_bronze_assets_are_the_tables_of_the_migration(settings: Settings) -> None:
    with database(settings).connect(Role.INGEST) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'bronze'").fetchall()
    assert {name for (name,) in tables} == set(TABLES)


def test_the_chain_is_connected_from_landing_to_decisions(platform: dg.Definitions) -> None:
    graph = platform.resolve_asset_graph()
    above = dg.AssetSelection.assets(["inference", "adjudication"]).upstream().resolve(graph)
    for key in (["landing", "fhir_files"], ["landing", "hl7_messages"], ["vocab", "concept"], ["omop", "note"]):
        assert dg.AssetKey(key) in above
    for name in ("embedding_model", "language_model"):
        assert not graph.get(dg.AssetKey(["models", name])).is_executable


def test_fhir_servers_are_assets_upstream_of_bronze(
    platform: dg.Definitions, module_settings: Settings, tmp_path: Path
) -> None:
    names = ("hospital", "a.second-one")
    about = {"base_url": "https://fhir.example/r4", "searches": [{"type": "Patient"}]}
    path = tmp_path / "servers.yaml"
    path.write_text(yaml.safe_dump({"servers": [{"name": name, **about} for name in names]}))
    # The home is that of the platform without servers, whose manifest serves.
    found = definitions.build_definitions(module_settings.model_copy(update={"fhir_servers_file": path}))
    test_location_is_valid(found)
    test_every_asset_is_described_and_checked(found)
    test_every_table_asset_names_its_table(found)
    graph = found.resolve_asset_graph()
    above = dg.AssetSelection.assets(["bronze", "measurement"]).upstream().resolve(graph)
    servers = {dg.AssetKey(["landing", f"fhir_server_{name}"]) for name in names}
    assert servers | {dg.AssetKey(["landing", "fhir_files"])} <= above
    assert servers <= set(found.resolve_job_def(NIGHTLY).asset_layer.executable_asset_keys)
    assert servers.isdisjoint(found.resolve_job_def(HL7_REFRESH).asset_layer.executable_asset_keys)
    assert servers.isdisjoint(platform.resolve_asset_graph().executable_asset_keys)


def test_nightly_runs_everything(platform: dg.Definitions) -> None:
    job = platform.resolve_job_def(NIGHTLY)
    graph = platform.resolve_asset_graph()
    assert set(job.asset_layer.executable_asset_keys) == set(graph.executable_asset_keys)


def test_what_hl7_messages_change_is_refreshed_and_then_read_by_the_models(platform: dg.Definitions) -> None:
    graph = platform.resolve_asset_graph()
    refreshed, read = (
        set(platform.resolve_job_def(job).asset_layer.executable_asset_keys) for job in (HL7_REFRESH, HL7_EVIDENCE)
    )
    assert refreshed.isdisjoint(read)
    vocabulary = {key for key in graph.executable_asset_keys if graph.get(key).group_name == "vocab"}
    left_out = set(graph.executable_asset_keys) - refreshed - read
    assert left_out == {dg.AssetKey(["landing", "fhir_files"])} | vocabulary
    assert {key.path[0] for key in read} == {"retrieval", "inference", "audit"}


def test_the_quality_of_every_table_of_the_cdm_is_a_check(platform: dg.Definitions) -> None:
    graph = platform.resolve_asset_graph()
    checked = {
        (key.asset_key.path[-1], category)
        for key in graph.asset_check_keys
        for category in ("conformance", "completeness", "plausibility")
        if key.name == f"quality_{key.asset_key.path[-1]}_{category}"
    }
    quality = dbt.PROJECT_DIRECTORY / "seeds" / "quality"
    with (quality / "quality_check_type.csv").open(newline="") as types:
        categories = {line["check_name"]: line["category"] for line in csv.DictReader(types)}
    with (quality / "quality_check.csv").open(newline="") as checks:
        assert checked == {(line["cdm_table"], categories[line["check_name"]]) for line in csv.DictReader(checks)}
    assert len({table for table, _category in checked}) == 25


def test_nightly_is_scheduled_at_two(platform: dg.Definitions) -> None:
    schedule = platform.resolve_schedule_def("nightly_schedule")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_manifest_is_made_once_below_the_home(platform: dg.Definitions, module_settings: Settings) -> None:
    path = manifest_path(module_settings)
    assert path.is_relative_to(module_settings.home)
    before = path.stat().st_mtime_ns
    assert manifest_path(module_settings) == path
    assert path.stat().st_mtime_ns == before
    assert [p.name for p in path.parent.parent.iterdir()] == [path.parent.name]


def test_manifest_follows_the_project(
    module_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dbt, "PROJECT_DIRECTORY", tmp_path)
    assert_parsed(module_settings, tmp_path, "SELECT 1 AS a")
    assert_parsed(module_settings, tmp_path, "SELECT 2 AS a")


def assert_parsed(settings: Settings, project: Path, query: str) -> None:
    small_project(project, query)
    assert query in manifest_path(settings).read_text()


def small_project(directory: Path, query: str) -> None:
    """A dbt project of one model and one test of it."""
    source = Path(__file__).resolve().parents[2] / "dbt_project" / "profiles.yml"
    (directory / "models").mkdir(exist_ok=True)
    (directory / "profiles.yml").write_text(source.read_text())
    project = {"name": "small", "version": "1.0", "profile": "sanctum", "models": {"+materialized": "table"}}
    (directory / "dbt_project.yml").write_text(yaml.safe_dump(project))
    (directory / "models" / "one.sql").write_text(query)


def test_workspace_names_both_locations() -> None:
    modules = [entry["python_module"] for entry in yaml.safe_load(WORKSPACE.read_text())["load_from"]]
    names = {module["location_name"]: module["module_name"] for module in modules}
    assert names == {"platform": definitions.__name__, "inference": inference_definitions.__name__}
