"""The dlt source, in a pipeline that has no database of Sanctum's."""

import gzip
import io
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import orjson
import psycopg
import pytest
from psycopg.rows import dict_row

from pipelines.fhir_server.errors import FhirServerError, ServersFileError
from pipelines.fhir_server.source import DltRunError, fhir_server, run
from pipelines.landing import open_content
from resources.postgres import Database
from tests.conftest import superuser, superuser_conninfo
from tests.pipelines.fhir.synthetic import observation, patient, updated
from tests.pipelines.fhir_server.conftest import Make
from tests.pipelines.fhir_server.hospital import Hospital, Reply, as_json, outcome

NAME = "Zwillingmann"
# What can't be a row, with the type, reason and detail under which it is counted.
UNUSABLE: list[tuple[Any, tuple[str, str, str | None]]] = [
    ({"resourceType": "Patient", "name": [{"family": NAME}]}, ("Patient", "no_id", None)),
    ({"resourceType": "Patient", "id": {"family": NAME}}, ("Patient", "no_id", None)),
    ({"resourceType": "Patient", "id": "x1", "meta": NAME}, ("Patient", "not_r4", "meta")),
    (
        {"resourceType": "Patient", "id": "x2", "meta": {"versionId": {"family": NAME}}},
        ("Patient", "not_r4", "meta.versionId"),
    ),
    (
        {"resourceType": "Patient", "id": "x3", "meta": {"lastUpdated": [NAME]}},
        ("Patient", "not_r4", "meta.lastUpdated"),
    ),
    (
        {"resourceType": "Patient", "id": "x4", "name": [{"family": NAME, "text": "a\0b"}]},
        ("Patient", "not_r4", "U+0000 in a string"),
    ),
    ({"resourceType": f"Mary {NAME}", "id": "x5"}, ("unknown", "unknown_resource_type", None)),
    ({"resourceType": 5, "id": NAME}, ("unknown", "not_a_resource", None)),
    ([NAME], ("unknown", "not_a_resource", None)),
]


@pytest.fixture
def target(server: Database) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """An empty database that is none of Sanctum's."""
    with superuser(server) as connection:
        connection.execute("DROP DATABASE IF EXISTS elsewhere WITH (FORCE)")
        connection.execute("CREATE DATABASE elsewhere")
    with psycopg.connect(superuser_conninfo(server, "elsewhere"), autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def to_database(server: Database, tmp_path: Path) -> Callable[[], dlt.Pipeline]:
    """A pipeline to the empty database, as a process of its own would make it."""
    host = dict(server.parameters)["host"]
    return lambda: dlt.pipeline(
        "elsewhere",
        pipelines_dir=str(tmp_path / "dlt"),
        destination=dlt.destinations.postgres(f"postgresql://postgres:x@localhost:5432/elsewhere?host={host}"),
        dataset_name="fhir",
    )


@pytest.fixture
def to_files(tmp_path: Path) -> dlt.Pipeline:
    """A pipeline to files on this machine."""
    return dlt.pipeline(
        "elsewhere",
        pipelines_dir=str(tmp_path / "dlt"),
        destination=dlt.destinations.filesystem(bucket_url=str(tmp_path / "target")),
        dataset_name="fhir",
    )


@pytest.fixture
def entry(site: Hospital, make: Make) -> dict[str, Any]:
    """A server's entry with an export of patients, without sign-in."""
    found = make("Patient").model_dump(mode="json", exclude_none=True)
    del found["authorization"]
    site.public_key = None
    site.add(patient("p1"))
    return found


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """What dlt logs as it does by itself, while it keeps what it loaded in files that others may read."""
    dlt.config["load.delete_completed_jobs"] = False
    text, logger = io.StringIO(), logging.getLogger("dlt")
    handler = logging.StreamHandler(text)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    before = os.umask(0o022)
    yield text
    os.umask(before)
    logger.removeHandler(handler)


def test_a_pipeline_of_its_own(
    site: Hospital,
    make: Make,
    key_file: Path,
    target: psycopg.Connection[dict[str, Any]],
    to_database: Callable[[], dlt.Pipeline],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = make("Patient", "Observation").model_dump(mode="json", exclude_none=True)
    del entry["authorization"]["private_key_file"]
    site.add(patient(), *(updated(observation(f"o{n}", valueInteger=n), 1 + n) for n in range(4)))
    monkeypatch.setitem(dlt.secrets, "sources.fhir_server.private_key", key_file.read_text())
    run(to_database(), fhir_server(server=entry))
    found = target.execute("SELECT id, resource FROM fhir.observation ORDER BY id").fetchall()
    assert [row["id"] for row in found] == ["o0", "o1", "o2", "o3"]
    assert found[2]["resource"]["valueInteger"] == 2
    site.deleted, site.time = ["Observation/o0"], "2026-03-02T12:00:00Z"
    del site.resources["Observation/o0"]
    site.add(updated(observation("o1", valueInteger=100), 1, meta={"lastUpdated": "2026-03-02T00:00:00Z"}))
    run(to_database(), fhir_server(server=entry))
    assert "_since" in site.asked("Group/g1/$export")[1].query
    found = target.execute("SELECT id, resource FROM fhir.observation ORDER BY id").fetchall()
    assert [(row["id"], row["resource"]["valueInteger"]) for row in found] == [("o1", 100), ("o2", 2), ("o3", 3)]


def test_what_is_wrong_is_said(make: Make, key_file: Path) -> None:
    entry = make("Patient").model_dump(mode="json", exclude_none=True)
    with pytest.raises(ServersFileError, match=r"export\.types"):
        fhir_server(server=entry | {"export": {"of": "system"}}, private_key=key_file.read_text())
    with pytest.raises(FhirServerError, match="private_key holds no private key"):
        fhir_server(server=entry, private_key=orjson.dumps({}).decode())


def test_a_record_that_can_not_be_a_row_is_counted_without_content(
    site: Hospital, entry: dict[str, Any], to_files: dlt.Pipeline, tmp_path: Path, told: io.StringIO
) -> None:
    lines = [orjson.dumps(patient("p1")), *(orjson.dumps(record) for record, _reason in UNUSABLE)]
    body = b"\n".join([*lines, b"", b"{" + NAME.encode(), b"{}"])
    site.mistakes["files/1/Patient-0"] = [Reply(200, body)]
    site.output = {"count": None}
    run(to_files, fhir_server(server=entry))
    reasons = [reason for _record, reason in UNUSABLE]
    reasons += [("unknown", "not_json", None), ("unknown", "not_a_resource", None)]
    counted = rows_of(tmp_path / "target/fhir/unusable_record")
    found = {(row["resource_type"], row["reason"], row.get("detail")): row["records"] for row in counted}
    assert found == {reason: reasons.count(reason) for reason in reasons}
    assert [row["id"] for row in rows_of(tmp_path / "target/fhir/patient")] == ["p1"]
    assert holding(tmp_path, NAME) == []
    assert readable_by_others(tmp_path / "target/fhir") == readable_by_others(tmp_path / "dlt/elsewhere") == []
    assert told.getvalue() == ""
    assert [*(tmp_path / "dlt").rglob("*_jobs/*"), *(tmp_path / "dlt").rglob("trace.pickle")] == []


def test_a_load_that_fails_says_nothing_of_its_rows_and_is_made_good_by_the_next(
    site: Hospital,
    entry: dict[str, Any],
    target: psycopg.Connection[dict[str, Any]],
    to_database: Callable[[], dlt.Pipeline],
    tmp_path: Path,
    told: io.StringIO,
) -> None:
    """PostgreSQL tells of a row that breaks a constraint with the row, and dlt keeps and repeats what it is told."""
    run(to_database(), fhir_server(server=entry))
    target.execute(f"ALTER TABLE fhir_staging.patient ADD CHECK (resource::text NOT LIKE '%{NAME}%')")
    named = {**patient("p2"), "name": [{"family": NAME}], "meta": {"lastUpdated": "2026-03-01T12:30:00Z"}}
    site.add(named)
    site.time = "2026-03-01T13:00:00Z"
    with pytest.raises(DltRunError, match="dlt failed at step 'load'") as caught:
        run(to_database(), fhir_server(server=entry))
    assert NAME not in all_of(caught.value) + told.getvalue()
    assert holding(tmp_path / "dlt", NAME) == readable_by_others(tmp_path / "dlt/elsewhere") == []
    target.execute("ALTER TABLE fhir_staging.patient DROP CONSTRAINT patient_resource_check")
    run(to_database(), fhir_server(server=entry))
    rows = target.execute("SELECT id FROM fhir.patient ORDER BY id").fetchall()
    assert [row["id"] for row in rows] == ["p1", "p2"]
    assert [one.query.get("_since") for one in site.asked("Group/g1/$export")] == [
        None,
        ["2026-03-01T11:50:00.000Z"],
        ["2026-03-01T11:50:00.000Z"],
    ]


def test_a_server_that_refuses_is_told_of_as_by_the_command(
    site: Hospital, entry: dict[str, Any], to_files: dlt.Pipeline, told: io.StringIO
) -> None:
    site.mistakes["Group/g1/$export"] = [as_json(outcome("forbidden", diagnostics=NAME), 403)]
    with pytest.raises(FhirServerError, match=r"kick-off of the export: HTTP 403 \(forbidden\)") as caught:
        run(to_files, fhir_server(server=entry))
    assert caught.value.status == 403
    assert NAME not in all_of(caught.value) + told.getvalue()


def rows_of(folder: Path) -> list[dict[str, Any]]:
    # Whether dlt packs its files is a setting of the process, which a load into bronze changes.
    found = []
    for path in sorted(folder.iterdir()):
        with open_content(path) as lines:
            found += [orjson.loads(line) for line in lines]
    return found


def holding(folder: Path, word: str) -> list[Path]:
    """Files and folders that hold a word in any case, in their names or bytes, packed or not."""
    found = []
    for path in folder.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        content += gzip.decompress(content) if content.startswith(b"\x1f\x8b") else b""
        if word.lower().encode() in content.lower() + path.name.lower().encode():
            found.append(path)
    return found


def readable_by_others(folder: Path) -> list[Path]:
    """The folder, if others may enter it, and files in it that they may read."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in (folder, *files) if path.stat().st_mode & 0o077]


def all_of(error: BaseException) -> str:
    """The texts and attributes of all errors that an error leads to."""
    text, waiting = "", [error]
    while waiting:
        found = waiting.pop()
        text += repr((found, str(found), vars(found)))
        waiting += [led for led in (found.__cause__, found.__context__) if led is not None]
    return text
