"""The public export that several modules look at: loaded and built once for all of them."""

import json
from pathlib import Path

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.vocabulary import load_vocabulary
from resources import dbt
from resources.postgres import Database, database
from tests.conftest import make_settings
from tests.dbt_project import routing_records
from tests.dbt_project.export import AS_OF, Export

_TABLES = (
    "condition_occurrence", "measurement", "observation", "drug_exposure", "procedure_occurrence", "device_exposure",
    "visit_detail", "specimen", "payer_plan_period", "cost", "note", "location", "person", "event_source",
    "event_coding", "dropped_row", "unmapped_code",
)  # fmt: skip


@pytest.fixture(scope="package")
def export(server: Database, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Synthea's 100 patients under the shared vocabulary, and the few records that show how records are routed."""
    folder = tmp_path_factory.mktemp("synthea")
    files = sorted((shared_data / "fhir-r4" / "synthea-100").glob("*.ndjson.gz"))
    settings = make_settings(server, folder / "home", validation="structural")
    found = database(settings)
    vocabulary = routing_records.write_vocabulary(shared_data / "vocabulary", folder / "vocabulary")
    load_vocabulary(found, folder / "vocabulary")
    account = ingest_fhir(settings, found, files)
    records = folder / "records.ndjson"
    records.write_text("".join(json.dumps(record) + "\n" for record in routing_records.RECORDS))
    own = settings.model_copy(update={"source_system": routing_records.SOURCE, "validation": "full"})
    routed = ingest_fhir(own, found, [records])
    assert (routed.closes, dict(routed.quarantined), dict(routed.excluded)) == (True, {}, {})
    result = dbt.build(settings, found, as_of=AS_OF, select=[f"+{table}" for table in _TABLES], tests=False)
    assert set(result.counts) == {"success"}
    return Export({path.name.partition(".")[0]: path for path in files}, account, found, vocabulary)
