"""What a server calls its types, faults and severities is told only if standards have the word."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.fhir_server.client import Client, Request
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.gathering import Gathering
from pipelines.fhir_server.state import StateJournal
from tests.pipelines.fhir.synthetic import patient
from tests.pipelines.fhir_server.conftest import Make
from tests.pipelines.fhir_server.hospital import Hospital, as_json, outcome

NAME = "Zwillingmann"
DOCUMENT = {
    "resourceType": NAME,
    "id": "d1",
    "content": [{"attachment": {"url": "Binary/b1", "contentType": "text/rtf"}}],
}


def test_a_search_tells_types_and_codes_of_standards_alone(site: Hospital, make: Make, tmp_path: Path) -> None:
    entries: list[dict[str, Any]] = [
        {"resource": patient("p1"), "search": {"mode": "match"}},
        {"resource": {"resourceType": f"Mary {NAME}", "id": "x1"}, "search": {"mode": "include"}},
        {"resource": DOCUMENT, "search": {"mode": "include"}},
        {"resource": outcome(NAME, severity="warning", number="77812"), "search": {"mode": "outcome"}},
        {"resource": outcome("processing", severity=NAME, number="4119"), "search": {"mode": "outcome"}},
        {"resource": outcome("too-costly", severity="warning", number="59133"), "search": {"mode": "outcome"}},
    ]
    bundle = {"resourceType": "Bundle", "meta": {"lastUpdated": site.time}, "entry": entries}
    site.mistakes["DocumentReference"] = [as_json(bundle)]
    site.mistakes["Binary/b1"] = [as_json(outcome("exception"), 500)] * 9
    findings = Findings()
    with Client(make(searches=[{"type": "DocumentReference", "parameters": {"_include": "*"}}])) as client:
        gathering = Gathering(client, StateJournal({}), tmp_path / "files" / "hospital", findings)
        (gathered,) = gathering.run()
    assert gathered.lines == {"unknown": 2}
    assert findings.counts == {
        "search_warning:unknown": 1,
        "search_unknown:processing/4119": 1,
        "search_warning:too-costly/59133": 1,
        "search_incomplete": 1,
        "attachment_failed": 1,
        "type_not_asked": 1,
    }
    assert findings.held == {"DocumentReference": "the server says warning: too-costly/59133"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (outcome(NAME), "HTTP 400 (unknown)"),
        (outcome("processing", number="4113"), "HTTP 400 (processing/4113)"),
        (outcome("processing", number="12345"), "HTTP 400 (processing)"),
        ({"error": "invalid_client", "error_description": NAME}, "HTTP 400 (invalid-client)"),
        ({"error": NAME}, "HTTP 400 (unknown)"),
        ({"error": {"name": NAME}}, "HTTP 400."),
        ([NAME], "HTTP 400."),
    ],
)
def test_an_error_tells_codes_of_standards_alone(site: Hospital, make: Make, answer: Any, said: str) -> None:
    site.mistakes["Patient"] = [as_json(answer, 400)]
    with Client(make("Patient")) as client, pytest.raises(FhirServerError) as caught:
        client.send(Request(client.url("Patient"), "search of Patient"))
    assert said in str(caught.value)
    assert NAME not in str(caught.value)


def test_an_export_tells_codes_of_standards_alone(site: Hospital, make: Make, tmp_path: Path) -> None:
    site.errors = [outcome(NAME, severity=NAME, number="77812"), {"resourceType": NAME}]
    findings = Findings()
    with Client(make("Patient")) as client:
        list(Gathering(client, StateJournal({}), tmp_path / "files" / "hospital", findings).run())
    assert findings.counts == {"export_unknown:unknown": 1}
