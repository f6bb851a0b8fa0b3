"""Who may erase logs in after a load only if the load found something to redact."""

from pathlib import Path

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.hl7 import land_hl7
from resources.postgres import Database, DatabaseUnavailableError, Role
from resources.settings import Settings
from tests.conftest import superuser
from tests.pipelines.fhir.synthetic import ndjson, patient
from tests.pipelines.hl7.messages import message, visit


def test_a_load_without_anything_to_redact_needs_no_eraser(settings: Settings, db: Database, tmp_path: Path) -> None:
    chart, feed = tmp_path / "chart.ndjson", tmp_path / "feed.hl7"
    chart.write_bytes(ndjson([patient()]))
    feed.write_bytes(message("ADT^A01", "20260101080000", visit()))
    with superuser(db) as connection:
        connection.execute("ALTER ROLE sanctum_eraser NOLOGIN")
        try:
            assert ingest_fhir(settings, db, [chart]).loaded["Patient"] == 1
            assert land_hl7(settings, db, [feed]).files_new == 1
            with db.connect(Role.INGEST) as ingest:
                ingest.execute("INSERT INTO landing.redaction_due (file_id) SELECT file_id FROM landing.file")
            with pytest.raises(DatabaseUnavailableError, match="sanctum_eraser"):
                land_hl7(settings, db, [feed])
        finally:
            connection.execute("ALTER ROLE sanctum_eraser LOGIN")
