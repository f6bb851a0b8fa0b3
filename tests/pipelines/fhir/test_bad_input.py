"""Damaged and hostile FHIR input: named, pointed at, repeated nowhere, and never in the way of good input."""

import gzip
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipelines.fhir import ingest_fhir, load_fhir
from pipelines.fhir.reading import chunks, kind_of
from pipelines.fhir.worker import Interpreted, Unusable, interpret
from pipelines.landing import InputError, landed_path
from pipelines.quarantine import counts_by_reason
from resources.postgres import Database
from resources.settings import Settings
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.synthetic import (
    Resource,
    bundle,
    clinical,
    encounter,
    ndjson,
    observation,
    patient,
    prescription,
    rows,
    task,
    write,
)

CANARY = "Zzyzxcanary"
GOOD = ndjson([patient()])


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def raw(resource: Resource, **members: bytes) -> bytes:
    """A resource with members as they are."""
    extra = b"".join(b',"' + name.encode() + b'":' + value for name, value in members.items())
    return orjson.dumps(resource)[:-1] + extra + b"}"


OBSERVATION = observation(valueString=CANARY)
UNPARSABLE: dict[str, tuple[bytes, str]] = {
    "not JSON": (f"{CANARY}, 1 {CANARY} Street".encode(), "not_json"),
    "a cut line": (orjson.dumps(OBSERVATION)[:-20], "not_json"),
    "not UTF-8": (orjson.dumps(OBSERVATION).replace(b"final", b"fin\xe9l"), "not_json"),
    "UTF-16": (orjson.dumps(OBSERVATION).decode().encode("utf-16-be"), "not_json"),
    "a lone surrogate": (raw(OBSERVATION, x=b'"\\ud800"'), "not_json"),
    "no number": (raw(OBSERVATION, x=b"NaN"), "not_json"),
    "too deep for JSON": (raw(OBSERVATION, x=nested(2000)), "not_json"),
    "too deep for FHIR": (raw(OBSERVATION, x=nested(900)), "nested_too_deep"),
    "a member twice": (raw(OBSERVATION, status=b'"entered-in-error"'), "duplicate_key"),
    "a member twice deep down": (raw(OBSERVATION, x=b'[{"a":{"b":1,"c":2,"b":3}}]'), "duplicate_key"),
    "an array": (orjson.dumps([OBSERVATION]), "not_a_resource"),
    "a number": (b"12", "not_a_resource"),
    "no resourceType": (orjson.dumps({"id": CANARY}), "not_a_resource"),
    "a resourceType that is no text": (orjson.dumps({"resourceType": [CANARY], "id": "1"}), "not_a_resource"),
    "a bundle of nothing": (orjson.dumps({"resourceType": "Bundle", "type": "collection"}), "empty_bundle"),
    "a bundle that is none": (orjson.dumps({"resourceType": "Bundle", "entry": CANARY}), "not_r4"),
}

BROKEN: dict[str, tuple[Resource, str]] = {
    "not FHIR": ({"resourceType": CANARY, "id": "1"}, "unknown_resource_type"),
    "R5 only": ({"resourceType": "Transport", "id": CANARY}, "unknown_resource_type"),
    "no id": ({"resourceType": "Patient", "birthDate": "1960", "name": [{"family": CANARY}]}, "no_id"),
    "an id that is no text": (patient() | {"id": {CANARY: CANARY}}, "no_id"),
    "an unknown element": (patient(**{CANARY: CANARY}), "not_r4"),
    "an unknown element inside": (patient(name=[{CANARY: CANARY}]), "not_r4"),
    "DSTU2": (patient(careProvider=[{"display": CANARY}]), "not_r4"),
    "R5": (encounter(actualPeriod={"start": "2025"}, subject={"display": CANARY}), "not_r4"),
    "no subject of the right kind": (observation(subject=CANARY), "not_r4"),
    "a date that is none": (patient(birthDate=CANARY), "not_r4"),
    "no code": (clinical("Observation", "1", status="final", note=[{"text": CANARY}]), "not_r4"),
    "a data type": ({"resourceType": "Address", "id": "1", "city": CANARY}, "unknown_resource_type"),
    "U+0000": (observation(valueString=f"{CANARY}\x00"), "not_r4"),
    "U+0000 in a type that makes no rows": ({"resourceType": "Device", "id": f"{CANARY}\x00"}, "not_r4"),
    "a list for an object": (observation(meta=[CANARY]), "not_r4"),
    "meta of a type that makes no rows": ({"resourceType": "Device", "id": "1", "meta": CANARY}, "not_r4"),
    "a time of a type that makes no rows": (
        {"resourceType": "Device", "id": "1", "meta": {"lastUpdated": [CANARY]}},
        "not_r4",
    ),
    "a number as text": (observation(valueQuantity={"value": "7.1", "unit": CANARY}), "not_r4"),
    "a number beyond doubles": (observation(valueQuantity={"value": 2**62 + 1, "unit": CANARY}), "not_r4"),
    "more refills than integers": (prescription(dispenseRequest={"numberOfRepeatsAllowed": 2**40}), "not_r4"),
    "a supply to the end of time": (
        prescription(note=[{"text": CANARY}], dispenseRequest={"expectedSupplyDuration": {"value": 1e9, "code": "d"}}),
        "not_r4",
    ),
    "a supply beyond integers": (
        {k: v for k, v in prescription().items() if k != "authoredOn"}
        | {"dispenseRequest": {"expectedSupplyDuration": {"value": 1e12, "code": "d"}}},
        "not_r4",
    ),
}

STRANGE: dict[str, Resource] = {
    "status": observation("s1", status=CANARY, valueInteger=1),
    "verification": clinical("Condition", "s2", verificationStatus={"text": CANARY}, code={"text": CANARY}),
    "intent": prescription("s3", intent=CANARY),
    "the first day there is": observation("s4", effectiveDateTime="0001-01-01T00:00:00+14:00", valueInteger=1),
    "the last day there is": observation(
        "s5", effectiveDateTime="9999-12-31T23:59:59Z", meta={"lastUpdated": "9999-12-31T23:00:00-14:00"}
    ),
    "the text of an escape": observation("s6", valueString="C:\\u0000"),
    "text like CSV": observation("s7", valueString='a","b\r\n\\N;\t\\'),
    "an id beyond FHIR": observation("i" * 88, valueInteger=1),
}


def outcome(content: bytes, validation: Any = "full") -> tuple[list[Unusable], list[Interpreted]]:
    found = list(interpret(task(content, validation)))
    return [item for item in found if isinstance(item, Unusable)], [i for i in found if not isinstance(i, Unusable)]


@pytest.mark.parametrize(("content", "reason"), UNPARSABLE.values(), ids=UNPARSABLE)
def test_a_line_that_is_no_resource_is_named(content: bytes, reason: str) -> None:
    (unusable,), usable = outcome(content)
    assert not usable
    assert (unusable.reason, unusable.line_number, unusable.resource_type) == (reason, 1, "unknown")
    assert CANARY not in str(unusable)


@pytest.mark.parametrize(("resource", "reason"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("form", ["line", "entry"])
def test_a_resource_that_is_not_r4_is_named(resource: Resource, reason: str, form: str) -> None:
    whole = bundle([patient(), resource | {"id": resource.get("id")}]) if form == "entry" else resource
    if form == "entry":
        whole["entry"][1] = {"resource": resource}
    (unusable,), usable = outcome(orjson.dumps(whole))
    assert (unusable.reason, unusable.entry) == (reason, 1 if form == "entry" else None)
    assert len(usable) == (1 if form == "entry" else 0)
    assert CANARY not in str((unusable, usable))


@pytest.mark.parametrize("resource", [resource for resource, _ in BROKEN.values()], ids=BROKEN)
def test_structural_validation_never_crashes_and_accounts(resource: Resource) -> None:
    unusable, usable = outcome(orjson.dumps(resource), "structural")
    assert len(usable) + len(unusable) == 1
    assert CANARY not in str(unusable)


def test_the_detail_names_the_element(ingest: Ingest, db: Database) -> None:
    ingest({"1.ndjson": GOOD + ndjson([observation(effectiveDateTime=CANARY)])})
    (record,) = rows(db, "quarantine.record")
    assert (record["reason"], record["line_number"], record["resource_type"]) == ("not_r4", 2, "Observation")
    assert "effectiveDateTime" in record["detail"]
    sha256 = rows(db, "landing.file", "encode(sha256, 'hex') AS sha256")[0]["sha256"]
    assert record["record_key"] == f"{sha256}:2"


def everything_bad() -> Iterator[bytes]:
    for content, _ in UNPARSABLE.values():
        yield content
    for resource, _ in BROKEN.values():
        yield orjson.dumps(resource)


@pytest.mark.parametrize("validation", ["full", "structural"])
def test_bad_records_stop_nothing_and_are_repeated_nowhere(
    settings: Settings,
    db: Database,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    validation: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    changed = settings.model_copy(update={"validation": validation})
    inbox = tmp_path / f"inbox-{CANARY}"
    lines = [*everything_bad(), *(orjson.dumps(resource) for resource in STRANGE.values()), GOOD.strip()]
    write(inbox / f"{CANARY}.ndjson", b"\n".join(lines))
    write(inbox / f"{CANARY}-cut.ndjson.gz", gzip.compress(ndjson([patient(name=[{"family": CANARY}])] * 99))[:-20])
    account = ingest_fhir(changed, db, [inbox])
    assert account.closes
    assert account.read.total() == len(lines) + 1
    assert account.quarantined["truncated_file"] == 1
    assert account.excluded["status:unrecognised"] == 1
    assert account.excluded["verification:unrecognised"] == 1
    assert account.excluded["intent:unrecognised"] == 1
    if validation == "full":
        assert account.quarantined.total() == len(UNPARSABLE) + len(BROKEN) + 1
        assert sum(counts_by_reason(db).values()) == account.quarantined.total()
    loaded = {row["resource_id"] for row in rows(db, "resource") if row["outcome"] == "loaded"}
    assert loaded >= {"p1", "s4", "s5", "s6", "s7", "i" * 88}
    texts = {row["value_text"] for row in rows(db, "measurement")}
    assert texts >= {"C:\\u0000", 'a","b\r\n\\N;\t\\'}

    assert CANARY not in caplog.text
    assert CANARY not in "".join(capfd.readouterr())
    assert CANARY not in str(account.as_dict())
    assert CANARY not in str(rows(db, "quarantine.record"))
    assert CANARY not in str(rows(db, "landing.file") + rows(db, "landing.file_load"))
    assert CANARY not in str([row["outcome"] for row in rows(db, "resource")])
    for path in changed.home.rglob("*"):
        assert CANARY not in path.name
        is_landed = changed.landing_directory in path.parents
        assert is_landed or not path.is_file() or CANARY.encode() not in path.read_bytes()
    assert not any(path.is_file() for path in changed.dlt_directory.rglob("*"))

    again = ingest_fhir(changed, db, [inbox])
    assert again.excluded == {"already_loaded": account.read.total()}
    assert ingest_fhir(changed, db, [write(tmp_path / "good.ndjson", ndjson([patient("p2")]))]).loaded == {"Patient": 1}


@pytest.mark.parametrize(
    ("name", "content", "quarantined"),
    [
        ("cut.ndjson.gz", gzip.compress(GOOD * 50)[:-9], {"truncated_file": 1}),
        ("flipped.ndjson.gz", gzip.compress(GOOD * 50)[:15] + b"\xff\xff\xff\xff\xff", {"truncated_file": 1}),
        ("sum.ndjson.gz", gzip.compress(GOOD)[:-8] + b"\0" * 8, {"truncated_file": 1}),
        ("only-magic.json", b"\x1f\x8b", {"truncated_file": 1}),
        ("empty.ndjson", b"", {}),
        ("empty.ndjson.gz", gzip.compress(b""), {}),
        ("blank.ndjson", b"\n \r\n", {}),
        ("empty.json", b"", {"not_json": 1}),
        ("array.json", orjson.dumps([patient()], option=orjson.OPT_INDENT_2), {"not_a_resource": 1}),
        ("two.json", orjson.dumps(bundle([patient()]), option=orjson.OPT_INDENT_2) * 2, {"not_json": 1}),
        ("binary.json", bytes(range(256)) * 9, {"not_json": 1}),
    ],
)
def test_files_that_hold_no_resource(
    tmp_path: Path, settings: Settings, db: Database, name: str, content: bytes, quarantined: dict[str, int]
) -> None:
    account = ingest_fhir(settings, db, [write(tmp_path / name, content)])
    assert account.closes
    assert account.quarantined == quarantined
    assert not account.loaded
    assert rows(db, "resource") == []


def test_a_cut_last_line_costs_that_line_only(ingest: Ingest, db: Database) -> None:
    account = ingest({"1.ndjson": (GOOD + ndjson([observation(valueInteger=1), patient("p2")]))[:-10]})
    assert account.loaded == {"Patient": 1, "Observation": 1}
    assert account.quarantined == {"not_json": 1}
    assert [row["line_number"] for row in rows(db, "quarantine.record")] == [3]


def test_a_bad_entry_costs_that_entry_only(ingest: Ingest, db: Database) -> None:
    whole = bundle([patient(), observation(valueInteger=1)])
    whole["entry"][1:1] = [None, {"fullUrl": "urn:uuid:x"}, {"resource": {"id": "1"}}, {"resource": "text"}]
    account = ingest({"1.json": orjson.dumps(whole)})
    assert account.loaded == {"Patient": 1, "Observation": 1}
    assert account.quarantined == {"not_a_resource": 4}
    keys = [str(row["record_key"]).partition(":")[2] for row in rows(db, "quarantine.record")]
    assert keys == ["1:1", "1:2", "1:3", "1:4"]


def test_a_huge_line_is_a_line(ingest: Ingest, db: Database, tmp_path: Path) -> None:
    huge = observation("o2", valueString="x" * (12 << 20))
    content = ndjson([patient(), huge, observation(valueInteger=1)])
    path = write(tmp_path / "huge.ndjson", content)
    assert kind_of(path) == "fhir-ndjson"
    assert [[number for number, _ in group] for group in chunks(path, "fhir-ndjson", 1000)] == [[1, 2], [3]]
    assert ingest({"huge.ndjson": content}).loaded == {"Patient": 1, "Observation": 2}
    assert [row["size"] for row in rows(db, "measurement", "length(value_text) AS size")] in (
        [12 << 20, None],
        [None, 12 << 20],
    )


def test_nothing_to_load_is_an_error_that_names_no_path(settings: Settings, db: Database, tmp_path: Path) -> None:
    empty = tmp_path / CANARY
    empty.mkdir()
    write(empty / f"{CANARY}.csv", b"a,b")
    write(empty / ".hidden.ndjson", GOOD)
    for paths in ([empty], [tmp_path / f"{CANARY}.ndjson"]):
        with pytest.raises(InputError) as caught:
            ingest_fhir(settings, db, paths)
        assert CANARY not in "".join(traceback.format_exception(caught.value)).replace(repr(paths), "")
    assert rows(db, "landing.file") == []


def test_landed_bytes_that_are_gone_are_an_error_and_undo_the_load(
    ingest: Ingest, settings: Settings, db: Database
) -> None:
    ingest({"1.ndjson": GOOD})
    (file,) = rows(db, "landing.file", "encode(sha256, 'hex') AS sha256")
    landed_path(settings, file["sha256"]).unlink()
    other = settings.model_copy(update={"mapping_profile": "ig-strict"})
    with pytest.raises(InputError, match=file["sha256"][:12]):
        load_fhir(other, db)
    assert len(rows(db, "resource")) == 1
    assert ingest({"1.ndjson": GOOD}).excluded == {"already_loaded": 1}
    assert load_fhir(other, db).loaded == {"Patient": 1}
