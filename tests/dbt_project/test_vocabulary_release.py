"""A vocabulary release and a site's own codes re-map by the next dbt run, and the report said how many rows."""

import json
from datetime import date
from pathlib import Path

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import load_site_map, load_vocabulary, report
from resources import dbt
from resources.postgres import Database
from resources.settings import Settings
from tests.dbt_project.population import ICD10, coded, condition, patient
from tests.pipelines.vocabulary import downloads
from tests.pipelines.vocabulary.downloads import CODE, ROWS, TYPE_2, concept, link

OBSERVED, NEW_CODE = 47_000_001, 47_000_002
LOCAL = "http://hospital.example/codes"
NEWER = {
    **ROWS,
    "CONCEPT": [
        *ROWS["CONCEPT"],
        concept(OBSERVED, "47000001", domain="Observation"),
        concept(NEW_CODE, "Q99.X", standard="", vocabulary="ICD10CM"),
    ],
    "CONCEPT_RELATIONSHIP": [
        link(CODE, TYPE_2, invalid="D"),
        link(CODE, OBSERVED),
        link(NEW_CODE, TYPE_2),
    ],
}


def mapped(db: Database) -> dict[str, set[tuple[str, int]]]:
    """Table and concept of each of the conditions."""
    found = downloads.rows(
        db,
        "SELECT bronze_key, cdm_table, coalesce(c.condition_concept_id, o.observation_concept_id) "
        "FROM omop.event_source AS s "
        "LEFT JOIN omop.condition_occurrence AS c ON s.cdm_table = 'condition_occurrence' "
        "AND s.cdm_id = c.condition_occurrence_id "
        "LEFT JOIN omop.observation AS o ON s.cdm_table = 'observation' AND s.cdm_id = o.observation_id",
    )
    keys = {resource_key("ehr", "Condition", name): name for name in ("known", "local", "unknown")}
    by_name: dict[str, set[tuple[str, int]]] = {}
    for key, table, number in found:
        by_name.setdefault(keys[key], set()).add((table, number))
    return by_name


@pytest.mark.slow
def test_a_release_and_a_site_map_re_map(settings: Settings, db: Database, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"source_system": "ehr"})
    load_vocabulary(db, downloads.write(tmp_path / "older"))
    resources = [
        patient("p", "1960-04-12", "MRN-1"),
        condition("p", "known", coded(ICD10, "E11.9"), "encounter-diagnosis"),
        condition("p", "local", coded(LOCAL, "dm2"), "encounter-diagnosis"),
        condition("p", "unknown", coded(ICD10, "Q99.X"), "encounter-diagnosis"),
    ]
    path = tmp_path / "resources.ndjson"
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    assert ingest_fhir(settings, db, [path]).closes
    models = ("+unmapped_code", "+event_coding", "+condition_occurrence", "+observation")
    dbt.build(settings, db, as_of=date(2026, 10, 31), select=models, tests=False)
    assert mapped(db) == {
        "known": {("condition_occurrence", TYPE_2)},
        "local": {("condition_occurrence", 0)},
        "unknown": {("condition_occurrence", 0)},
    }
    told = load_vocabulary(db, downloads.write(tmp_path / "newer", NEWER))
    assert told.concerns == {"known_now": {"codes": 1, "rows": 1}, "maps_to": {"codes": 1, "rows": 1}}
    assert report(db).concerns == told.concerns
    site = tmp_path / "site.csv"
    site.write_text(f"source_code,source_vocabulary_id,target_concept_id\nDM2,{LOCAL},{TYPE_2}\n")
    load_site_map(db, site)
    dbt.build(settings, db, as_of=date(2026, 10, 31), select=models, tests=False)
    assert mapped(db) == {
        "known": {("observation", OBSERVED)},
        "local": {("condition_occurrence", TYPE_2)},
        "unknown": {("condition_occurrence", TYPE_2)},
    }
    # What it says of the past release is of the newest build: everything is known now.
    assert report(db).concerns == {"maps_to": {"codes": 1, "rows": 1}}
