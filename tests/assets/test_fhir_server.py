"""A FHIR server is an asset upstream of bronze, and says when it did not give everything."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from assets.bronze import bronze
from assets.fhir_server import server_assets, with_servers
from pipelines.fhir_server.errors import ServersFileError
from resources.postgres import Database, database
from resources.settings import Settings
from tests.assets.test_checks import failed, materialize, metadata
from tests.conftest import make_settings
from tests.pipelines.fhir.synthetic import observation, patient, rows
from tests.pipelines.fhir_server import conftest as servers
from tests.pipelines.fhir_server.conftest import Make
from tests.pipelines.fhir_server.hospital import Hospital, outcome

site, private_key, key_file, make = servers.site, servers.private_key, servers.key_file, servers.make
KEY = ("landing", "fhir_server_hospital")


@pytest.fixture
def configured(server: Database, make: Make, tmp_path: Path) -> Settings:
    entry = make("Patient", "Observation").model_dump(mode="json", exclude_none=True)
    path = tmp_path / "servers.yaml"
    path.write_text(yaml.safe_dump({"servers": [entry]}))
    return make_settings(server, tmp_path / "home", validation="structural", workers=1, fhir_servers_file=path)


def test_without_servers_there_is_none_and_a_wrong_file_says_where(settings: Settings, tmp_path: Path) -> None:
    assert server_assets(settings) == []
    assert with_servers(bronze, []) is bronze
    path = tmp_path / "servers.yaml"
    path.write_text("servers: [{name: x}]")
    with pytest.raises(ServersFileError):
        server_assets(settings.model_copy(update={"fhir_servers_file": path}))


def test_a_server_is_asked_loaded_and_judged(site: Hospital, configured: Settings) -> None:
    (asset,) = server_assets(configured)
    site.add(patient(name=[{"family": "Zzyzxcanary"}]), observation("o1", valueInteger=1))
    first = materialize(configured, asset)
    assert first.success
    assert failed(first) == set()
    told = metadata(first, *KEY)
    assert told["received"] == {"Patient": 1, "Observation": 1}
    assert (told["fhir_loaded"], told["files"], told["dagster/row_count"]) == (2, 2, 2)
    assert set(told["watermarks"]) == {"Patient", "Observation"}
    # An export that lacks something does not move the watermark, and the check says of which types.
    site.errors = [outcome("processing")]
    second = materialize(configured, asset)
    assert failed(second) == {"everything_was_given"}
    (found,) = (e for e in second.get_asset_check_evaluations() if not e.passed)
    held: Any = found.metadata["held"].value
    assert set(held) == {"Patient", "Observation"}
    again = metadata(second, *KEY)
    assert (again["watermarks"], again["findings"]) == ({}, {"export_error:processing": 1})
    # What it gave and nobody can use counts at once, before bronze is asked.
    site.errors = []
    site.add(observation("o2", valueInteger="Zzyzxcanary"))
    assert failed(materialize(configured, asset)) == {"quarantined_share", "quarantined_by_reason"}
    assert "Zzyzx" not in str(told) + str(again) + str(found.metadata)
    assert {row["source_system"] for row in rows(database(configured), "resource")} == {"hospital"}


def test_a_server_that_refuses_fails_the_step_and_tells_no_content(site: Hospital, configured: Settings) -> None:
    (asset,) = server_assets(configured)
    site.public_key = None
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize([asset], resources={"settings": configured}, instance=instance, raise_on_error=False)
        logs = "".join(entry.to_json() for entry in instance.all_logs(result.run_id))
    assert not result.success
    assert "FhirServerError" in logs
    assert "Doe" not in logs
    assert "Bearer" not in logs
