"""The same client as a dlt source, for pipelines that have no database of Sanctum's."""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dlt
import orjson

from pipelines.fhir.reading import records
from pipelines.fhir_server.authorization import PrivateKey, parse_key
from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Server, check_server
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.gathering import Gathered, Gathering
from pipelines.fhir_server.state import StateJournal
from pipelines.landing import open_content

_COLUMNS = {
    "id": {"data_type": "text", "nullable": False},
    "version_id": {"data_type": "text"},
    "last_updated": {"data_type": "text"},
    "resource": {"data_type": "json"},
    "deleted": {"data_type": "bool", "hard_delete": True},
    "arrival": {"data_type": "bigint", "dedup_sort": "desc"},
}


def _fhir_server(server: dict[str, Any] = dlt.config.value, private_key: str | None = dlt.secrets.value) -> Any:
    """Resources of a FHIR server, in a table for each type, newer ones in place of older ones.

    A row has ``id``, ``version_id``, ``last_updated``, the whole ``resource`` as JSON, ``arrival``, by which the last
    of several versions is known, and ``deleted``, by which dlt removes a row where the destination can merge. How far
    the server was read, and an export that is not loaded yet, are in dlt's state: unlike ``sanctum ingest server``, a
    process that is killed while it waits for an export forgets that export.

    Args:
        server: an entry of the file of servers (docs/fhir_servers.md), without ``private_key_file``.
        private_key: the client's key as PEM; not needed where the entry has no ``authorization``.

    Raises:
        ServersFileError: the entry is wrong.
        FhirServerError: the key does not fit, or later, the server refuses or can't be reached.
    """
    described = check_server(server)
    key = None
    if described.authorization is not None:
        key = parse_key((private_key or "").encode(), described.authorization.algorithm, "private_key")
    return dlt.resource(
        _rows(described, key),
        name="resources",
        table_name=lambda row: row["resource_type"],
        write_disposition="merge",
        primary_key="id",
        columns=_COLUMNS,
        max_table_nesting=0,
    )


fhir_server = dlt.source(_fhir_server, name="fhir_server", section="fhir_server")
"""The dlt source; ``server`` and ``private_key`` may come from dlt's ``[sources.fhir_server]``."""


def _rows(server: Server, key: PrivateKey | None) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, Client(server, key) as client:
        journal = StateJournal(dlt.current.resource_state("resources"))
        gathering = Gathering(client, journal, Path(folder) / "files" / server.name, Findings())
        for gathered in gathering.run():
            yield from _rows_of(gathered)
            gathering.finish(gathered)


def _rows_of(gathered: Gathered) -> Iterator[dict[str, Any]]:
    arrival = 0
    for path in gathered.paths:
        with open_content(path) as stream:
            for line in enumerate(stream, start=1):
                for record in records(line):
                    if record.resource is not None:
                        arrival += 1
                        yield _row(record.resource, arrival, deleted=record.deleted)


def _row(resource: Mapping[str, Any], arrival: int, *, deleted: bool) -> dict[str, Any]:
    meta = resource.get("meta") or {}
    return {
        "resource_type": resource["resourceType"],
        "id": resource.get("id"),
        "version_id": meta.get("versionId"),
        "last_updated": meta.get("lastUpdated"),
        "resource": orjson.dumps(resource).decode(),
        "deleted": deleted,
        "arrival": arrival,
    }
