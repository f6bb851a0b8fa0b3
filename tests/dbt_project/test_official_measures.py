"""CMS122 and CMS130 against the official test patients and their expected populations."""

import json
from datetime import date
from pathlib import Path

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter, load_vocabulary
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings

POPULATIONS = ("initial_population", "denominator_exclusion", "numerator")
MEASURES = ("CMS122", "CMS130")
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SNOMED = "http://snomed.info/sct"
# The codes the measures' logic names directly; a site loads them beside its value sets.
DIRECT_CODES = [
    *(("direct:medical-nutrition-therapy", "http://www.ama-assn.org/go/cpt", f"9780{last}") for last in (2, 3, 4)),
    *(("direct:medical-nutrition-therapy", HCPCS, code) for code in ("G0270", "G0271")),
    ("direct:answer-yes", SNOMED, "373066001"),
    ("direct:lives-in-nursing-home", SNOMED, "160734000"),
    ("direct:discharge-to-hospice", SNOMED, "428371000124100"),
    ("direct:discharge-to-hospice", SNOMED, "428361000124107"),
]


@pytest.fixture(scope="module")
def measured(module_settings: Settings, shared_data: Path) -> Database:
    found = database(module_settings)
    ensure_starter(found)
    load_vocabulary(found, shared_data / "ecqm")
    with found.connect(Role.INGEST) as connection:
        connection.cursor().executemany(
            "INSERT INTO vocab.value_set_member (oid, value_set_name, system, code) VALUES (%s, %s, %s, %s)",
            [(oid, oid, system, code) for oid, system, code in DIRECT_CODES],
        )
    decks = [shared_data / "ecqm" / "decks" / measure / "bundles.ndjson.gz" for measure in MEASURES]
    assert ingest_fhir(module_settings, found, decks).closes
    dbt.build(
        module_settings, found, as_of=date(2026, 12, 31), period=(date(2026, 1, 1), date(2026, 12, 31)), tests=False
    )
    return found


@pytest.mark.parametrize("measure", MEASURES)
def test_every_case_agrees(measured: Database, shared_data: Path, measure: str) -> None:
    expected = json.loads((shared_data / "ecqm" / "decks" / measure / "expected.json").read_text())["patients"]
    with measured.connect(Role.TRANSFORM) as connection:
        rows = connection.execute(
            "SELECT person_id, initial_population, denominator_exclusion, numerator "
            "FROM measures.measure_population WHERE measure_id = %s",
            (measure,),
        ).fetchall()
    computed = {row[0]: tuple(map(int, row[1:])) for row in rows}
    differing = {
        case["title"]
        for patient, case in expected.items()
        if computed.get(resource_key("ehr", "Patient", patient)) != tuple(case[name] for name in POPULATIONS)
    }
    assert differing == set()
    assert len(expected) > 50
