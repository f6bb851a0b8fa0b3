"""Bad input: a clear error or a quarantined record, nothing half loaded, and the next good run works."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from resources.postgres import Role
from tests.end_to_end.home import Home

CANARY = "Zzyzxcanary"
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-02-03"}


def observation(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-03-01",
        "valueQuantity": {"value": 7.0 + number / 10, "code": "%", "system": "http://unitsofmeasure.org"},
        **changes,
    }


def lines(*records: Any) -> bytes:
    return b"".join((r if isinstance(r, bytes) else json.dumps(r).encode()) + b"\n" for r in records)


def closes(account: dict[str, dict[str, int]]) -> bool:
    total = {name: sum(counts.values()) for name, counts in account.items()}
    return total["read"] == total["loaded"] + total["excluded"] + total["quarantined"]


def assert_a_good_run_works(home: Home, folder: Path) -> None:
    good = folder / "good.ndjson"
    good.write_bytes(lines(PATIENT, observation(9)))
    account = home.run("ingest", "fhir", str(good))
    assert closes(account)
    assert account["loaded"].get("Observation") == 1
    assert home.count(Role.INGEST, "SELECT count(*) FROM bronze.measurement WHERE value_number = 7.9") == 1


def quarantined_text(home: Home) -> str:
    with home.database.connect(Role.INGEST) as connection:
        return repr(
            connection.execute("SELECT resource_type, reason, detail, record_key FROM quarantine.record").fetchall()
        )


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("truncated.ndjson.gz", gzip.compress(lines(PATIENT, *map(observation, range(200))))[:-600], "truncated_file"),
        ("text.ndjson", lines(PATIENT, f"{CANARY} is no JSON".encode(), observation(1)), "not_json"),
        ("half.ndjson", lines(PATIENT, observation(1)) + b'{"resourceType": "Observation", "id": "o2', "not_json"),
        ("wrong.ndjson", lines(PATIENT, observation(1), observation(2, status={"family": CANARY})), "not_r4"),
        (
            "other.ndjson",
            lines(PATIENT, observation(1), {"resourceType": "Zebra", "id": CANARY}),
            "unknown_resource_type",
        ),
    ],
)
def test_bad_fhir_is_quarantined_and_the_rest_is_loaded(
    new_home: Callable[[str], Home], tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    home = new_home("home")
    (tmp_path / name).write_bytes(content)
    account = home.run("ingest", "fhir", str(tmp_path / name))
    assert account["quarantined"] == {reason: 1}
    assert closes(account)
    loaded = home.count(Role.INGEST, "SELECT count(*) FROM bronze.person")
    assert loaded == (0 if reason == "truncated_file" else 1)
    assert CANARY not in quarantined_text(home)
    assert_a_good_run_works(home, tmp_path)


def test_hl7_without_msh_is_quarantined(new_home: Callable[[str], Home], tmp_path: Path) -> None:
    home = new_home("home")
    (tmp_path / "a.hl7").write_bytes(f"PID|1||1^^^H^MR||{CANARY}\r".encode())
    (tmp_path / "b.hl7").write_bytes(
        b"MSH|^~\\&|ADT|HOSP|S|S|20260301||ADT^A04|1|P|2.5.1\rEVN|A04|20260301\r"
        b"PID|1||1^^^HOSP^MR||Doe||19600203|F\rPV1|1|O|||||||||||||||||V1^^^HOSP\r"
    )
    account = home.run("ingest", "hl7", str(tmp_path))
    assert account["quarantined"] == {"no_msh": 1}
    assert account["loaded"] == {"ADT^A04": 1}
    assert closes(account)
    assert CANARY not in quarantined_text(home)
    assert home.count(Role.INGEST, "SELECT count(*) FROM bronze.visit_occurrence") == 1


@pytest.mark.parametrize("kind", ["fhir", "hl7"])
def test_empty_folder_and_missing_path_are_errors_that_say_so(
    new_home: Callable[[str], Home], tmp_path: Path, kind: str
) -> None:
    home = new_home("home")
    (tmp_path / "empty").mkdir()
    for path in ("empty", "absent"):
        error = home.run("ingest", kind, str(tmp_path / path), succeeds=False)
        assert error["error"]
    assert_a_good_run_works(home, tmp_path)
