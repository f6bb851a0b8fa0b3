"""Every reporting command prints one JSON object, and a failure says what was wrong with exit status 1."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.keys import resource_key
from resources.postgres import stop_embedded
from resources.settings import load_settings
from tests.dbt_project import population
from tests.end_to_end.home import Commands, Home, home_environment

STARTER = Path(__file__).resolve().parents[2] / "pipelines" / "vocabulary" / "starter"


@pytest.fixture
def unstarted(tmp_path: Path) -> Iterator[Commands]:
    path = tmp_path / "home"
    yield Commands(home_environment(path))
    stop_embedded(load_settings(home=path))


def test_the_commands_in_their_order(new_home: Callable[[str], Home], tmp_path: Path) -> None:
    home = new_home("commands")
    fhir, hl7 = population.write(tmp_path)
    jane = str(resource_key("ehr", "Patient", "jane"))
    assert home.run("up")["vocabulary_concepts"] > 500
    assert home.run("vocab", "load", str(STARTER))["changed"] is True
    codes = tmp_path / "codes.csv"
    codes.write_text("source_code,source_vocabulary_id,target_concept_id\nDM2,LOCAL,201826\n")
    assert home.run("vocab", "map", str(codes)) == {"rows": 1, "codes": 1, "changed": True}
    codes.write_text("source_code,source_vocabulary_id,target_concept_id\nDM2,LOCAL,Jane\n")
    refused = home.run("vocab", "map", str(codes), succeeds=False)
    assert (refused["kind"], "line 2, column target_concept_id" in refused["error"]) == ("VocabularyError", True)
    vocabulary = home.run("vocab", "report")
    assert (vocabulary["release"], vocabulary["changes"]["added"], vocabulary["site_codes"]) == (2, 0, 1)
    account = home.run("ingest", "fhir", str(fhir))
    total = sum(account["read"].values())
    assert total == sum(sum(account[part].values()) for part in ("loaded", "excluded", "quarantined")) > 0
    assert home.run("ingest", "hl7", str(hl7))["loaded"] == {"ADT^A01": 1}
    replayed = home.run("quarantine", "replay")
    assert (replayed["released"], replayed["open"]) == (0, {})
    assert home.run("build", "--as-of", "2026-10-31")["nodes"]["success"] > 40
    assert home.run("features")["people"]["2026-10-31"] > 0
    assert home.run("features", "--as-of", "2026-06-30")["people"]["2026-06-30"] > 0
    assert home.run("embed")["sentences_embedded"] == 1
    hits = home.run("search", "--person", jane, "bowel cancer screening")["hits"]
    assert [hit["sentence"] for hit in hits] == ["Colonoscopy in 2021 was normal."]
    assert home.run("search", "--person", "1", "anything")["hits"] == []
    # Among Jane's gaps is the screening that her note tells of.
    assert "CMS130" in {gap["measure_id"] for gap in home.run("gaps", "--limit", "1000")["gaps"]}
    assert home.run("whoami")["subject"] == f"os-user:{os.getuid()}"
    assert home.run("consent", "record", "--person", jane, "--code", "HIV", "--decision", "deny")["consent_id"] == 1
    assert [c["decision"] for c in home.run("consent", "list", "--person", jane)["consents"]] == ["deny"]
    glass = home.run("break-glass", "open", "--person", jane, "--reason", "unconscious in the emergency room")
    waiting = home.run("break-glass", "alerts")["unacknowledged"]
    assert [one["emergency_access_id"] for one in waiting] == [glass["emergency_access_id"]]
    number = str(glass["emergency_access_id"])
    own = home.run("break-glass", "acknowledge", number, succeeds=False)
    assert (own["kind"], "another user of this machine" in own["error"]) == ("ValueError", True)
    disclosed = home.run("audit", "who", jane)["events"]
    assert {event["action"] for event in disclosed} == {"embed", "claim", "read", "consent-deny", "break-glass"}
    assert home.run("audit", "verify")["broken"] == []
    # In 2025 there was no visit yet, so nobody is eligible.
    measured = home.run("measures", "--period", "2025-01-01/2025-12-31")
    assert set(measured["CMS130"]) == {"not_eligible"}
    status = home.run("status")
    assert status["rows"]["omop.person"] == 4
    assert [(m["source_system"], m["mapping_profile"], m["files"]) for m in status["mappings"]] == [
        ("ehr", "us-core", 1)
    ]
    assert home.run("dsn", "--role", "sanctum_infer")["dsn"].endswith("user=sanctum_infer")


def test_a_wrong_period_and_a_wrong_vocabulary_are_errors(new_home: Callable[[str], Home], tmp_path: Path) -> None:
    home = new_home("wrong")
    assert "--period" in home.run("measures", "--period", "2026", succeeds=False)["error"]
    failed = home.run("vocab", "load", str(tmp_path), succeeds=False)
    assert failed["kind"] == "VocabularyError"


def test_before_up_a_home_says_that_nothing_runs(unstarted: Commands) -> None:
    assert unstarted.run("status")["running"] is False
    assert unstarted.run("down")["stopped"] is False
    for command in (("embed",), ("adjudicate",), ("search", "--person", "1", "text"), ("dsn",)):
        assert "sanctum up" in unstarted.run(*command, succeeds=False)["error"]
