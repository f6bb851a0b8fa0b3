"""Quarantine is counted, pointed at byte by byte, shown to few, and read again from landing."""

import gzip
import json
import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from typer.testing import CliRunner

from assets.cli.main import app
from assets.cli.output import as_text
from pipelines import lineage, quarantine, tombstones
from pipelines.fhir import ingest_fhir
from pipelines.fhir.profiles import MAPPING_VERSION
from pipelines.fhir.redaction import search
from pipelines.hl7 import ingest_hl7
from pipelines.hl7.mllp.writer import REFUSED_BY_DATABASE
from pipelines.keys import resource_key
from pipelines.lineage.advice import ADVICE
from pipelines.lineage.quarantined import ContentError, NoSuchRecordError
from pipelines.redaction import forget, redact_due
from resources.identity import Identity
from resources.identity.session import AccessDeniedError
from resources.postgres import Database, DatabaseUnavailableError, Role
from resources.settings import Settings
from tests.conftest import database_url, superuser
from tests.identities import all_labels
from tests.pipelines.fhir.synthetic import bundle, ndjson, observation, patient, rows, snapshot, write
from tests.pipelines.fhir.test_bad_input import BROKEN, UNPARSABLE
from tests.pipelines.hl7.messages import message, visit

CANARY = "Zzyzxcanary"
BAD = observation("bad", status={"family": CANARY})
STRAY = f"PID|1||1^^^H^MR||{CANARY}".encode()


def load_everything(settings: Settings, db: Database, folder: Path) -> dict[bytes, str]:
    """Records of every form; the bytes of those that can't be used, with the reason."""
    line, entry = orjson.dumps(BAD), orjson.dumps(bundle([patient(), BAD]))
    pretty = json.dumps(bundle([BAD | {"id": "other"}]), indent=1).encode()
    nameless = message("ADT^A28", "20260103120000", patient="PID|1").rstrip(b"\r")
    write(folder / "lines.ndjson", ndjson([patient()]) + b"\n" + line + b"\r\n" + b"{cut\n")
    write(folder / "packed.ndjson.gz", ndjson([patient("p2")]) + entry + b"\n", compress=True)
    write(folder / "document.json", pretty)
    write(folder / "feed.hl7", STRAY + b"\r" + message("ADT^A01", "20260101080000", visit()) + nameless)
    assert ingest_fhir(settings, db, [folder]).closes
    assert ingest_hl7(settings, db, [folder]).closes
    whole = json.loads(pretty)["entry"][0]
    start = pretty.index(b'{\n   "fullUrl"')
    shown_entry = pretty[start : pretty.rindex(b"]")].strip()
    assert json.loads(shown_entry) == whole
    return {
        line: "not_r4",
        b"{cut": "not_json",
        orjson.dumps(bundle([BAD])["entry"][0]): "not_r4",
        shown_entry: "not_r4",
        STRAY: "no_msh",
        nameless: "no_patient_identifier",
    }


def test_every_record_is_counted_listed_and_shown_byte_for_byte(
    settings: Settings, db: Database, tmp_path: Path, officer: Identity
) -> None:
    expected = load_everything(settings, db, tmp_path)
    found = lineage.find(db)
    assert {(g["reason"], g["record_type"], g["source_system"], g["records"]) for g in found.groups} == {
        ("not_r4", "Observation", "ehr", 3),
        ("not_json", "unknown", "ehr", 1),
        ("no_msh", "unknown", "hl7v2", 1),
        ("no_patient_identifier", "ADT^A28", "hl7v2", 1),
    }
    shown = {}
    for record in found.records:
        place = lineage.show(settings, db, record["record_key"], reader=officer)
        assert place.content is not None
        assert place.about["what_to_do"] == ADVICE[record["reason"]]
        assert CANARY not in repr(place) + str(place.about) + str(record)
        assert [one["source_system"] for one in place.loads] == [record["source_system"]]
        shown[place.content] = record["reason"]
    assert shown == expected
    loads = lineage.show(settings, db, found.records[0]["record_key"]).loads
    made = [(one["mapping_profile"], one["mapping_version"], one["validation"]) for one in loads]
    assert made == [("us-core", MAPPING_VERSION, settings.validation)]
    (loaded,) = lineage.show(settings, db, lineage.find(db, source_system="hl7v2").records[0]["record_key"]).loads
    assert (loaded["mapping_version"], loaded["validation"]) == ("1", None)
    with db.connect(Role.INGEST) as connection:
        places = connection.execute("SELECT record_key, line_number, entry FROM quarantine.record").fetchall()
    said = [[int(part) for part in key.split(":")[1:]] for key, line, _ in places if line is not None]
    assert sorted(said) == sorted([n for n in (line, entry) if n is not None] for _, line, entry in places if line)
    assert sorted(len(numbers) for numbers in said) == [1, 1, 2, 2]


def test_pages_hold_each_record_once_and_filters_hold(settings: Settings, db: Database, tmp_path: Path) -> None:
    load_everything(settings, db, tmp_path)
    keys: list[str] = []
    after = None
    while True:
        page = lineage.find(db, limit=2, after=after)
        assert sum(group["records"] for group in page.groups) == 6
        keys += [record["record_key"] for record in page.records]
        after = page.next_key
        if after is None:
            break
        assert len(page.records) == 2
    assert len(keys) == len(set(keys)) == 6
    assert Counter(r["reason"] for r in lineage.find(db, reason="not_r4").records) == {"not_r4": 3}
    assert {r["source_system"] for r in lineage.find(db, source_system="hl7v2").records} == {"hl7v2"}
    assert lineage.find(db, source_system="elsewhere").records == []
    for wrong in (lambda: lineage.find(db, after=CANARY), lambda: lineage.show(settings, db, CANARY)):
        with pytest.raises(NoSuchRecordError) as caught:
            wrong()
        assert CANARY not in str(caught.value)


def events(db: Database) -> list[tuple[Any, ...]]:
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        return connection.execute(
            "SELECT subject, action, object_kind FROM audit.event WHERE object_kind = 'quarantine.record' "
            "ORDER BY occurred_at, chain, sequence"
        ).fetchall()


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"everyone": False, "care_sites": ("Organization/east",)}, ["claim-denied"]),
        ({"sensitivities": ()}, ["claim-denied"]),
        ({"sensitivities": "all but one"}, ["claim-denied"]),
        ({"role": Role.INFER}, []),
        ({"role": Role.AUDITOR}, []),
        ({"role": Role.EMBED}, []),
    ],
)
def test_who_may_not_see_everything_sees_no_byte_and_that_they_asked_is_on_record(
    settings: Settings, db: Database, tmp_path: Path, officer: Identity, changes: dict[str, Any], answer: list[str]
) -> None:
    load_everything(settings, db, tmp_path)
    if changes.get("sensitivities") == "all but one":
        changes = {"sensitivities": all_labels(db)[1:]}
    key = lineage.find(db).records[0]["record_key"]
    with pytest.raises(AccessDeniedError):
        lineage.show(settings, db, key, reader=replace(officer, **changes))
    assert events(db) == [("steward", action, "quarantine.record") for action in answer]


def test_without_the_event_there_are_no_bytes(
    settings: Settings, db: Database, tmp_path: Path, officer: Identity
) -> None:
    load_everything(settings, db, tmp_path)
    key = lineage.find(db).records[0]["record_key"]
    lineage.show(settings, db, key, reader=officer)
    assert events(db) == [("steward", action, "quarantine.record") for action in ("claim", "read")]
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("REVOKE EXECUTE ON FUNCTION access.record FROM sanctum_reviewer")
    with pytest.raises(DatabaseUnavailableError):
        lineage.show(settings, db, key, reader=officer)


def test_an_erased_record_shows_none_and_the_others_of_its_file_stay(
    settings: Settings, db: Database, tmp_path: Path, officer: Identity
) -> None:
    other = observation("o2", status={"family": "x"}, subject={"reference": "Patient/p2"})
    write(tmp_path / "mixed.ndjson", ndjson([patient(), patient("p2"), BAD, other]))
    ingest_fhir(settings, db, [tmp_path])
    theirs, others = (record["record_key"] for record in lineage.find(db).records)
    with db.connect(Role.INGEST) as connection:
        tombstones.add(connection, [resource_key("ehr", "Patient", "p1")])
        forget(connection, [1])
    assert redact_due(settings, db, ["fhir-ndjson"], search) == 2
    with pytest.raises(NoSuchRecordError):
        lineage.show(settings, db, theirs, reader=officer)
    (left,) = lineage.find(db).records
    assert left["record_key"] != others
    place = lineage.show(settings, db, left["record_key"], reader=officer)
    assert place.content == orjson.dumps(other)
    # Were the record still there, its bytes are not.
    with db.connect(Role.OWNER) as owner:
        owner.execute("UPDATE quarantine.record SET line_number = 3")
    with pytest.raises(ContentError, match="erased"):
        lineage.show(settings, db, left["record_key"], reader=officer)


def test_a_file_that_could_not_be_read_has_no_record_to_show(
    settings: Settings, db: Database, tmp_path: Path, officer: Identity
) -> None:
    write(tmp_path / "cut.ndjson.gz", gzip.compress(ndjson([patient()] * 99))[:-20])
    ingest_fhir(settings, db, [tmp_path])
    (record,) = lineage.find(db).records
    assert lineage.show(settings, db, record["record_key"]).about["reason"] == "truncated_file"
    with pytest.raises(ContentError, match="whole file"):
        lineage.show(settings, db, record["record_key"], reader=officer)


def put_back(db: Database, reason: str, source_system: str) -> None:
    """A record that an older Sanctum could not use."""
    with db.connect(Role.OWNER) as owner:
        owner.execute(
            "INSERT INTO quarantine.record (record_key, file_id, reason) SELECT %s, file_id, %s FROM bronze.resource "
            "WHERE source_system = %s LIMIT 1",
            (f"{reason} of {source_system}", reason, source_system),
        )


def test_replay_reads_again_what_one_reason_holds_of_every_source_system(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    for number, source in enumerate(("ehr", "laboratory")):
        path = write(tmp_path / f"{number}.ndjson", ndjson([patient(f"p{number}")]))
        ingest_fhir(settings.model_copy(update={"source_system": source}), db, [path])
    before = snapshot(db)
    for reason in ("not_r4", "duplicate_key"):
        put_back(db, reason, "laboratory")
    put_back(db, "not_r4", "ehr")
    done = lineage.replay(settings, db, reason="not_json")
    assert (done["released"], done["read"]) == (0, {})
    # Reading a file settles all of its records.
    done = lineage.replay(settings, db, reason="duplicate_key")
    assert (done["released"], done["open"], done["read"]) == (2, {"not_r4": 1}, {"Patient": 1})
    done = lineage.replay(settings, db)
    assert (done["released"], done["open"], done["excluded"]) == (1, {}, {"unchanged": 1})
    assert snapshot(db) == before


def test_replay_of_messages_keeps_to_the_reason(settings: Settings, db: Database, tmp_path: Path) -> None:
    load_everything(settings, db, tmp_path)
    done = lineage.replay(settings, db, reason="no_patient_identifier")
    assert (done["released"], done["read"]) == (0, {"ADT^A28": 1})


def test_a_record_that_fails_anew_for_another_reason_says_so(settings: Settings, db: Database, tmp_path: Path) -> None:
    write(tmp_path / "bad.ndjson", b"{cut\n")
    ingest_fhir(settings, db, [tmp_path])
    with db.connect(Role.OWNER) as owner:
        owner.execute("UPDATE quarantine.record SET reason = 'not_r4', detail = 'Observation.status'")
    assert lineage.replay(settings, db)["open"] == {"not_json": 1}
    (record,) = rows(db, "quarantine.record")
    assert (record["reason"], record["detail"]) == ("not_json", None)


def test_every_reason_has_advice() -> None:
    pipelines = Path(quarantine.__file__).parent
    source = "".join(path.read_text() for path in pipelines.rglob("*.py"))
    raised = set(re.findall(r'MessageError\("(\w+)"', source))
    assert {"not_hl7", "no_visit_number", "merge_cycle"} <= raised
    expected = {reason for _, reason in (*UNPARSABLE.values(), *BROKEN.values())}
    files = {"no_msh", "truncated_message", "truncated_file", "batch_count_differs", "missing_trailer"}
    received = {"erased_identifier", "several_messages", REFUSED_BY_DATABASE}
    assert raised | expected | files | received == set(ADVICE)


def test_the_commands(settings: Settings, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_everything(settings, db, tmp_path / "in")
    for name in [name for name in os.environ if name.startswith("SANCTUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SANCTUM_HOME", str(settings.home))
    monkeypatch.setenv("SANCTUM_DATABASE_URL", database_url(settings))

    def sanctum(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, ["quarantine", *arguments], catch_exceptions=False)
        assert done.exit_code == status
        return done.stdout

    listed = json.loads(sanctum("list", "--reason", "not_json", "--limit", "1", "--json"))
    assert (listed["records_in_quarantine"], listed["next"]) == (1, None)
    key = listed["records"][0]["record_key"]
    assert "not_json" in sanctum("list")
    about = json.loads(sanctum("show", key, "--json"))
    assert (about["line_number"], "content" in about) == (4, False)
    # This machine's user sees everyone and no label, which is not enough.
    refused = json.loads(sanctum("show", key, "--content", "--json", status=1))
    assert refused["kind"] == "AccessDeniedError"
    local = {"role": "reviewer", "everyone": True, "sensitivities": list(all_labels(db)), "purposes": ["HOPERAT"]}
    policy = tmp_path / "policy.yaml"
    policy.write_text(yaml.safe_dump({"rules": [], "local": local}))
    monkeypatch.setenv("SANCTUM_ACCESS_POLICY_FILE", str(policy))
    assert json.loads(sanctum("show", key, "--content", "--json"))["content"] == "{cut"
    assert sanctum("show", key, "--content").endswith("\n{cut\n")
    assert json.loads(sanctum("replay", "--reason", "not_json", "--json"))["open"]["not_json"] == 1


def test_bytes_that_are_no_text_are_printed_in_base64() -> None:
    assert as_text(b"\xff") == {"content_base64": "/w=="}
