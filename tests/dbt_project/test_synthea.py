"""What a public export that nobody here wrote becomes in omop, and what became of the rest."""

import gzip
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipelines.account import Account
from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from tests.conftest import make_settings

TYPES = ("Patient", "Encounter", "Organization", "Practitioner", "Condition", "Observation", "Immunization")
TABLES = ("condition_occurrence", "measurement", "observation", "drug_exposure", "procedure_occurrence")
BLOOD_PRESSURE, SYSTOLIC, DIASTOLIC = "85354-9", 3004249, 3012888


@dataclass(frozen=True)
class Export:
    """The export as it is on the disk, its account, and what it was made into."""

    resources: dict[str, list[dict[str, Any]]]
    account: Account
    database: Database

    def rows(self, query: str, *parameters: Any) -> list[tuple]:
        with self.database.connect(Role.TRANSFORM) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()


@pytest.fixture(scope="module")
def export(server: Database, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    folder = shared_data / "fhir-r4" / "synthea-100"
    files = {kind: folder / f"{kind}.ndjson.gz" for kind in TYPES}
    resources = {
        kind: [orjson.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
        for kind, path in files.items()
    }
    settings = make_settings(server, tmp_path_factory.mktemp("synthea") / "home", validation="structural")
    found = database(settings)
    ensure_starter(found)
    account = ingest_fhir(settings, found, list(files.values()))
    models = ("+event_source", *(f"+{table}" for table in TABLES), "+dropped_row")
    result = dbt.build(settings, found, as_of=date(2026, 10, 31), select=models, tests=False)
    assert set(result.counts) == {"success"}
    return Export(resources, account, found)


def test_the_account_explains_every_resource(export: Export) -> None:
    account = export.account
    assert account.closes
    assert dict(account.read) == {kind: len(found) for kind, found in export.resources.items()}
    assert not account.quarantined
    outcomes = Counter(
        dict(export.rows("SELECT outcome, count(*) FROM bronze.resource WHERE outcome <> 'loaded' GROUP BY 1"))
    )
    assert outcomes == account.excluded
    loaded = dict(
        export.rows("SELECT resource_type, count(*) FROM bronze.resource WHERE outcome = 'loaded' GROUP BY 1")
    )
    assert loaded == dict(account.loaded)


def test_of_a_hundred_encounters_ninety_nine_are_visits_and_the_rest_is_explained(export: Export) -> None:
    encounters = len(export.resources["Encounter"])
    kept = export.rows(
        "SELECT (SELECT count(*) FROM omop.visit_occurrence) "
        "+ (SELECT count(*) FROM omop.event_source WHERE cdm_table = 'visit_detail')"
    )[0][0]
    assert kept >= 0.99 * encounters
    left = export.rows(
        "SELECT count(*) FROM bronze.resource WHERE resource_type = 'Encounter' AND outcome <> 'loaded'"
    )[0][0]
    dropped = export.rows("SELECT count(*) FROM omop.dropped_row WHERE bronze_table = 'visit_occurrence'")[0][0]
    assert encounters == kept + left + dropped > 0


def test_no_visit_is_an_orphan(export: Export) -> None:
    """What names an encounter has its visit, and that visit is there."""
    named = sum(
        "encounter" in found
        for kind in ("Condition", "Observation", "Immunization")
        for found in export.resources[kind]
    )
    assert named > 0
    events = export.rows(
        "SELECT count(DISTINCT source.resource_key), count(*) FILTER (WHERE visit.visit_occurrence_id IS NULL), "
        "count(*) FILTER (WHERE visit.person_id <> source.person_id) FROM omop.event_source AS source "
        "LEFT JOIN omop.visit_occurrence AS visit USING (visit_occurrence_id) "
        "WHERE cdm_table NOT IN ('visit_occurrence', 'visit_detail')"
    )
    dropped = export.rows("SELECT count(*) FROM omop.dropped_row WHERE bronze_table <> 'visit_occurrence'")[0][0]
    assert events == [(named, 0, 0)]
    assert dropped == 0
    for table in TABLES:
        query = (
            f"SELECT count(*) FROM omop.{table} AS event LEFT JOIN omop.visit_occurrence AS visit "
            "USING (visit_occurrence_id) WHERE visit.visit_occurrence_id IS NULL"
        )
        assert export.rows(query) == [(0,)], table


def test_each_blood_pressure_is_two_measurements(export: Export) -> None:
    panels = {
        resource_key("ehr", "Observation", found["id"])
        for found in export.resources["Observation"]
        if any(coding["code"] == BLOOD_PRESSURE for coding in found["code"]["coding"])
    }
    found = export.rows(
        "SELECT source.resource_key, array_agg(measurement_concept_id ORDER BY measurement_concept_id), "
        "bool_and(value_as_number > 0 AND unit_concept_id = 8876) FROM omop.measurement "
        "INNER JOIN omop.event_source AS source ON measurement_id = cdm_id AND cdm_table = 'measurement' "
        "WHERE source.resource_key = ANY(%s) GROUP BY 1",
        sorted(panels),
    )
    assert {key for key, _, _ in found} == panels != set()
    assert {(tuple(concepts), usual) for _, concepts, usual in found} == {((SYSTOLIC, DIASTOLIC), True)}
