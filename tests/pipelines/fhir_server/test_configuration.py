"""The file of servers, and what a server declares."""

import re
from pathlib import Path

import pytest
import yaml

from pipelines.fhir_server.capability import Way, choose, read_capabilities
from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Mode, find_server, read_servers
from pipelines.fhir_server.errors import FhirServerError, ServersFileError
from pipelines.fhir_server.waiting import retry_after
from resources.settings import load_settings
from tests.pipelines.fhir_server.conftest import Make
from tests.pipelines.fhir_server.hospital import Hospital, as_json

WHOLE = """
servers:
  - name: epic
    base_url: https://fhir.example.org/R4/
    authorization:
      client_id: c-1
      private_key_file: /etc/sanctum/epic.pem
      key_id: k-1
      algorithm: ES384
      scopes: [system/Patient.read, system/Observation.read]
    export: {of: group, group: e123, types: [Patient, Observation], type_filters: {Observation: "category=x"}}
    searches: [{type: Practitioner}]
    modes: {Observation: full}
    download_hosts: [Files.Example.org]
"""
SEARCH = "searches: [{type: Patient}]"


def server_text(*lines: str, base: str = "https://fhir.example.org") -> str:
    return "\n".join(["servers:", "  - name: one", f"    base_url: {base}", *(f"    {line}" for line in lines)])


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "servers.yaml"
    path.write_text(text)
    return path


def test_a_whole_file(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, fhir_servers_file=written(tmp_path, WHOLE))
    server = find_server(settings, "epic")
    assert server.base_url == "https://fhir.example.org/R4"
    assert (server.download_hosts, server.modes) == (("files.example.org",), {"Observation": Mode.FULL})
    assert server.export is not None
    assert server.export.type_filters == {"Observation": ("category=x",)}
    with pytest.raises(ServersFileError, match="no server of that name; it has epic"):
        find_server(settings, "cerner")
    with pytest.raises(ServersFileError, match="SANCTUM_FHIR_SERVERS_FILE is not set"):
        find_server(load_settings(home=tmp_path), "epic")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("servers: []", "servers: "),
        ("servers: [", "no YAML in line"),
        (server_text(SEARCH, SEARCH), "a key is there twice"),
        (server_text(SEARCH, "tokens: SECRET"), "servers.0.?: Extra inputs"),
        (server_text(SEARCH, "SECRET: x"), "servers.0.?: Extra inputs"),
        (server_text(SEARCH, "modes: {SECRET: full}"), "modes.?"),
        (server_text("searches: [{type: SECRET}]"), "searches.0.type: Value error, is no type of FHIR R4"),
        (server_text("export: {of: system, types: [Patient], type_filters: {SECRET: a}}"), "no type of FHIR R4"),
        (server_text("searches: [{type: Patient, parameters: {'SECRET&': x}}]"), "searches.0.parameters.?"),
        (server_text(SEARCH, "attempts: *SECRET"), "is no YAML in line"),
        (server_text(SEARCH, "attempts: !SECRET x"), "is no YAML in line"),
        (server_text(SEARCH, "attempts: !!int SECRET"), "not of its type (ValueError)"),
        (server_text(SEARCH, "attempts: !!float SECRET"), "not of its type (ValueError)"),
        (server_text(SEARCH, "attempts: !!bool SECRET"), "not of its type (KeyError)"),
        (server_text(SEARCH, "attempts: !!timestamp SECRET"), "not of its type (AttributeError)"),
        (server_text(SEARCH, "attempts: 2026-02-31"), "not of its type (ValueError)"),
        (server_text(), "neither export nor searches"),
        (server_text(SEARCH, base="http://fhir.example.org"), "base_url: Value error, is no https URL"),
        (server_text(SEARCH, base="https://SECRET:x@fhir.example.org"), "has a password"),
        (server_text(SEARCH, base="https://fhir.example.org?a=SECRET"), "a query"),
        (server_text(SEARCH, base="'https://['"), "base_url: Value error, is no URL"),
        (server_text(SEARCH, "requests_per_second: 0"), "requests_per_second"),
        (server_text(SEARCH, "overlap_seconds: -1"), "overlap_seconds"),
        (server_text(SEARCH, "modes: {Patient: sometimes}"), "modes.Patient"),
        (server_text("searches: [{type: patient}]"), "searches.0.type"),
        (server_text("searches: [{type: Patient, parameters: {'a&b': SECRET}}]"), "searches.0.parameters"),
        (server_text("export: {of: group, types: [Patient]}"), "group is needed where"),
        (server_text("export: {of: system, group: g, types: [Patient]}"), "group is needed where"),
        (server_text("export: {of: group, group: ../x, types: [Patient]}"), "export.group"),
        (server_text("export: {of: system, types: [Patient], type_filters: {Device: a}}"), "not exported: Device"),
        (server_text(SEARCH, "export: {of: system, types: [Patient]}"), "both exported and searched: Patient"),
        (server_text(SEARCH, "download_hosts: ['https://x/']"), "download_hosts.0"),
        (server_text(SEARCH, "authorization: {client_id: a, key_id: b, private_key_file: key.pem}"), "absolute path"),
        (server_text(SEARCH, "authorization: {client_id: a, key_id: b}"), "authorization.private_key_file"),
        ((server_text(SEARCH) + "\n") + server_text(SEARCH).removeprefix("servers:\n"), "a name is there twice"),
        (server_text(SEARCH).replace("name: one", "name: ../one"), "servers.0.name"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(ServersFileError, match=re.escape(place)) as caught:
        read_servers(written(tmp_path, text))
    assert "SECRET" not in str(caught.value)


def test_what_other_packages_teach_the_library_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught = {**yaml.SafeLoader.yaml_constructors, "tag:yaml.org,2002:timestamp": lambda loader, node: 3}
    monkeypatch.setattr(yaml.SafeLoader, "yaml_constructors", taught)
    with pytest.raises(ServersFileError, match="not of its type"):
        read_servers(written(tmp_path, server_text(SEARCH, "attempts: 2026-02-31")))


def test_how_to_ask_follows_what_the_server_declares(site: Hospital, make: Make) -> None:
    """Rule 1."""
    site.parameters = {"Condition": ["recorded-date"], "Observation": ["date"], "Encounter": ["date"]}
    types = ("Condition", "Observation")
    server = make(*types, searches=[{"type": "Encounter"}], created_parameters={"Encounter": "date"})
    with Client(server) as client:
        tracking = read_capabilities(client)
        site.tracks_updates = False
        silent = read_capabilities(client)
    assert (tracking.software, tracking.fhir_version, tracking.exports) == ("hospital 1", "4.0.1", {"system", "group"})
    assert choose(server, tracking, "Condition") == Way(Mode.SINCE)
    assert choose(server, tracking, "Encounter") == Way(Mode.LAST_UPDATED)
    # The filters of an export are not known to be honoured, and an Observation's date is not when it was recorded.
    assert [choose(server, silent, kind) for kind in types] == [Way(Mode.FULL)] * 2
    assert choose(server, silent, "Encounter") == Way(Mode.CREATED, "date")


@pytest.mark.parametrize("statement", [{}, {"rest": 5}, {"rest": [{"resource": [5, {"type": 5, "searchParam": 5}]}]}])
def test_a_poor_statement_declares_nothing(site: Hospital, make: Make, statement: dict[str, object]) -> None:
    site.mistakes["metadata"] = [as_json(statement)]
    with Client(make("Patient")) as client:
        found = read_capabilities(client)
    assert (found.exports, found.software) == (frozenset(), "unnamed")
    assert choose(make("Patient"), found, "Patient") == Way(Mode.FULL)


def test_certificates_that_are_none_are_named(make: Make, tmp_path: Path) -> None:
    with pytest.raises(FhirServerError, match=r"none\.pem \(certificates_file\)"):
        Client(make("Patient", certificates_file=str(tmp_path / "none.pem")))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("18000", 300),
        ("9" * 9999, 300),
        ("Sun, 01 Mar 2026 12:00:09 GMT", 9),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("Sun, 01 Mar 9999 11:00:00 GMT", 300),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    """Rule 3. A date is measured against the server's clock."""
    assert retry_after({"Retry-After": value, "Date": "Sun, 01 Mar 2026 12:00:00 GMT"}, 300) == seconds
