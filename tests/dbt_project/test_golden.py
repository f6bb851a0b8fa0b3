"""Golden cases through the loader and dbt, and what a resource that comes later changes."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from typing import Any

import pytest

from pipelines.account import Account
from pipelines.fhir import ingest_fhir
from pipelines.fhir.profiles import MAPPING_VERSION
from pipelines.fhir.validation import problem
from pipelines.lineage import trace
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.identity.session import AccessDeniedError
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import assert_built
from tests.dbt_project import accounts
from tests.dbt_project.golden import (
    CARDIOLOGY,
    EHR,
    STRICT,
    SURGERY,
    Case,
    Resource,
    answers,
    claims,
    coverages,
    drug,
    key,
    order,
    programmes,
)
from tests.dbt_project.golden.vocabulary import CONCEPTS, OUTDATED_CONCEPTS, RELATIONSHIPS, SOURCE_CONCEPTS
from tests.dbt_project.golden_cases import CASES, NAMES_SOMEBODY, resources
from tests.dbt_project.population import patient
from tests.identities import identity
from tests.pipelines.lineage.conftest import all_labels
from tests.pipelines.lineage.walk import walk

Change = Callable[..., None]
AS_OF = date(2026, 10, 31)


@pytest.fixture(scope="module")
def warehouse(module_settings: Settings) -> Database:
    found = database(module_settings)
    ensure_starter(found)
    concepts = [
        *((*concept, "S", None) for concept in (*CONCEPTS, *coverages.CONCEPTS, *claims.CONCEPTS)),
        *((*concept, None, None) for concept in SOURCE_CONCEPTS),
        *((*concept, None, "D") for concept in OUTDATED_CONCEPTS),
    ]
    with found.connect(Role.INGEST) as connection:
        connection.cursor().executemany(
            "INSERT INTO vocab.concept (concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, "
            "concept_code, standard_concept, invalid_reason, valid_start_date, valid_end_date) "
            "VALUES (%s, %s, %s, %s, 'Undefined', %s, %s, %s, '1970-01-01', '2099-12-31') "
            # As of a download, whose rows win over the starter's stand-ins.
            "ON CONFLICT (concept_id) DO UPDATE SET vocabulary_id = EXCLUDED.vocabulary_id, "
            "concept_code = EXCLUDED.concept_code",
            concepts,
        )
        connection.cursor().executemany(
            "INSERT INTO vocab.concept_relationship (concept_id_1, concept_id_2, relationship_id, valid_start_date, "
            "valid_end_date) VALUES (%s, %s, %s, '1970-01-01', '2099-12-31')",
            RELATIONSHIPS,
        )
    return found


@pytest.fixture(scope="module")
def ingest(
    module_settings: Settings, warehouse: Database, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Account]:
    folder = tmp_path_factory.mktemp("input")

    def load(found: Iterable[Resource], profile: str = "us-core", source: str = EHR) -> Account:
        path = folder / f"{len(list(folder.iterdir()))}.ndjson"
        path.write_text("".join(json.dumps(resource) + "\n" for resource in found))
        settings = module_settings.model_copy(update={"mapping_profile": profile, "source_system": source})
        account = ingest_fhir(settings, warehouse, [path])
        assert (account.closes, dict(account.quarantined)) == (True, {})
        return account

    return load


@pytest.fixture(scope="module")
def change(module_settings: Settings, warehouse: Database, ingest: Callable[..., Account]) -> Change:
    def load(*found: Resource, select: tuple[str, ...] = (), tests: bool = False) -> None:
        ingest(found)
        result = dbt.build(module_settings, warehouse, as_of=AS_OF, select=select, tests=tests)
        assert_built(result)

    return load


@pytest.fixture(scope="module")
def built(warehouse: Database, ingest: Callable[..., Account], change: Change) -> Database:
    ingest(resources(STRICT), "ig-strict", STRICT)
    late = order("late", medicationReference={"reference": "Medication/late"})
    change(*resources(EHR), patient("late", "1960-04-12", "MRN-late"), late, tests=True)
    return warehouse


def rows(warehouse: Database, query: str, *parameters: Any) -> list[tuple]:
    with warehouse.connect(Role.TRANSFORM) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(built: Database, case: Case) -> None:
    column, value = case.of or ("person_id", key("Patient", case.name, case.source))
    query = f"SELECT {case.columns} FROM {case.table} WHERE {column} = %s"
    assert sorted(rows(built, query, value), key=repr) == sorted(case.expected, key=repr)


@pytest.mark.parametrize("source", [EHR, STRICT])
def test_golden_input_is_r4(source: str) -> None:
    assert {problem(resource, "full") for resource in resources(source)} == {None}


def test_what_is_left_out_is_in_the_account_and_nowhere_else(built: Database) -> None:
    query = "SELECT outcome, count(*)::int FROM bronze.resource WHERE outcome <> 'loaded' GROUP BY 1"
    left_out = Counter(dict(rows(built, query)))
    with built.connect(Role.INGEST) as connection:
        accounts = connection.execute("SELECT account -> 'excluded' FROM landing.file_load").fetchall()
    assert sum((Counter(account) for (account,) in accounts), Counter()) == left_out
    query = (
        "SELECT count(*) FROM omop.event_source INNER JOIN bronze.resource USING (resource_key) "
        "WHERE outcome <> 'loaded'"
    )
    assert rows(built, query) == [(0,)]


@pytest.mark.parametrize("table", accounts.PLACED)
def test_the_account_of_a_table_of_bronze_closes(built: Database, table: str) -> None:
    found = accounts.tally(partial(rows, built), table)
    assert found.closes, found
    assert found.placed > 0


def _columns(warehouse: Database, pattern: str) -> list[tuple[str, str]]:
    query = (
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'omop' AND column_name ~ %s ORDER BY 1, 2"
    )
    return rows(warehouse, query, pattern)


def _found(table: str, column: str) -> str:
    """Concepts of a column, 0 and absent ones aside."""
    return f"(SELECT DISTINCT {column} AS concept_id FROM omop.{table} WHERE {column} > 0) AS found"


def test_every_type_concept_is_of_that_domain(built: Database) -> None:
    # What a build says of itself is of no source.
    columns = [column for column in _columns(built, "_type_concept_id$") if column[0] != "metadata"]
    assert len(columns) >= 9
    for table, column in columns:
        known = "concept_id IN (SELECT concept_id FROM vocab.concept WHERE domain_id = 'Type Concept')"
        query = f"SELECT concept_id FROM {_found(table, column)} WHERE NOT {known}"
        assert (column, rows(built, query)) == (column, [])
        assert rows(built, f"SELECT count(*) FROM omop.{table} WHERE coalesce({column}, 0) = 0") == [(0,)]


def test_concepts_are_standard_and_source_concepts_are_kept_apart(built: Database) -> None:
    columns = [pair for pair in _columns(built, "_concept_id$") if "source_" not in pair[1]]
    assert len(columns) > 30
    for table, column in columns:
        query = (
            f"SELECT concept_id FROM {_found(table, column)} INNER JOIN vocab.concept USING (concept_id) "
            "WHERE standard_concept IS DISTINCT FROM 'S' OR invalid_reason IS NOT NULL"
        )
        assert (table, column, rows(built, query)) == (table, column, [])


def test_required_dates_are_there(built: Database) -> None:
    required = "^(person_id|.*_start_date|visit_end_date|drug_exposure_end_date|death_date)$"
    exact = "^(measurement|observation|procedure|specimen|note)_date$"
    for table, column in [*_columns(built, required), *_columns(built, exact)]:
        if table not in ("event_source", "event_coding"):
            assert rows(built, f"SELECT count(*) FROM omop.{table} WHERE {column} IS NULL") == [(0,)]


def test_nothing_in_the_tables_for_research_names_a_person(built: Database) -> None:
    query = (
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('omop', 'features', 'measures')"
    )
    tables = rows(built, query)
    assert len(tables) > 30
    for schema, table in tables:
        found = rows(built, f"SELECT count(*) FROM {schema}.{table} AS t WHERE t::text ~ %s", NAMES_SOMEBODY)
        assert (schema, table, found) == (schema, table, [(0,)])
    # The words are in the input, so that their absence says something.
    planted = json.dumps(resources())
    assert [word for word in NAMES_SOMEBODY.split("|") if word not in planted] == []


def test_what_a_load_was_made_with_is_on_record(module_settings: Settings, built: Database) -> None:
    with built.connect(Role.INGEST) as connection:
        query = "SELECT source_system, mapping_profile, mapping_version, validation FROM landing.file_load"
        loads = set(connection.execute(query).fetchall())
    made = (MAPPING_VERSION, module_settings.validation)
    assert {(EHR, "us-core", *made), (STRICT, "ig-strict", *made)} <= loads
    ((cdm_version, vocabulary),) = rows(built, "SELECT cdm_version, vocabulary_version FROM omop.cdm_source")
    assert cdm_version == "5.4"
    assert vocabulary.startswith("release ")


@pytest.mark.parametrize(
    ("name", "specialty", "code"),
    # Of several roles the one in force; without one with a specialty the qualification.
    [("dr-heart", CARDIOLOGY, "207RC0000X"), ("dr-degree", SURGERY, "208600000X")],
)
def test_a_provider_has_specialty_and_place_of_a_role(built: Database, name: str, specialty: int, code: str) -> None:
    query = (
        "SELECT specialty_concept_id, specialty_source_value, care_site_id FROM omop.provider WHERE provider_id = %s"
    )
    found = rows(built, query, key("Practitioner", name))
    assert found == [(specialty, code, key("Organization", "heart-centre"))]


def test_what_has_no_day_is_accounted_for(built: Database) -> None:
    query = (
        "SELECT bronze_table, bronze_key, reason FROM omop.dropped_row "
        "WHERE bronze_table IN ('device', 'specimen', 'claim_line', 'payer_plan_period')"
    )
    assert sorted(rows(built, query)) == sorted(
        [
            ("device", key("Device", "device-nobody-used-own"), "no_use"),
            ("specimen", key("Specimen", "undated-blood"), "no_date"),
            *claims.DROPPED,
            *answers.DROPPED,
            *programmes.DROPPED,
        ]
    )


def test_codes_of_claims_and_coverages_that_nothing_maps_are_listed(built: Database) -> None:
    query = (
        "SELECT bronze_table, system, code, cdm_table FROM omop.unmapped_code "
        "WHERE cdm_table IN ('cost', 'payer_plan_period') ORDER BY 1, 2, 3"
    )
    assert rows(built, query) == claims.UNMAPPED


def test_no_number_of_a_member_leaves_landing(built: Database) -> None:
    for table in ("bronze.payer_plan_period", "omop.payer_plan_period", "omop_intermediate.int_payer_plan_period"):
        assert rows(built, f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%%4711%%'") == [(0,)]
        assert rows(built, f"SELECT count(*) FROM {table} AS t WHERE t::text ~ '(Jo|Somebody)'") == [(0,)]


def test_labels_of_what_a_row_names_and_of_specimens_hold(built: Database) -> None:
    # Of eras test_cdm_5_4 tells.
    query = "SELECT cdm_table, cdm_id, sensitivity FROM access.sensitive_row WHERE cdm_table NOT LIKE '%%_era'"
    assert sorted(rows(built, query)) == sorted(
        [
            ("device_exposure", key("DeviceUseStatement", "secret-use"), ["R"]),
            # All there is of this person is labelled, so when it was is too.
            ("observation_period", key("Patient", "labelled"), ["R"]),
            ("specimen", key("Specimen", "secret-blood"), ["R"]),
            # The order says what a labelled Task says of it.
            ("observation", key("ServiceRequest", "secretly"), ["R"]),
            ("observation_period", key("Patient", "an-order-rejected-in-secret"), ["R"]),
            *claims.LABELLED,
            *programmes.LABELLED,
        ]
    )


def test_every_row_leads_back_to_the_resource_it_came_from(module_settings: Settings, built: Database) -> None:
    reader = identity(everyone=True, sensitivities=all_labels(built))
    late = order("late", medicationReference={"reference": "Medication/late"})
    born = [patient(name, "1960-04-12", f"MRN-{name}") for name in ("late",)]
    traced = walk(module_settings, built, reader, [*resources(), *born, late])
    assert traced.keys() >= {"drug_exposure", "device_exposure", "procedure_occurrence", "specimen", "provider"}
    assert traced.keys() >= {"cost", "payer_plan_period"}


def test_a_claim_whose_cost_is_labelled_is_left_out(module_settings: Settings, built: Database) -> None:
    # Neither claim has a label of its own: the visit has, and the procedure.
    for line in claims.UNDER_LABELS_OF_OTHERS:
        for table in ("omop.cost", "bronze.claim_line"):
            with pytest.raises(AccessDeniedError):
                trace(module_settings, built, identity(everyone=True), table, line)
            found = trace(module_settings, built, identity(everyone=True, sensitivities=("R",)), table, line)
            assert [source.about["record_type"] for source in found.sources] == ["Claim"]


def test_a_medication_that_comes_later_or_changes_changes_the_rows(built: Database, change: Change) -> None:
    def concept() -> list[tuple]:
        query = "SELECT drug_concept_id FROM omop.drug_exposure WHERE drug_exposure_id = %s"
        return rows(built, query, key("MedicationRequest", "late-rx"))

    select = ("+drug_exposure",)
    assert concept() == [(0,)]
    change(drug("late", "1191", meta={"lastUpdated": "2026-01-01T00:00:00Z"}), select=select)
    assert concept() == [(1112807,)]
    label = [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}]
    newer = {"lastUpdated": "2026-01-02T00:00:00Z", "security": label}
    change(drug("late", "161", meta=newer), select=select)
    assert concept() == [(1125315,)]
    query = "SELECT sensitivity FROM access.sensitive_row WHERE cdm_table = 'drug_exposure' AND cdm_id = %s"
    assert rows(built, query, key("MedicationRequest", "late-rx")) == [(["42CFRPart2"],)]
