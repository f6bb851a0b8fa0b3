"""The job that an HL7 v2 message asks for, run whole: from a file in the inbox to the care gap of whom it concerns."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets import definitions
from assets.schedules import HL7_REFRESH
from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Role, database
from resources.settings import Settings
from tests.dbt_project.population import ADT, ICD10, coded, condition, patient
from tests.pipelines.refresh.world import Resource, shared, write

CANARY = "Zzyzxcanary"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


@pytest.fixture(scope="module")
def home(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that is built, with the person whom the message is about and another."""
    ensure_starter(database(module_settings))
    people = [patient("jane", "1960-04-12", "A-1"), patient("joan", "1970-07-01", "D-1")]
    _load(module_settings, tmp_path_factory.mktemp("people"), *shared(), *people)
    dbt.build(module_settings, database(module_settings), tests=False)
    module_settings.hl7_inbox_directory.mkdir(parents=True)
    return module_settings


def _load(settings: Settings, folder: Path, *resources: Resource) -> None:
    assert ingest_fhir(settings, database(settings), [write(folder / "resources.ndjson", list(resources))]).closes


def _arrives(settings: Settings, message: str) -> None:
    number = len(list(settings.hl7_inbox_directory.iterdir()))
    (settings.hl7_inbox_directory / f"{number}.hl7").write_text(message)


def _run(settings: Settings, instance: dg.DagsterInstance) -> tuple[dg.ExecuteInProcessResult, str]:
    job = definitions.build_definitions(settings).resolve_job_def(HL7_REFRESH)
    result = job.execute_in_process(instance=instance)
    return result, "\n".join(entry.user_message for entry in instance.all_logs(result.run_id))


def _rows(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with database(settings).connect(Role.TRANSFORM) as connection:
        return connection.execute(query.encode()).fetchall()


def _metadata(result: dg.ExecuteInProcessResult, table: list[str]) -> list[dict[str, object]]:
    """The metadata of each materialisation of a table."""
    return [
        {name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(table)
    ]


def _sources(result: dg.ExecuteInProcessResult, table: list[str], column: str) -> set[tuple[str, ...]]:
    """The columns that Dagster's UI shows a column is made of."""
    (found,) = (
        event.step_materialization_data.materialization.metadata["dagster/column_lineage"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(table)
    )
    return {(*source.asset_key.path, source.column_name) for source in found.deps_by_column[column]}


def test_a_message_refreshes_the_person_it_concerns(home: Settings, instance: dg.DagsterInstance) -> None:
    # Jane is dead, nobody says since when: she is in no measure any more.
    gaps = "SELECT person_id, measure_id FROM features.care_gap"
    before = set(_rows(home, gaps))
    _arrives(home, ADT.replace("|19600412|F", "|19600412|F" + "|" * 22 + "Y"))
    result, log = _run(home, instance)
    assert "everybody is built" not in log
    assert {person for person, *_ in before - set(_rows(home, gaps))} == {resource_key("ehr", "Patient", "jane")}
    assert _rows(home, "SELECT visit_source_value FROM omop.visit_occurrence") == [("IMP",)]
    refreshed = {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata["new_rows"].value
        for event in result.get_asset_materialization_events()
        if event.asset_key and event.asset_key.path[0] in ("omop", "features")
    }
    assert (refreshed["visit_occurrence"], refreshed["person"], refreshed["care_gap"]) == (1, 0, 0)
    assert _metadata(result, ["quality", "mapping_coverage"]) == [], "it is of a build of everybody"


def test_where_only_that_will_do_everybody_is_built(
    home: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    codes = {"known": coded(ICD10, "E11.9"), "typed": coded(f"urn:{CANARY}", CANARY), "words": {"text": CANARY}}
    conditions = [condition("joan", name, code, "encounter-diagnosis") for name, code in codes.items()]
    _load(home, tmp_path, {"resourceType": "Practitioner", "id": "new", "identifier": [{"value": "2"}]}, *conditions)
    _arrives(home, ADT.replace("V-77", "V-78").replace("|M1|", "|M2|"))
    result, log = _run(home, instance)
    assert "everybody is built: what concerns everybody changed" in log
    assert _sources(result, ["features", "patient_timeline"], "event_date") == {("omop", "event_source", "start_date")}
    assert _sources(result, ["omop", "person"], "year_of_birth") == {("bronze", "person", "year_of_birth")}
    assert len(_rows(home, "SELECT FROM omop.visit_occurrence")) == 2
    assert len(_rows(home, "SELECT FROM omop.provider")) == 2
    (coverage,) = _metadata(result, ["quality", "mapping_coverage"])
    figures = {name: value for name, value in coverage.items() if name.startswith("mapped_")}
    assert figures["mapped_rows_percent"] == figures["mapped_rows_percent_condition"] == pytest.approx(100 / 3)
    assert figures["mapped_codes_percent_condition"] == 50
    assert figures["mapped_rows_percent_visit"] == 100
    assert {type(value) for value in figures.values()} == {float}, "Dagster plots numbers"
    assert "| condition_occurrence | condition_concept_id | other | 1 | 0 | 0.0 |" in str(coverage["coverage"])
    assert coverage["dagster/row_count"]
    assert CANARY not in log + str([event.event_specific_data for event in result.get_asset_materialization_events()])
