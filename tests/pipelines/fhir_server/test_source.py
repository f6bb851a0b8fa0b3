"""The dlt source, in a pipeline that has no database of Sanctum's."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import orjson
import psycopg
import pytest
from psycopg.rows import dict_row

from pipelines.fhir_server.errors import FhirServerError, ServersFileError
from pipelines.fhir_server.source import fhir_server
from resources.postgres import Database
from tests.conftest import superuser
from tests.pipelines.fhir.synthetic import observation, patient, updated
from tests.pipelines.fhir_server.conftest import Make
from tests.pipelines.fhir_server.hospital import Hospital


@pytest.fixture
def target(server: Database) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """An empty database that is none of Sanctum's."""
    with superuser(server) as connection:
        connection.execute("CREATE DATABASE elsewhere")
    with superuser(server, "elsewhere") as connection:
        connection.row_factory = dict_row  # type: ignore[assignment]
        yield connection  # type: ignore[misc]


def test_a_pipeline_of_its_own(
    site: Hospital,
    make: Make,
    key_file: Path,
    tmp_path: Path,
    server: Database,
    target: psycopg.Connection[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = make("Patient", "Observation").model_dump(mode="json", exclude_none=True)
    del entry["authorization"]["private_key_file"]
    site.add(patient(), *(updated(observation(f"o{n}", valueInteger=n), 1 + n) for n in range(4)))
    host = dict(server.parameters)["host"]
    monkeypatch.setitem(dlt.secrets, "sources.fhir_server.private_key", key_file.read_text())

    def run() -> None:
        pipeline = dlt.pipeline(
            "elsewhere",
            pipelines_dir=str(tmp_path / "dlt"),
            destination=dlt.destinations.postgres(f"postgresql://postgres:x@localhost:5432/elsewhere?host={host}"),
            dataset_name="fhir",
        )
        pipeline.run(fhir_server(server=entry))

    run()
    found = target.execute("SELECT id, resource FROM fhir.observation ORDER BY id").fetchall()
    assert [row["id"] for row in found] == ["o0", "o1", "o2", "o3"]
    assert found[2]["resource"]["valueInteger"] == 2
    site.deleted, site.time = ["Observation/o0"], "2026-03-02T12:00:00Z"
    del site.resources["Observation/o0"]
    site.add(updated(observation("o1", valueInteger=100), 1, meta={"lastUpdated": "2026-03-02T00:00:00Z"}))
    run()
    assert "_since" in site.asked("Group/g1/$export")[1].query
    found = target.execute("SELECT id, resource FROM fhir.observation ORDER BY id").fetchall()
    assert [(row["id"], row["resource"]["valueInteger"]) for row in found] == [("o1", 100), ("o2", 2), ("o3", 3)]


def test_what_is_wrong_is_said(make: Make, key_file: Path) -> None:
    entry = make("Patient").model_dump(mode="json", exclude_none=True)
    with pytest.raises(ServersFileError, match=r"export\.types"):
        fhir_server(server=entry | {"export": {"of": "system"}}, private_key=key_file.read_text())
    with pytest.raises(FhirServerError, match="private_key holds no private key"):
        fhir_server(server=entry, private_key=orjson.dumps({}).decode())
