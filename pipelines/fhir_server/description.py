"""What a server can do, as far as it concerns what is asked of it."""

from typing import Any

from pipelines.fhir_server.capability import Way, choose, read_capabilities
from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Server


def describe_server(server: Server) -> dict[str, Any]:
    """Ask a server and return plain values: its software, what it exports, how each type is asked for what changed.

    Raises:
        FhirServerError: the server refuses, can't be reached or answers something else.
    """
    with Client(server) as client:
        found = read_capabilities(client)
    exported = server.export.types if server.export is not None else ()
    kinds = (*exported, *(search.type for search in server.searches))
    return {
        "server": server.name,
        "software": found.software,
        "fhir_version": found.fhir_version,
        "exports": ", ".join(sorted(found.exports)) or "none declared",
        "asked_by": {kind: _named(choose(server, found, kind)) for kind in kinds},
    }


def _named(way: Way) -> str:
    return way.mode.value if way.parameter is None else f"{way.mode.value} ({way.parameter})"
