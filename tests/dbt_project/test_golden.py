"""Golden cases through the loader and dbt, and what a resource that comes later changes."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.dbt_project.golden import CARDIOLOGY, CONCEPTS, SURGERY, Case, Resource, drug, key, order
from tests.dbt_project.golden_cases import CASES, resources
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
    with found.connect(Role.INGEST) as connection:
        connection.cursor().executemany(
            "INSERT INTO vocab.concept (concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, "
            "standard_concept, concept_code, valid_start_date, valid_end_date) "
            "VALUES (%s, %s, %s, %s, 'Undefined', 'S', %s, '1970-01-01', '2099-12-31')",
            CONCEPTS,
        )
    return found


@pytest.fixture(scope="module")
def change(module_settings: Settings, warehouse: Database, tmp_path_factory: pytest.TempPathFactory) -> Change:
    folder = tmp_path_factory.mktemp("input")

    def load(*found: Resource, select: tuple[str, ...] = (), tests: bool = False) -> None:
        path = folder / f"{len(list(folder.iterdir()))}.ndjson"
        path.write_text("".join(json.dumps(resource) + "\n" for resource in found))
        account = ingest_fhir(module_settings, warehouse, [path])
        assert (account.closes, dict(account.quarantined)) == (True, {})
        result = dbt.build(module_settings, warehouse, as_of=AS_OF, select=select, tests=tests)
        assert set(result.counts) <= {"success", "pass"}

    return load


@pytest.fixture(scope="module")
def built(warehouse: Database, change: Change) -> Database:
    late = order("late", medicationReference={"reference": "Medication/late"})
    change(*resources(), patient("late", "1960-04-12", "MRN-late"), late, tests=True)
    return warehouse


def rows(warehouse: Database, query: str, *parameters: Any) -> list[tuple]:
    with warehouse.connect(Role.TRANSFORM) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_golden(built: Database, case: Case) -> None:
    person = resource_key("ehr", "Patient", case.name)
    query = f"SELECT {case.columns} FROM {case.table} WHERE person_id = %s ORDER BY 1"
    assert rows(built, query, person) == case.expected


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
    query = "SELECT bronze_table, bronze_key, reason FROM omop.dropped_row ORDER BY 1"
    assert rows(built, query) == [
        ("device", key("Device", "device-nobody-used-own"), "no_use"),
        ("specimen", key("Specimen", "undated-blood"), "no_date"),
    ]


def test_labels_of_what_a_row_names_and_of_specimens_hold(built: Database) -> None:
    query = "SELECT cdm_table, cdm_id, sensitivity FROM access.sensitive_row ORDER BY 1"
    assert rows(built, query) == [
        ("device_exposure", key("DeviceUseStatement", "secret-use"), ["R"]),
        # All there is of this person is labelled, so when it was is too.
        ("observation_period", key("Patient", "labelled"), ["R"]),
        ("specimen", key("Specimen", "secret-blood"), ["R"]),
    ]


def test_every_row_leads_back_to_the_resource_it_came_from(module_settings: Settings, built: Database) -> None:
    reader = identity(everyone=True, sensitivities=all_labels(built))
    late = order("late", medicationReference={"reference": "Medication/late"})
    born = [patient(name, "1960-04-12", f"MRN-{name}") for name in ("late",)]
    traced = walk(module_settings, built, reader, [*resources(), *born, late])
    assert traced.keys() >= {"drug_exposure", "device_exposure", "procedure_occurrence", "specimen", "provider"}


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
