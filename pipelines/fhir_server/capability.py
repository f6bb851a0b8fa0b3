"""What a server says it can do, and how therefore to ask each type for what changed.

Source: FHIR R4 CapabilityStatement. Epic neither fills nor declares ``_lastUpdated``; what a server declares decides.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Mode, Server

_CREATED_PARAMETERS: Mapping[str, str] = {
    "AllergyIntolerance": "date",
    "Condition": "recorded-date",
    "DiagnosticReport": "issued",
    "DocumentReference": "date",
    "MedicationRequest": "authoredon",
    "ServiceRequest": "authored",
}
"""Search parameters of dates on which something was recorded. Those of other types say when it happened, and what is
entered late would be missed."""

_EXPORTS = {"export": "system", "patient-export": "patient", "group-export": "group"}


@dataclass(frozen=True)
class Capabilities:
    """What a CapabilityStatement declares.

    Attributes:
        software: name and version of the server.
        fhir_version: such as 4.0.1.
        parameters: search parameters by resource type, with those that are for all types.
        exports: which of system, patient and group can be exported.
    """

    software: str
    fhir_version: str
    parameters: Mapping[str, frozenset[str]]
    exports: frozenset[str]


@dataclass(frozen=True)
class Way:
    """How to ask one type for what changed; ``parameter`` is the date's where the mode is ``created``."""

    mode: Mode
    parameter: str | None = None


def read_capabilities(client: Client) -> Capabilities:
    """Ask for ``/metadata``.

    Raises:
        FhirServerError: the server refuses, can't be reached or answers something else.
    """
    statement = client.json(client.url("metadata"), "capability statement")
    rest = next((part for part in _objects(statement.get("rest")) if part.get("mode", "server") == "server"), {})
    everywhere = frozenset(_names(rest.get("searchParam")))
    parameters, operations = {}, list(_objects(rest.get("operation")))
    for resource in _objects(rest.get("resource")):
        kind = str(resource.get("type"))
        parameters[kind] = everywhere | frozenset(_names(resource.get("searchParam")))
        found = list(_objects(resource.get("operation")))
        # Servers name the operation export, group-export or $export; where it stands tells which it is.
        operations += [{"name": f"{kind.lower()}-export"} for part in found if "export" in str(part.get("name"))]
    software = statement.get("software")
    named = software if isinstance(software, dict) else {}
    exports = {_EXPORTS.get(str(part.get("name")).lstrip("$")) for part in operations}
    return Capabilities(
        f"{named.get('name', 'unnamed')} {named.get('version', '')}".strip(),
        str(statement.get("fhirVersion", "unknown")),
        parameters,
        frozenset(name for name in exports if name is not None),
    )


def choose(server: Server, capabilities: Capabilities, kind: str) -> Way:
    """How to ask for a type: as the settings say, else by what the server declares to track."""
    declared = capabilities.parameters.get(kind, frozenset())
    exported = server.export is not None and kind in server.export.types
    parameter = server.created_parameters.get(kind, _CREATED_PARAMETERS.get(kind))
    mode = server.modes.get(kind)
    if mode is None:
        windows = not exported or (server.export is not None and server.export.filters_are_supported)
        created = windows and parameter is not None and parameter in declared
        mode = Mode.SINCE if "_lastUpdated" in declared else Mode.CREATED if created else Mode.FULL
    if mode in (Mode.SINCE, Mode.LAST_UPDATED):
        return Way(Mode.SINCE if exported else Mode.LAST_UPDATED)
    if mode is Mode.CREATED and parameter is not None:
        return Way(mode, parameter)
    return Way(Mode.FULL)


def _objects(value: object) -> Iterable[dict[str, Any]]:
    return (part for part in value if isinstance(part, dict)) if isinstance(value, list) else ()


def _names(value: object) -> Iterable[str]:
    return (str(part.get("name")) for part in _objects(value))
