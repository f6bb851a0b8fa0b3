"""A load that is measured is a real one."""

import json
from pathlib import Path

from benchmarks.loading import load
from resources.postgres import Database, Role
from resources.settings import Settings


def test_a_measured_load_is_committed_under_its_own_source_system(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    patients = [{"resourceType": "Patient", "id": name, "birthDate": "1980-01-01"} for name in ("a", "b", "c")]
    (tmp_path / "Patient.ndjson").write_text("".join(json.dumps(one) + "\n" for one in patients))

    loaded = load(settings, tmp_path, "structural", "bench-test")

    assert loaded.resources == 3
    assert loaded.per_second == 3 / loaded.seconds
    assert loaded.peak > 20 << 20
    with db.connect(Role.INGEST) as connection:
        rows = connection.execute("SELECT DISTINCT source_system, count(*) OVER () FROM bronze.resource").fetchall()
    assert rows == [("bench-test", 3)]
