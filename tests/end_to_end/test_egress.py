"""``sanctum prove-egress``: nothing gets out of the demo, and the proof sees it when something does."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from resources.telemetry import SWITCHES
from tests.end_to_end.conftest import Proved
from tests.end_to_end.home import home_environment

PROJECT = Path(__file__).resolve().parents[2]
DLT = '    "RUNTIME__DLTHUB_TELEMETRY": "false",\n'
READ = "    resource = record.resource\n"
KEEPS_NAMES = '    open({path!r}, "a").write(f"{{resource.get(\'name\')}}")\n'
LOGS_NAMES = '    __import__("sys").stderr.write(f"{resource.get(\'name\')}")\n'


@pytest.mark.model
def test_nothing_gets_out_of_the_demo(proved: Proved) -> None:
    outcome = proved.outcome
    assert outcome["verdict"] == "nothing got out", outcome["reasons"]
    assert outcome["network"]["probe_seen"] is True
    assert outcome["network"]["processes_and_threads"] > 100
    assert outcome["names_looked_up"] == outcome["attempts"] == outcome["planted_found_in"] == []
    assert outcome["searched"]["files"] > 500
    assert outcome["searched"]["tables"] > 50
    commands = {command["command"] for command in outcome["commands"]}
    assert {"sanctum demo", "sanctum search", "sanctum quarantine replay", "sanctum audit verify"} <= commands


@pytest.mark.model
def test_the_report_is_dated_and_holds_no_planted_text(proved: Proved) -> None:
    planted = json.loads((proved.kept / "evidence" / "input.json").read_text())["planted"]
    markdown, as_json = (Path(path).read_text() for path in proved.outcome["reports"])
    assert json.loads(as_json)["made"]["scope"] == "all"
    assert "**Verdict: nothing got out**" in markdown
    assert Path(proved.outcome["reports"][0]).name.startswith("egress-20")
    for text in planted.values():
        assert text.lower() not in (markdown + as_json).lower()


@pytest.mark.model
def test_records_went_wrong_in_every_way_that_they_were_planted_in(proved: Proved) -> None:
    """Else the search would show nothing of errors."""
    replayed = proved.output(proved.number("sanctum quarantine replay"))
    assert set(replayed["open"]) == {
        "continued_message", "no_id", "no_msh", "no_patient_identifier", "no_retired_identifier", "no_visit_number",
        "not_a_resource", "not_hl7", "not_json", "not_r4", "truncated_file", "truncated_message",
        "unknown_resource_type",
    }  # fmt: skip


def project_copy(folder: Path) -> Path:
    """The files git knows or would know, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, folder / name)
    return folder


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path.name} has changed: say anew what is to be broken in it"
    path.write_text(text.replace(old, new))


def prove_a_copy(copy: Path, home: Path) -> dict[str, Any]:
    environment = {name: value for name, value in home_environment(home).items() if name not in SWITCHES}
    done = subprocess.run(
        [sys.executable, "-m", "assets.cli", "prove-egress", "--scope", "ingest", "--json"],
        cwd=copy, env={**environment, "PYTHONPATH": os.fspath(copy)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    return dict(json.loads(done.stdout))


def test_a_switch_that_is_missing_and_a_name_that_is_logged_are_found(tmp_path: Path) -> None:
    copy = project_copy(tmp_path / "copy")
    replace_in(copy / "resources" / "telemetry.py", DLT, "")
    # Nothing of the caller's home is opened, where real people may be.
    home = tmp_path / "home"
    home.mkdir()
    keeps_names = KEEPS_NAMES.format(path=str(home / "kept"))
    replace_in(copy / "pipelines" / "fhir" / "worker.py", READ, READ + LOGS_NAMES + keeps_names)
    outcome = prove_a_copy(copy, home)
    assert (home / "kept").stat().st_size > 0
    assert outcome["verdict"] == "something got out"
    assert outcome["names_looked_up"] == ["telemetry.scalevector.ai"]
    assert {attempt["name"] for attempt in outcome["attempts"]} == {"telemetry.scalevector.ai"}
    assert {attempt["during"] for attempt in outcome["attempts"]} >= {"sanctum ingest fhir"}
    assert outcome["planted_found_in"] == [{"where": "evidence/03.stderr", "kinds": "family name, given name"}]


def test_without_strace_the_command_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "assets.cli", "prove-egress", "--json"],
        cwd=PROJECT, env=home_environment(tmp_path / "home", PATH=os.fspath(tmp_path)), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "strace" in json.loads(done.stdout)["error"]
