"""The checks fail when what they guard against is there, and the metadata says what was loaded."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.account import account_checks, by_reason_check
from assets.audit import signed_head
from assets.bronze import bronze
from assets.checks import count
from assets.inference import undecided
from assets.landing import fhir_files, hl7_messages
from assets.model_call import InferenceProcessError, call
from assets.vocabulary import vocabulary
from pipelines.account import Account
from pipelines.fhir import ingest_fhir
from pipelines.hl7.mllp.arrival import Reception
from pipelines.hl7.mllp.writer import Writer
from pipelines.landing import landed_path
from pipelines.lineage import mappings_in_bronze, mixed_sources
from resources import audit
from resources.identity import emergency
from resources.identity.session import open_service_session
from resources.postgres import Database, Role, database
from resources.settings import Settings, load_settings
from tests.chunks import add_chunk
from tests.conftest import superuser
from tests.identities import identity
from tests.pipelines.hl7.mllp.senders import admission

PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-02-03"}


def materialize(settings: Settings, *assets: dg.AssetsDefinition) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(assets, resources={"settings": settings}, instance=instance, raise_on_error=False)


def failed(result: dg.ExecuteInProcessResult) -> set[str]:
    return {e.check_name for e in result.get_asset_check_evaluations() if not e.passed}


def metadata(result: dg.ExecuteInProcessResult, *key: str) -> dict[str, Any]:
    for event in result.get_asset_materialization_events():
        if event.asset_key == dg.AssetKey(key):
            return {k: v.value for k, v in event.materialization.metadata.items()}
    raise AssertionError(f"{key} was not materialised")


def drop(settings: Settings, *lines: bytes) -> None:
    settings.fhir_inbox_directory.mkdir(parents=True, exist_ok=True)
    (settings.fhir_inbox_directory / "a.ndjson").write_bytes(b"\n".join(lines) + b"\n")


def test_landing_and_bronze_say_what_was_loaded(settings: Settings) -> None:
    drop(settings, json.dumps(PATIENT).encode())
    result = materialize(settings, fhir_files, hl7_messages, bronze)
    assert result.success
    assert failed(result) == set()
    assert metadata(result, "landing", "fhir_files")["files_new"] == 1
    resources = metadata(result, "bronze", "resource")
    assert (resources["fhir_read"], resources["fhir_loaded"], resources["hl7_read"]) == (1, 1, 0)
    assert resources["fhir_account"]["loaded"] == {"Patient": 1}
    person = metadata(result, "bronze", "person")
    assert person["dagster/row_count"] == 1
    assert "person_key" in {column.name for column in person["dagster/column_schema"].columns}


def test_empty_inboxes_are_no_error(settings: Settings) -> None:
    result = materialize(settings, fhir_files, hl7_messages, bronze)
    assert result.success
    assert failed(result) == set()


@pytest.mark.parametrize(("limits", "fails"), [({}, False), ({"messages": 1}, True), ({"seconds": 60}, True)])
def test_messages_that_wait_for_their_fold_fail_the_check_of_the_backlog(
    settings: Settings, db: Database, limits: dict[str, int], fails: bool
) -> None:
    writer, reception = Writer(settings, db), Reception(settings)
    writer.write([reception.receive(admission(f"waiting{number}")) for number in range(2)])
    writer.close()
    with db.connect(Role.OWNER) as owner:
        owner.execute("UPDATE landing.hl7_message SET received_at = received_at - interval '2 minutes'")
    tight = settings.model_copy(update={f"hl7_backlog_{name}": limit for name, limit in limits.items()})
    result = materialize(tight, hl7_messages)
    assert result.success
    assert failed(result) == ({"backlog"} if fails else set())
    assert failed(materialize(tight, hl7_messages, bronze)) == ({"backlog"} if fails else set())
    assert failed(materialize(tight, hl7_messages)) == set(), "they were folded"


def test_lost_bytes_fail_the_landing_check_and_stop_the_rest(settings: Settings, db: Database) -> None:
    drop(settings, json.dumps(PATIENT).encode())
    assert materialize(settings, fhir_files).success
    with db.connect(Role.INGEST) as connection:
        row = connection.execute("SELECT encode(sha256, 'hex') FROM landing.file").fetchone()
    assert row is not None
    landed_path(settings, row[0]).unlink()
    (settings.fhir_inbox_directory / "a.ndjson").unlink()
    result = materialize(settings, fhir_files, hl7_messages, bronze)
    assert failed(result) == {"bytes_are_there"}
    assert not result.success


def test_too_much_quarantine_fails_its_check(settings: Settings) -> None:
    drop(settings, json.dumps(PATIENT).encode(), b"no JSON")
    result = materialize(settings, fhir_files, hl7_messages, bronze)
    assert failed(result) == {"quarantined_share", "quarantined_by_reason"}
    assert metadata(result, "bronze", "resource")["fhir_quarantined"] == 1


def test_each_reason_has_its_own_limit(settings: Settings) -> None:
    nameless = {**PATIENT, "id": None, "name": [{"family": "Zzyzxcanary"}]}
    drop(settings, *(json.dumps(r).encode() for r in (PATIENT, {**PATIENT, "id": "p2"}, nameless)), b"Zzyzxcanary")
    own = load_settings(**{**dict(settings), "quarantine_limits": '{"not_json": 0.5, "no_id": 0.3}'})
    (found,) = evaluations(materialize(own, fhir_files, hl7_messages, bronze), "quarantined_by_reason")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    by_reason = found.metadata["by_reason"].value
    assert isinstance(by_reason, dict)
    assert {reason: figure["verdict"] for reason, figure in by_reason.items()} == {"not_json": "pass", "no_id": "warn"}
    assert {(f["quarantined"], f["share"], f["waiting"]) for f in by_reason.values()} == {(1, 0.25, 1)}
    assert "Zzyzx" not in str(found.metadata)
    # What was read before is no fault of a load that reads nothing, and still waits.
    (later,) = evaluations(materialize(own, fhir_files, hl7_messages, bronze), "quarantined_by_reason")
    assert later.passed
    assert str(later.metadata).count("'waiting': 1") == 2


def test_a_source_of_two_mappings_fails_its_check_until_it_is_mapped_anew(settings: Settings, tmp_path: Path) -> None:
    drop(settings, json.dumps(PATIENT).encode())
    assert failed(materialize(settings, fhir_files, bronze)) == set()
    ingest(settings, tmp_path, "p2", mapping_profile="ig-strict")
    # Another source may be mapped by another profile, and validation is no mapping.
    ingest(settings, tmp_path, "p3", source_system="lab", validation="structural")
    ingest(settings, tmp_path, "p4", source_system="lab")
    half = mappings_in_bronze(database(settings))
    assert [(m["source_system"], m["mapping_profile"], m["resources"]) for m in half] == [
        ("ehr", "ig-strict", 1), ("ehr", "us-core", 1), ("lab", "us-core", 2),
    ]  # fmt: skip
    assert mixed_sources(half) == ["ehr"]
    # The next load of landed files maps those of this source anew; those of another source it leaves alone.
    ingest(settings, tmp_path, "p5", source_system="lab", mapping_profile="ig-strict")
    again = materialize(settings, bronze)
    assert failed(again) == {"one_mapping_per_source_system"}
    (found,) = evaluations(again, "one_mapping_per_source_system")
    assert found.metadata["mixed"].value == ["lab"]
    told = metadata(again, "bronze", "resource")["mappings"]
    assert [(m["source_system"], m["mapping_profile"], m["resources"]) for m in told] == [
        ("ehr", "us-core", 2), ("lab", "ig-strict", 1), ("lab", "us-core", 2),
    ]  # fmt: skip


def ingest(settings: Settings, folder: Path, name: str, **changes: str) -> None:
    path = folder / f"{name}.ndjson"
    path.write_text(json.dumps({**PATIENT, "id": name}) + "\n")
    own = settings.model_copy(update=changes)
    assert ingest_fhir(own, database(own), [path]).loaded.total() == 1


def evaluations(result: dg.ExecuteInProcessResult, name: str) -> list[Any]:
    return [evaluation for evaluation in result.get_asset_check_evaluations() if evaluation.check_name == name]


@pytest.mark.parametrize(
    ("limits", "severity"),
    [
        ({}, dg.AssetCheckSeverity.ERROR),
        ({"not_json": 0.5, "no_id": 0.1}, dg.AssetCheckSeverity.ERROR),
        ({"not_json": 0, "no_id": 1}, dg.AssetCheckSeverity.ERROR),
        ({"not_json": 0.25, "no_id": 1}, dg.AssetCheckSeverity.WARN),
        ({"not_json": 0.5, "no_id": 0.5}, None),
        ({"not_json": 1, "no_id": 1, "misspelt": 1}, dg.AssetCheckSeverity.WARN),
    ],
)
def test_a_reason_warns_before_it_fails(
    settings: Settings, limits: dict[str, float], severity: dg.AssetCheckSeverity | None
) -> None:
    account = Account(Counter(Patient=4), Counter(Patient=2), Counter(), Counter(not_json=1, no_id=1))
    own = load_settings(**{**dict(settings), "quarantine_limits": limits})
    result = by_reason_check(own, ("bronze", "resource"), account, {})
    assert result.passed is (severity is None)
    assert severity is None or result.severity is severity


def test_open_account_fails_its_check(settings: Settings) -> None:
    account = Account()
    account.read["Patient"] = 2
    account.loaded["Patient"] = 1
    results = account_checks(settings, ("bronze", "resource"), [account, Account()], {})
    assert {result.check_name: result.passed for result in results} == {
        "account_closes": False,
        "quarantined_share": True,
        "quarantined_by_reason": True,
    }


def test_rows_without_their_resource_are_counted(settings: Settings, db: Database) -> None:
    with db.connect(Role.INGEST) as connection:
        connection.execute("INSERT INTO bronze.person (person_key, resource_key, source_system) VALUES (1, 2, 'ehr')")
    assert count(db, Role.INGEST, "rows_without_loaded_resource", table="person") == 1


def test_vocabulary_is_loaded_and_consistent(settings: Settings, db: Database) -> None:
    result = materialize(settings, vocabulary)
    assert failed(result) == set()
    concept = metadata(result, "vocab", "concept")
    assert concept["dagster/row_count"] > 0
    assert concept["report"]["concepts"] == concept["concepts_added"] == concept["dagster/row_count"]
    assert (concept["report"]["release"], concept["concepts_maps_to"]) == (1, 0)
    with db.connect(Role.INGEST) as connection:
        connection.execute(
            "DELETE FROM vocab.concept WHERE concept_id IN (SELECT concept_id_2 FROM vocab.concept_relationship)"
        )
    assert "relationships_without_concepts" in failed(materialize(settings, vocabulary))


def test_decision_without_its_sentence_in_the_prompt_is_counted(settings: Settings, db: Database) -> None:
    adjudication = (
        "INSERT INTO inference.adjudication (person_id, measure_id, period_start, period_end, prompt, prompt_sha256, "
        "prompt_version, model_sha256, completion, decision, prompt_tokens, completion_tokens, latency_ms, "
        "sensitivity) VALUES "
        "(1, 'CMS122', '2026-01-01', '2026-12-31', %s, %s, '1', 'm', '{}', 'closes_gap', 1, 1, 1, '{}') "
        "RETURNING adjudication_id"
    )
    evidence = "INSERT INTO inference.adjudication_evidence VALUES (%s, 1, 'S1', 1, 1, %s, true)"
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        sha256 = add_chunk(connection, 1, "x", chunk_id=1)
    with open_service_session(settings, db, "adjudicator") as session:
        session.claim([1])
        session.enter(1)
        connection = session.connection
        connection.execute("INSERT INTO inference.model VALUES ('m', 'm', 'm')")
        for number, prompt in enumerate(("Sentences:\nS1 (2026-02-01): x", "Sentences:\nS2 (2026-02-01): S1 (x)")):
            row = connection.execute(adjudication, (prompt, str(number))).fetchone()
            assert row is not None
            connection.execute(evidence, (*row, sha256))
        assert connection.execute(adjudication, ("Sentences:\nS1 (2026-02-01): x", "uncited")).fetchone()
    assert count(db, Role.INFER, "unfounded_adjudications") == 2
    assert count(db, Role.INFER, "adjudications") == 3


@pytest.mark.parametrize(("decisions", "missing"), [({"closes_gap": 2}, 0), ({"closes_gap": 1}, 1)])
def test_open_gap_with_documents_and_no_decision_is_counted(decisions: dict[str, int], missing: int) -> None:
    report = {"gaps_open": 5, "gaps_without_documents": 3, "decisions": decisions}
    assert undecided(report) == missing


def test_other_interpreter_reports_or_fails_without_content(settings: Settings, db: Database, tmp_path: Path) -> None:
    other = settings.model_copy(update={"inference_python": Path(sys.executable)})

    def here() -> Any:
        raise AssertionError("the other interpreter was to be asked")

    with pytest.raises(InferenceProcessError, match="NotesMissingError"):
        call(other, db, "embed", here)
    assert call(other, db, "status", here)["running"] is True


def test_heads_are_signed_and_an_altered_event_fails_the_check(settings: Settings, db: Database) -> None:
    with db.connect(Role.INGEST) as connection:
        audit.record(connection, subject="s", purpose="p", action="read", object_kind="note", person_id=1)
    first = materialize(settings, signed_head)
    assert first.success
    assert failed(first) == set()
    assert metadata(first, "audit", "signed_head")["dagster/row_count"] == 1
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("ALTER TABLE audit.event DISABLE TRIGGER ALL")
        connection.execute("UPDATE audit.event SET subject = 'nobody'")
    second = materialize(settings, signed_head)
    assert failed(second) == {"log_is_whole"}
    evaluations = {one.check_name: one for one in second.get_asset_check_evaluations()}
    broken = evaluations["log_is_whole"].metadata["broken"].value
    assert isinstance(broken, list)
    assert [(event["sequence"], event["problem"]) for event in broken] == [(1, "changed")]


def test_emergency_access_that_nobody_looked_into_fails_its_check(settings: Settings, db: Database) -> None:
    doctor = identity(everyone=True, may_break_glass=True)
    number = emergency.break_glass(settings, db, doctor, 7, "unconscious in the emergency room", 5)
    assert failed(materialize(settings, signed_head)) == {"emergency_access_is_acknowledged"}
    emergency.acknowledge(settings, db, identity(Role.AUDITOR, "auditor"), number)
    assert failed(materialize(settings, signed_head)) == set()
