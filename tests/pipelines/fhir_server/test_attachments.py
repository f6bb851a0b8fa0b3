"""Attachments by address: fetched from the server, put into the resource, and read as text."""

import base64
from typing import Any

import pytest

from pipelines.fhir.mapping import Mapped, map_resource
from tests.pipelines.fhir.synthetic import clinical
from tests.pipelines.fhir_server.conftest import Home, Make
from tests.pipelines.fhir_server.hospital import Hospital, Reply, as_json, hospital, outcome


def document(*attachments: dict[str, Any], resource_id: str = "d1") -> dict[str, Any]:
    content = [{"attachment": part} for part in attachments]
    return clinical("DocumentReference", resource_id, status="current", content=content)


def binary(content: bytes, kind: str) -> Reply:
    return as_json({"resourceType": "Binary", "contentType": kind, "data": base64.b64encode(content).decode()})


def attachments(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [part["attachment"] for part in resource["content"]]


def note(resource: dict[str, Any]) -> str:
    mapped = map_resource(resource, "hospital", "us-core")
    assert isinstance(mapped, Mapped)
    (row,) = mapped.rows["note"]
    return str(row["note_text"])


@pytest.mark.parametrize("as_search", [True, False])
def test_a_note_behind_an_address_becomes_text(site: Hospital, make: Make, home: Home, as_search: bool) -> None:
    """Rule 11: relative and absolute addresses, a Binary in JSON or the bytes themselves, a charset."""
    site.binaries = {
        "Binary/1": binary("Café".encode("latin-1"), "text/plain;charset=ISO-8859-1"),
        "Binary/2": Reply(200, b"<p>Rest</p><p>Fluids</p>", {"Content-Type": "text/html; charset=utf-8"}),
    }
    site.add(
        document({"url": "Binary/1", "contentType": "text/plain"}),
        document({"url": f"{site.base}/Binary/2"}, resource_id="d2"),
        document({"contentType": "text/plain", "data": "aGVyZQ==", "url": "Binary/3"}, resource_id="d3"),
    )
    server = make(searches=[{"type": "DocumentReference"}]) if as_search else make("DocumentReference")
    given = home.gather(server)
    assert [note(line) for line in given.lines] == ["Café", "Rest\nFluids", "here"]
    assert given.findings == {"attachment_fetched": 2}
    assert attachments(given.lines[0])[0]["url"] == "Binary/1"
    assert site.asked("Binary/1")[0].headers["Accept"] == "application/fhir+json"
    assert all(site.asked(path)[0].bearer in site.tokens for path in site.binaries)
    assert "Binary/3" not in site.counted()


def test_of_several_formats_the_best_is_fetched(site: Hospital, make: Make, home: Home) -> None:
    """Epic gives a note as HTML and as RTF; both say the same."""
    site.binaries = {"Binary/html": binary(b"<b>Plan</b>", "text/html"), "Binary/rtf": Reply(500)}
    rtf, html = (
        {"url": "Binary/rtf", "contentType": "text/rtf"},
        {"url": "Binary/html", "contentType": "TEXT/HTML;charset=utf-8"},
    )
    site.add(document(rtf, {"url": "Binary/x", "contentType": "image/png"}, html))
    (line,) = home.gather(make("DocumentReference")).lines
    assert note(line) == "Plan"
    assert ["data" in part for part in attachments(line)] == [False, False, True]
    # Where the best is refused, the next will do.
    site.binaries = {"Binary/html": as_json(outcome("forbidden"), 403), "Binary/rtf": binary(rb"{\rtf1 Plan}", "")}
    given = home.gather(make("DocumentReference", modes={"DocumentReference": "full"}))
    assert note(given.lines[0]) == "Plan"
    assert given.findings == {"attachment_refused:403": 1, "attachment_fetched": 1}
    # A refusal is no reason to ask for another token.
    assert len(site.used_ids) == 2


def test_presented_forms_are_attachments_too(site: Hospital, make: Make, home: Home) -> None:
    site.binaries = {"Binary/1": binary(b"Findings", "text/plain")}
    site.add(clinical("DiagnosticReport", "r1", status="final", presentedForm=[{"url": "Binary/1"}]))
    (line,) = home.gather(make("DiagnosticReport")).lines
    assert note(line) == "Findings"


@pytest.mark.parametrize("told", [None, 5, 101])
@pytest.mark.parametrize("raw", [True, False])
def test_what_is_too_long_stays_where_it_is(
    site: Hospital, make: Make, home: Home, told: int | None, raw: bool
) -> None:
    content = b"x" * 101
    site.binaries = {"Binary/1": Reply(200, content) if raw else binary(content, "text/plain")}
    site.add(document({"url": "Binary/1", "contentType": "text/plain", **({"size": told} if told else {})}))
    given = home.gather(make("DocumentReference", maximum_attachment_bytes=100))
    assert given.findings == {"attachment_too_long": 1}
    assert "data" not in attachments(given.lines[0])[0]
    assert site.counted()["Binary/1"] == (0 if told == 101 else 1)
    assert home.watermarks


def test_a_server_that_sends_without_end_is_not_listened_to(site: Hospital, make: Make, home: Home) -> None:
    site.binaries = {"Binary/1": Reply(200, b"x" * (1 << 20), {"Content-Type": "text/plain"})}
    site.add(document({"url": "Binary/1", "contentType": "text/plain"}))
    assert home.gather(make("DocumentReference", maximum_attachment_bytes=100)).findings == {"attachment_too_long": 1}


def test_a_size_that_differs_is_counted(site: Hospital, make: Make, home: Home) -> None:
    site.binaries = {"Binary/1": binary(b"four", "text/plain")}
    site.add(document({"url": "Binary/1", "contentType": "text/plain", "size": 5}))
    given = home.gather(make("DocumentReference"))
    assert given.findings == {"attachment_fetched": 1, "attachment_size_differs": 1}
    assert note(given.lines[0]) == "four"


@pytest.mark.parametrize("scheme", ["http://127.0.0.1:9/x", "file:///etc/passwd", "ftp://a/b", "http://[", "urn:x"])
def test_attachments_elsewhere_are_not_fetched(site: Hospital, make: Make, home: Home, scheme: str) -> None:
    site.add(document({"url": scheme, "contentType": "text/plain"}))
    given = home.gather(make("DocumentReference"))
    assert given.findings == {"attachment_elsewhere": 1}
    assert "data" not in attachments(given.lines[0])[0]


def test_a_named_host_is_asked_without_the_token(site: Hospital, make: Make, home: Home) -> None:
    with hospital() as elsewhere:
        elsewhere.binaries = {"Binary/1": binary(b"There", "text/plain")}
        site.add(document({"url": f"{elsewhere.base}/Binary/1"}))
        given = home.gather(make("DocumentReference", download_hosts=f"127.0.0.1:{elsewhere.port}"))
        assert note(given.lines[0]) == "There"
        assert [one.bearer for one in elsewhere.requests] == [None]


def test_an_attachment_that_fails_is_asked_for_again(site: Hospital, make: Make, home: Home) -> None:
    """Else the note would be missing for good, since the watermark would have moved past it."""
    site.add(document({"url": "Binary/1", "contentType": "text/plain"}))
    site.binaries = {"Binary/1": Reply(500)}
    given = home.gather(make("Patient", "DocumentReference"))
    assert given.findings == {"attachment_failed": 1}
    assert list(given.held) == ["DocumentReference"]
    assert list(home.watermarks) == ["Patient"]
    site.binaries = {"Binary/1": binary(b"Late", "text/plain")}
    given = home.gather(make("Patient", "DocumentReference"))
    assert note(given.lines[0]) == "Late"
    assert set(home.watermarks) == {"Patient", "DocumentReference"}


@pytest.mark.parametrize(
    "reply",
    [
        as_json({"resourceType": "Binary", "data": "*"}),
        as_json([1]),
        Reply(200, b"{", {"Content-Type": "application/fhir+json"}),
        Reply(404),
    ],
)
def test_a_binary_that_is_none_stays_by_address(site: Hospital, make: Make, home: Home, reply: Reply) -> None:
    site.binaries = {"Binary/1": reply}
    site.add(document({"url": "Binary/1", "contentType": "text/plain"}))
    given = home.gather(make("DocumentReference"))
    assert list(given.findings) in (["attachment_refused:422"], ["attachment_refused:404"])
    assert "data" not in attachments(given.lines[0])[0]


def test_none_is_fetched_where_the_settings_say_so_and_other_lines_stay_byte_for_byte(
    site: Hospital, make: Make, home: Home
) -> None:
    odd = b'{"resourceType": "DocumentReference",  "id":"d2", "content":[{"attachment":{"url":5}}], "x":1.10}\n'
    site.add(document({"url": "Binary/1"}), document(resource_id="d2"))
    spoil = [lambda reply: Reply(200, odd + b'"url" no json\n' + odd, reply.headers)]
    site.mistakes["files/1/DocumentReference-0"] = list(spoil)
    given = home.gather(make("DocumentReference"))
    assert b"".join(line + b"\n" for line in given.raw) == odd + b'"url" no json\n' + odd
    home.gather(make("DocumentReference", maximum_attachment_bytes=0, modes={"DocumentReference": "full"}))
    assert "Binary/1" not in site.counted()
