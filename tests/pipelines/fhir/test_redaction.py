"""Finding one person's bytes in FHIR files, however they are written, and nobody else's."""

import errno
import gzip
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from pipelines import redaction
from pipelines.fhir.reading import chunks, records
from pipelines.fhir.redaction import search
from pipelines.keys import resource_key
from pipelines.redaction import Found, Wanted, redact_in_place
from pipelines.tombstones import Tombstones

HERS = resource_key("ehr", "Patient", "her-1")


def wanted() -> Wanted:
    return Wanted(("ehr",), Tombstones({HERS}))


def of(person: str, kind: str = "Observation", **extra: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": f"{kind}-{person}", "subject": {"reference": f"Patient/{person}"}, **extra}


def redacted(path: Path, kind: str, text: bytes) -> tuple[bytes, Found]:
    path.write_bytes(text)
    found = search(path, kind, wanted())
    redact_in_place(path, found.edits)
    content = path.read_bytes()
    return (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content), found


@pytest.mark.parametrize(
    "line",
    [
        b'{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/her-1"}}',
        b'{"resourceType":"Observation","id":"o","subject":{"reference":"Patient\\/her-1"}}',
        b'{"resourceType":"Observation","id":"o","subject":{"reference":"\\u0050atient/h\\u0065r-1"}}',
        b'{"resourceType":"Observation","id":"o","subject":{"reference":"http://x.org/fhir/Patient/her-1/_history/2"}}',
        b'{"resourceType":"Observation","id":"o","subject":{"reference":"urn:uuid:her-1"}}',
        b'{"resourceType":"Account","id":"a","subject":[{"reference":"Patient/her-1"}]}',
        b'{"resourceType":"Task","id":"t","for":{"reference":"Patient/her-1"},"owner":{"reference":"Practitioner/9"}}',
        b'{"resourceType":"Appointment","id":"a","participant":[{"actor":{"reference":"Patient/her-1"}}]}',
        b'{"resourceType":"Person","id":"p","link":[{"target":{"reference":"Patient/her-1"}}]}',
        b'{"resourceType":"Patient","id":"her-1"}',
        b'{"resourceType":"Patient","id":"her-1","name":[{"family":',
        b'\xef\xbb\xbf{"resourceType":"Patient","id":"her-1"}',
    ],
)
def test_a_line_of_hers_becomes_blanks(tmp_path: Path, line: bytes) -> None:
    other = json.dumps(of("his-2")).encode()
    text, found = redacted(tmp_path / "a", "fhir-ndjson", b"\n".join([other, line, b"", other]) + b"\r\n")
    assert text == b"\n".join([other, b" " * len(line), b"", other]) + b"\r\n"
    assert [place.line_number for place in found.places] == [2]


@pytest.mark.parametrize(
    "line",
    [
        b'{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/her-12"}}',
        b'{"resourceType":"Observation","id":"o","subject":{"reference":"Group/her-1"}}',
        b'{"resourceType":"Observation","id":"her-1","subject":{"reference":"Patient/his-2"}}',
        b'{"resourceType":"Practitioner","id":"her-1"}',
        b'{"resourceType":"Observation","id":"o","valueString":"Patient/her-1","subject":{"reference":"Patient/his-2"}}',
        b'{"name":"cut off',
    ],
)
def test_a_line_of_somebody_else_stays(tmp_path: Path, line: bytes) -> None:
    text, found = redacted(tmp_path / "a", "fhir-ndjson", line + b"\n")
    assert text == line + b"\n"
    assert not found.places


def test_a_reference_from_somebody_elses_record_becomes_zeros(tmp_path: Path) -> None:
    mother = {"reference": "Patient/her-1", "display": "Jane “J” Doe"}
    line = json.dumps(of("his-2", focus=[mother], note=[{"text": "Jane is well"}])).encode()
    text, found = redacted(tmp_path / "a", "fhir-ndjson", line + b"\n")
    after = json.loads(text)
    assert len(text) == len(line) + 1
    assert after.pop("focus") == [{"reference": "0" * 13, "display": "0" * 22}]
    assert after == {key: value for key, value in json.loads(line).items() if key != "focus"}
    assert found.mentions == 1


@pytest.mark.parametrize("others", [[], [None], ["text, with } and ]"], [{"resource": of("his-2")}]])
@pytest.mark.parametrize(("kind", "indent"), [("fhir-json", None), ("fhir-json", 2), ("fhir-ndjson", None)])
def test_entries_of_a_bundle(tmp_path: Path, others: list[Any], kind: str, indent: int | None) -> None:
    hers = {"fullUrl": "urn:uuid:1", "resource": of("her-1", valueString='a "quoted" ] } text')}
    linked = [{"resource": of("his-2", "Procedure", partOf=[{"reference": "urn:uuid:1"}])}] if others else []
    bundle = {"entry": [*others, hers, *linked], "resourceType": "Bundle", "type": "collection"}
    written = json.dumps(bundle, indent=indent).encode()
    text, found = redacted(tmp_path / "a", kind, written)
    assert len(text) == len(written)
    if not others:
        assert text.strip() in (b"", b'{"erased":true}')
    else:
        after = json.loads(text)["entry"]
        assert after[: len(others)] == others
        assert after[len(others)] == {"erased": True}
        assert after[-1]["resource"]["partOf"] == [{"reference": "0" * 10}]
    assert (1, len(others)) in [(place.line_number, place.entry) for place in found.places]
    # What was erased gives no record and no quarantine.
    left = [record for lines in chunks(tmp_path / "a", kind, 10) for line in lines for record in records(line)]
    assert len(left) == len(others) + len(linked)


def test_bytes_that_name_two_people_stay_without_the_reference(tmp_path: Path) -> None:
    line = b'{"resourceType":"Patient","id":"his-2","link":[{"other":{"reference":"Patient/her-1"}}],"name":['
    text, found = redacted(tmp_path / "a", "fhir-ndjson", line + b"\n")
    assert text == line.replace(b"Patient/her-1", b"0" * 13) + b"\n"
    assert (found.places, found.mentions) == ([], 1)


def test_a_file_changed_in_place_keeps_its_mode_and_owner(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(json.dumps(of("her-1")).encode())
    path.chmod(0o640)
    owner = (65534, 65534) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
    os.chown(path, *owner)
    (tmp_path / ".redacting-1").write_bytes(b"what a killed run has left")
    redact_in_place(path, search(path, "fhir-ndjson", wanted()).edits)
    found = path.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o640, *owner)
    assert [left.name for left in tmp_path.iterdir()] == ["a"]


def test_a_file_cut_off_stays_cut_off(tmp_path: Path) -> None:
    lines = [json.dumps(of("her-1", note=str(number))).encode() for number in range(5000)]
    path = tmp_path / "a"
    path.write_bytes(gzip.compress(b"\n".join(lines))[:-2000])
    found = search(path, "fhir-ndjson", wanted())
    assert len(found.places) > 100
    redact_in_place(path, found.edits)
    with pytest.raises(EOFError):
        gzip.decompress(path.read_bytes())
    assert not search(path, "fhir-ndjson", wanted()).places


def test_what_the_disk_fails_to_give_is_not_missing_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "landed"
    path.write_bytes(b"x" * 10)

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(redaction, "open_content", lambda _: Failing())
    with pytest.raises(OSError, match="Input/output"):
        list(redaction.readable_blocks(path))
