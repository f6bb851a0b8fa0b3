"""The commands, as a person at a terminal has them."""

import json
import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from assets.cli.main import app
from resources.postgres import Database
from tests.conftest import database_url, make_settings
from tests.pipelines.fhir.synthetic import observation, patient
from tests.pipelines.fhir_server.conftest import Make
from tests.pipelines.fhir_server.hospital import Hospital, outcome


@pytest.fixture
def names_the_server(server: Database, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that names a home and the file of servers."""
    settings = make_settings(server, tmp_path / "home", validation="structural")
    for name in [name for name in os.environ if name.startswith("SANCTUM_")]:
        monkeypatch.delenv(name)
    entry = make("Patient", "Observation").model_dump(mode="json", exclude_none=True)
    (tmp_path / "servers.yaml").write_text(yaml.safe_dump({"servers": [entry]}))
    monkeypatch.setenv("SANCTUM_HOME", str(settings.home))
    monkeypatch.setenv("SANCTUM_DATABASE_URL", database_url(settings))
    monkeypatch.setenv("SANCTUM_FHIR_SERVERS_FILE", str(tmp_path / "servers.yaml"))
    monkeypatch.setenv("SANCTUM_VALIDATION", "structural")


def sanctum(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False)


@pytest.mark.usefixtures("names_the_server")
def test_the_commands(site: Hospital) -> None:
    site.add(patient(), observation("o1", valueInteger=1))
    found = json.loads(sanctum("fhir-server", "capabilities", "hospital", "--json").stdout)
    assert found["asked_by"] == {"Patient": "since", "Observation": "since"}
    (key,) = json.loads(sanctum("fhir-server", "jwks", "hospital").stdout)["keys"]
    assert (key["kid"], key["kty"], "d" in key) == ("first", "RSA", False)
    site.errors = [outcome("processing")]
    done = json.loads(sanctum("ingest", "server", "hospital", "--json").stdout)
    assert done["received"] == done["loaded"] == {"Patient": 1, "Observation": 1}
    assert done["findings"] == {"export_error:processing": 1}
    assert set(done["held"]) == {"Patient", "Observation"}
    again = sanctum("ingest", "server", "hospital", "--restart")
    assert again.exit_code == 0
    assert "unchanged" in again.stdout
    failed = sanctum("ingest", "server", "nowhere", "--json")
    assert failed.exit_code == 1
    assert "it has hospital" in json.loads(failed.stdout)["error"]
