"""Every event of the log is a valid FHIR R4 AuditEvent that says who, why, what, whose, when and where in the log."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from typer.testing import CliRunner

from assets.cli.main import app
from pipelines.fhir.audit_event import ACTION_SYSTEM, MOST_OBJECTS, PERSON_SYSTEM, audit_event
from resources import audit
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.conftest import database_url

EVENT: dict[str, Any] = {
    "chain": 3,
    "sequence": 12,
    "occurred_at": datetime(2026, 11, 21, 2, 30, 0, 123, tzinfo=UTC),
    "database_role": "sanctum_infer",
    "subject": "dr-who",
    "purpose": "TREAT",
    "action": "read",
    "person_id": 7,
    "object_kind": "retrieval.document_chunk",
    "object_ids": [11, 12],
    "row_count": 2,
    "details": {"model_sha256": "ab", "prompt_sha256": "cd", "decision": "closed", "note": None},
    "event_hash": "f00d",
}


def mapped(**changes: Any) -> dict[str, Any]:
    resource = audit_event({**EVENT, **changes}, "ehr")
    AuditEvent.model_validate(resource)
    return resource


def details(resource: dict[str, Any]) -> dict[str, str]:
    return {d["type"]: d["valueString"] for entity in resource["entity"] for d in entity.get("detail", [])}


def test_who_why_what_whose_when_and_where() -> None:
    resource = mapped()
    assert (resource["action"], resource["outcome"]) == ("R", "0")
    assert resource["recorded"] == "2026-11-21T02:30:00.000123+00:00"
    assert resource["subtype"][-1] == {"system": ACTION_SYSTEM, "code": "read"}
    assert resource["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
    asking, role = resource["agent"]
    assert (asking["who"]["identifier"]["value"], asking["requestor"]) == ("dr-who", True)
    assert (role["who"]["identifier"]["value"], role["requestor"]) == ("sanctum_infer", False)
    assert resource["source"]["site"] == "ehr"
    person = resource["entity"][0]
    assert person["what"]["identifier"] == {"system": PERSON_SYSTEM, "value": "7"}
    assert (person["type"]["code"], person["role"]["code"]) == ("1", "1")
    assert [e["what"]["identifier"]["value"] for e in resource["entity"][2:4]] == ["11", "12"]
    assert details(resource) == {
        "row_count": "2",
        "model_sha256": "ab",
        "prompt_sha256": "cd",
        "decision": "closed",
        "chain": "3",
        "sequence": "12",
        "event_hash": "f00d",
    }


@pytest.mark.parametrize(
    ("action", "code", "outcome", "kind"),
    [
        ("claim", "R", "0", "110110"),
        ("claim-denied", "R", "4", "110110"),
        ("embed", "C", "0", "110110"),
        ("model-call", "E", "0", "rest"),
        ("erase", "D", "0", "110110"),
        ("disclosure-accounting", "R", "0", "110101"),
        ("break-glass", "E", "0", "110113"),
        ("break-glass-denied", "E", "4", "110113"),
    ],
)
def test_actions_and_outcomes(action: str, code: str, outcome: str, kind: str) -> None:
    resource = mapped(action=action)
    assert (resource["action"], resource["outcome"], resource["type"]["code"]) == (code, outcome, kind)
    assert resource["subtype"][-1]["code"] == action


def test_a_purpose_that_is_no_code_is_text_and_a_service_has_no_patient() -> None:
    resource = mapped(purpose="document-index", person_id=None, object_ids=[], action="load")
    assert resource["purposeOfEvent"] == [{"text": "document-index"}]
    assert resource["type"]["code"] == "110100"
    assert PERSON_SYSTEM not in json.dumps(resource)


def test_a_long_list_is_cut_and_says_so() -> None:
    resource = mapped(object_ids=list(range(500)), row_count=500)
    assert len(resource["entity"]) == 3 + MOST_OBJECTS
    found = details(resource)
    assert (found["row_count"], found["object_ids_left_out"]) == ("500", str(500 - MOST_OBJECTS))


@settings_of_hypothesis(max_examples=40, deadline=None)
@given(
    subject=st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    purpose=st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    action=st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    object_kind=st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    details=st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5) | st.integers() | st.floats()),
)
def test_whatever_the_log_holds_is_a_valid_resource(**columns: Any) -> None:
    mapped(**columns)


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["audit", *arguments], catch_exceptions=False)


def test_the_command_streams_the_log_and_is_in_it(
    settings: Settings, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANCTUM_HOME", str(settings.home))
    monkeypatch.setenv("SANCTUM_DATABASE_URL", database_url(settings))
    with db.connect(Role.INGEST) as connection:
        for person in (7, 8):
            audit.record(
                connection, subject="s", purpose="TREAT", action="read", object_kind="omop.note", person_id=person
            )
    resources = [json.loads(line) for line in run("export", "--fhir").stdout.splitlines()]
    for resource in resources:
        AuditEvent.model_validate(resource)
    assert [resource["subtype"][-1]["code"] for resource in resources] == ["read", "read"]
    output = tmp_path / "audit.ndjson"
    report = json.loads(run("export", "--fhir", "--person", "7", "--output", str(output), "--json").stdout)
    assert report == {"events": 1, "output": str(output)}
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["audit.ndjson"]
    assert run("export", "--fhir", "--since", "2999-01-01").stdout == ""
    assert run("export", "--json").exit_code == 1
    assert run("export", "--fhir", "--json").exit_code == 1
    who = json.loads(run("who", "7", "--json").stdout)["events"]
    assert [event["action"] for event in who] == ["read", "export"]
    everything = [json.loads(line) for line in run("export", "--fhir").stdout.splitlines()]
    exports = [r for r in everything if r["subtype"][-1]["code"] == "export"]
    assert [details(r)["row_count"] for r in exports] == ["2", "1", "0"]


def test_the_commands_sign_and_verify(settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANCTUM_HOME", str(settings.home))
    monkeypatch.setenv("SANCTUM_DATABASE_URL", database_url(settings))
    assert json.loads(run("verify", "--json").stdout)["signed_heads"] == 0
    assert json.loads(run("sign", "--json").stdout)["number"] == 1
    lines = audit.heads_file(settings).read_bytes()
    verified = json.loads(run("verify", "--public-key", str(audit.public_key_file(settings)), "--json").stdout)
    assert (verified["signed_heads"], verified["broken"], verified["broken_heads"]) == (1, [], [])
    audit.heads_file(settings).write_bytes(b"")
    found = run("verify", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["broken_heads"][0]["problem"] == "gone from the file"
    assert "gone from the file" in run("verify").stdout
    audit.heads_file(settings).write_bytes(lines)
    assert json.loads(run("sign", "--restore", "--json").stdout)["number"] == 2
    assert run("verify").exit_code == 0
