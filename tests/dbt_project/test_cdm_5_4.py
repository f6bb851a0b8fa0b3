"""Schema omop against the field list of OMOP CDM 5.4, and the tables that the CDM derives.

``cdm_5_4_fields.csv`` has table, field, type and required of every table that Sanctum fills or provides, in the order
of the DDL. Source: OHDSI/CommonDataModel, ``inst/ddl/5.4/postgresql/OMOPCDM_postgresql_5.4_ddl.sql`` (Apache-2.0),
of which cohorts, episodes and the vocabulary, which is in schema ``vocab``, are left out.
"""

import csv
import json
import os
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from benchmarks import conformed
from pipelines.fhir import ingest_fhir
from pipelines.keys import derived_key, resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.identity.session import open_session
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import assert_built
from tests.dbt_project import cdm_population as population
from tests.dbt_project.cdm_population import AMLODIPINE, METOPROLOL
from tests.dbt_project.test_routing_rules import unit_tests
from tests.identities import identity

AS_OF = date(2026, 10, 31)
PAT = resource_key("ehr", "Patient", "pat")
MILLIGRAM = 8576
OWN_FIELDS = {("cost", "person_id"): "row security guards by person, and a cost names none in the CDM"}
"""Fields that the CDM lacks, and why omop has them."""

_KEY_TYPES = {"integer", "bigint"}


def _fields() -> list[tuple[str, str, str, bool]]:
    with (Path(__file__).parent / "cdm_5_4_fields.csv").open(newline="") as lines:
        return [(row["table"], row["field"], row["type"], row["required"] == "yes") for row in csv.DictReader(lines)]


FIELDS = _fields()
TABLES = tuple(dict.fromkeys(table for table, *_ in FIELDS))


@pytest.fixture(scope="module")
def warehouse(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Database:
    found = database(module_settings)
    ensure_starter(found)
    with found.connect(Role.INGEST) as connection:
        cursor = connection.cursor()
        cursor.executemany(
            "INSERT INTO vocab.concept (concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, "
            "concept_code, standard_concept, valid_start_date, valid_end_date) "
            "VALUES (%s, %s, 'Drug', 'RxNorm', %s, %s, 'S', '1970-01-01', '2099-12-31')",
            population.CONCEPTS,
        )
        cursor.executemany("INSERT INTO vocab.concept_ancestor VALUES (%s, %s, 1, 1)", population.ANCESTORS)
        cursor.executemany(
            "INSERT INTO vocab.drug_strength (drug_concept_id, ingredient_concept_id, amount_value, "
            f"amount_unit_concept_id, valid_start_date, valid_end_date) VALUES (%s, %s, %s, {MILLIGRAM}, "
            "'1970-01-01', '2099-12-31')",
            population.STRENGTHS,
        )
    account = ingest_fhir(module_settings, found, [population.write(tmp_path_factory.mktemp("input"))])
    assert (account.closes, dict(account.quarantined)) == (True, {})
    assert_built(dbt.build(module_settings, found, as_of=AS_OF))
    return found


def rows(warehouse: Database, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with warehouse.connect(Role.TRANSFORM) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def columns(warehouse: Database, table: str) -> list[tuple[str, str, bool]]:
    """Name, type as the CDM writes it, and whether it is required, in the order of the table."""
    found = rows(
        warehouse,
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        f"omop.{table}",
    )
    written = {"character varying": "varchar", "timestamp without time zone": "timestamp"}
    return [(name, _replaced(kind, written), required) for name, kind, required in found]


def _replaced(text: str, replacements: dict[str, str]) -> str:
    for old, new in replacements.items():
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_fields_of_the_cdm_and_no_others(warehouse: Database, table: str) -> None:
    found = [column for column in columns(warehouse, table) if (table, column[0]) not in OWN_FIELDS]
    expected = [(field, kind, required) for of, field, kind, required in FIELDS if of == table]
    assert [name for name, *_ in found] == [name for name, *_ in expected]
    for (name, kind, required), (_, expected_kind, expected_required) in zip(found, expected, strict=True):
        # Keys are hashes of 64 bits; concepts keep the vocabulary's 32.
        is_key = (name.endswith("_id") and not name.endswith("concept_id")) or name in ("fact_id_1", "fact_id_2")
        allowed = _KEY_TYPES if is_key and expected_kind == "integer" else {expected_kind}
        assert kind in allowed, name
        assert required == expected_required, name


def test_every_field_of_our_own_is_there(warehouse: Database) -> None:
    for table, field in OWN_FIELDS:
        assert field in [name for name, *_ in columns(warehouse, table)]


def test_every_model_of_omop_has_a_contract(module_settings: Settings, warehouse: Database) -> None:
    manifest = json.loads((module_settings.dbt_directory / "target" / "manifest.json").read_text())
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    lacking = {node["name"] for node in models if node["schema"] == "omop" and not node["contract"]["enforced"]}
    assert lacking == set()
    assert {node["name"] for node in models if node["schema"] == "omop"} >= set(TABLES)


def test_what_is_longer_than_the_cdm_has_room_for_is_cut(warehouse: Database) -> None:
    for table, column, expected in (
        ("location", "city", [50]),
        ("location", "county", [20]),
        ("location", "country_source_value", [80]),
        ("care_site", "care_site_name", [255]),
        ("care_site", "place_of_service_source_value", [50]),
        ("provider", "specialty_source_value", [50]),
        ("visit_occurrence", "visit_source_value", [50]),
        ("visit_occurrence", "admitted_from_source_value", [50]),
        ("visit_occurrence", "discharged_to_source_value", [50]),
        ("visit_detail", "visit_detail_source_value", [50]),
        ("device_exposure", "unique_device_id", [255]),
        ("device_exposure", "production_id", [255]),
        ("drug_exposure", "lot_number", [50]),
        ("drug_exposure", "route_source_value", [50]),
        ("drug_exposure", "dose_unit_source_value", [50]),
        ("procedure_occurrence", "procedure_source_value", [50]),
        ("observation", "value_as_string", [60]),
        ("observation", "qualifier_source_value", [50]),
        ("specimen", "unit_source_value", [50]),
        ("specimen", "anatomic_site_source_value", [50]),
        ("note", "note_title", [250]),
        ("note", "note_source_value", [50]),
    ):
        query = f"SELECT DISTINCT length({column}) FROM omop.{table} WHERE length({column}) > 10"
        assert [length for (length,) in rows(warehouse, query)] == expected, (table, column)
    # What is cut is another state, another number, another group.
    assert rows(warehouse, "SELECT state, zip FROM omop.location WHERE city LIKE 'ü%%'") == [(None, "021771234")]
    assert rows(warehouse, "SELECT DISTINCT npi FROM omop.provider") == [(None,)]
    query = "SELECT length(value_text) FROM omop.event_source WHERE value_text LIKE 'ü%%'"
    assert rows(warehouse, query) == [(200,)]


def test_eras_span_records_of_one_condition_or_ingredient_and_labelled_ones_apart(warehouse: Database) -> None:
    query = (
        "SELECT condition_concept_id, condition_era_start_date::text, condition_era_end_date::text, "
        "condition_occurrence_count FROM omop.condition_era WHERE person_id = %s ORDER BY 2"
    )
    # The second begins 30 days after the end of the first, which has none of its own; the third is labelled.
    assert rows(warehouse, query, PAT) == [
        (201826, "2026-01-01", "2026-02-02", 2),
        (201826, "2026-03-01", "2026-03-02", 1),
    ]
    query = (
        "SELECT drug_concept_id, drug_era_start_date::text, drug_era_end_date::text, drug_exposure_count, gap_days "
        "FROM omop.drug_era WHERE person_id = %s ORDER BY 2, 1"
    )
    assert rows(warehouse, query, PAT) == [
        (AMLODIPINE, "2026-01-01", "2026-03-21", 2, 21),
        (AMLODIPINE, "2026-02-01", "2026-03-02", 1, 0),
        (AMLODIPINE, "2026-06-01", "2026-06-30", 1, 0),
        (METOPROLOL, "2026-06-01", "2026-06-30", 1, 0),
    ]
    query = (
        "SELECT drug_concept_id, unit_concept_id, dose_value::float, dose_era_start_date::text, "
        "dose_era_end_date::text FROM omop.dose_era WHERE person_id = %s ORDER BY 4, 1"
    )
    assert rows(warehouse, query, PAT) == [
        (AMLODIPINE, MILLIGRAM, 5.0, "2026-01-01", "2026-03-21"),
        (AMLODIPINE, MILLIGRAM, 5.0, "2026-02-01", "2026-03-02"),
        (AMLODIPINE, MILLIGRAM, 10.0, "2026-06-01", "2026-06-30"),
        (METOPROLOL, MILLIGRAM, 50.0, "2026-06-01", "2026-06-30"),
    ]


@pytest.mark.parametrize(
    ("table", "hidden", "shown"), [("condition_era", 1, 1), ("drug_era", 1, 3), ("dose_era", 1, 3)]
)
def test_an_era_of_labelled_records_is_seen_by_who_may_see_them(
    module_settings: Settings, warehouse: Database, table: str, hidden: int, shown: int
) -> None:
    query = f"SELECT count(*) FROM omop.{table} WHERE person_id = {PAT}"
    for labels, expected in (((), shown), (("42CFRPart2",), shown), (("R",), shown + hidden)):
        reader = identity(everyone=True, sensitivities=labels)
        with open_session(module_settings, warehouse, reader) as session:
            session.enter()
            assert session.connection.execute(query.encode()).fetchall() == [(expected,)]


def test_labels_of_eras_are_counted_with_the_others(warehouse: Database) -> None:
    query = "SELECT labelled_rows FROM omop.labelled_row WHERE cdm_table = %s AND code = 'R'"
    for table in ("condition_era", "drug_era", "dose_era"):
        assert rows(warehouse, query, table) == [(1,)]
    query = "SELECT cdm_table, count(*) FROM access.sensitive_row WHERE cdm_table LIKE '%%_era' GROUP BY 1 ORDER BY 1"
    assert rows(warehouse, query) == [("condition_era", 1), ("dose_era", 1), ("drug_era", 1)]


def test_a_panel_and_its_parts_are_related_in_both_directions(warehouse: Database) -> None:
    found = rows(warehouse, "SELECT * FROM omop.fact_relationship ORDER BY 2, 4")
    expected = []
    for name in ("panel", "secret-panel"):
        panel = resource_key("ehr", "Observation", name)
        for part in (derived_key(str(panel), "component", str(index)) for index in range(2)):
            expected += [(21, panel, 21, part, 581436), (21, part, 21, panel, 581437)]
    assert found == sorted(expected, key=lambda row: (row[1], row[3]))
    assert rows(
        warehouse, "SELECT count(*) FROM omop_intermediate.int_fact_relationship WHERE person_id = %s", PAT
    ) == [(8,)]


@pytest.mark.parametrize("table", ["fact_relationship", "note_nlp"])
@pytest.mark.parametrize("role", [Role.REVIEWER, Role.INFER, Role.EMBED, Role.AUDITOR, Role.INGEST])
def test_what_names_no_person_is_read_by_nobody(warehouse: Database, table: str, role: Role) -> None:
    with warehouse.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"SELECT FROM omop.{table}".encode())


def test_the_build_says_its_day_its_window_and_its_vocabulary(warehouse: Database) -> None:
    query = (
        "SELECT name, metadata_date = %s, value_as_number::float, length(value_as_string) FROM omop.metadata "
        "WHERE name NOT LIKE 'SHA%%' ORDER BY metadata_id"
    )
    assert rows(warehouse, query, AS_OF) == [
        ("as-of day of the build", True, None, None),
        ("persistence window of eras in days", None, 30.0, None),
    ]
    query = (
        "SELECT count(*) FROM omop.metadata AS told INNER JOIN vocab.release AS release "
        "ON told.value_as_string = release.content_sha256 AND told.value_as_number = release.release_id"
    )
    assert rows(warehouse, query) == [(1,)]


def test_unit_tests_of_models_pass(module_settings: Settings, warehouse: Database) -> None:
    arguments = ["test", "--quiet", "--select", "test_type:unit", "--vars", json.dumps(dbt.variables(AS_OF))]
    variables = {**os.environ, **dbt.environment(module_settings, warehouse)}
    done = subprocess.run(dbt.command(arguments), env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    results = json.loads((module_settings.dbt_directory / "target" / "run_results.json").read_text())["results"]
    named = {node["unique_id"]: node["status"] for node in results if node["unique_id"].startswith("unit_test.")}
    written = {name for _, name in unit_tests(*(dbt.PROJECT_DIRECTORY / "models").rglob("*.yml"))}
    assert {name.split(".")[-1] for name in named} == written
    assert set(named.values()) == {"pass"}


def test_the_bound_of_the_bench_writes_rows_of_as_many_columns(warehouse: Database) -> None:
    with warehouse.connect(Role.TRANSFORM) as connection:
        for query in conformed.queries():
            theirs = connection.execute(query.read_bytes()).description
            ours = connection.execute(f"SELECT * FROM omop.{query.stem} LIMIT 0".encode()).description
            assert len(theirs or ()) == len(ours or ()) > 0, query.stem
    rows, seconds = conformed.bound(warehouse, 2)
    assert rows > 20
    assert seconds > 0
    with warehouse.connect(Role.TRANSFORM) as connection:
        assert connection.execute("SELECT to_regnamespace('omop_bound')").fetchone() == (None,)
