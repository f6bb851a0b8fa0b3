"""The same client as a dlt source, for pipelines that have no database of Sanctum's."""

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import dlt
import orjson
from dlt.common import logger
from dlt.common.pipeline import LoadInfo
from dlt.pipeline.exceptions import PipelineStepFailed

from pipelines.fhir.reading import Record, records
from pipelines.fhir.validation import problem
from pipelines.fhir_server.authorization import PrivateKey, parse_key
from pipelines.fhir_server.client import Client
from pipelines.fhir_server.configuration import Server, check_server
from pipelines.fhir_server.errors import FhirServerError
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
_UNUSABLE_TABLE = "unusable_record"
_UNUSABLE = dlt.mark.make_hints(
    table_name=_UNUSABLE_TABLE,
    write_disposition="append",
    primary_key=(),
    columns={
        "resource_type": {"data_type": "text"},
        "reason": {"data_type": "text"},
        "detail": {"data_type": "text"},
        "records": {"data_type": "bigint"},
    },
)
_UNKNOWN_TYPE = "unknown"

_Reason = tuple[str, str, str | None]
"""Type of resource, reason as in ``quarantine.record``, and detail: words of ours alone."""


class DltRunError(RuntimeError):
    """dlt could not load; the text names its step and the kind of error, never what the error says."""


def run(pipeline: dlt.Pipeline, source: Any) -> LoadInfo:
    """Run a pipeline so that nothing of a record gets where dlt would put it beside the destination.

    dlt's errors, log, traces and load packages hold rows in the clear. For the time of the run, files are made for
    their owner alone (umask 077), also a destination's on this machine. For this process, dlt's log is silent, it
    keeps no trace and no package that is loaded. If a run fails, all that dlt keeps of the pipeline on this machine is
    removed, packages that wait included: the state that belongs to what was loaded comes back from the destination at
    the next run, and what was not loaded is asked for again.

    Args:
        pipeline: where to load to.
        source: ``fhir_server(...)``.

    Raises:
        FhirServerError: the server refuses, can't be reached or gives what can't be used.
        DltRunError: dlt failed. Neither error leads to the one that caused it, which holds rows.
    """
    _configure(pipeline)
    mask = os.umask(0o077)
    try:
        Path(pipeline.working_dir).chmod(0o700)
        with _Contained() as contained:
            return pipeline.run(source)
        pipeline.drop()
    finally:
        os.umask(mask)
    raise contained.failure


def _configure(pipeline: dlt.Pipeline) -> None:
    dlt.config["runtime.log_level"] = "CRITICAL"
    dlt.config["load.delete_completed_jobs"] = True
    dlt.config["load.raise_on_failed_jobs"] = True
    # The pipeline was made before, and its logger with it.
    if logger.is_logging():
        logger.LOGGER.setLevel(logging.CRITICAL)
    pipeline.config.enable_runtime_trace = False
    # The bronze loader, which has no use for it, switches it off for the process.
    pipeline.config.restore_from_destination = True


class _Contained:
    """Ends any error within, so that none is being handled, and would go along, when another one is raised."""

    failure: Exception

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        self.failure = _without_content(error)
        return True


def _without_content(error: Exception) -> Exception:
    """What may be said of an error: our own words, else dlt's step and the types of the errors."""
    step = error.step if isinstance(error, PipelineStepFailed) else "run"
    last: BaseException = error
    cause = error.__cause__ or error.__context__
    while cause is not None and not isinstance(last, FhirServerError):
        last, cause = cause, cause.__cause__ or cause.__context__
    if isinstance(last, FhirServerError):
        return FhirServerError(str(last), status=last.status)
    return DltRunError(
        f"dlt failed at step '{step}' ({type(last).__name__}). What it kept on this machine is removed; the next run "
        "asks again for what was not loaded. Check the destination: what it said may hold rows, and is in its own log."
    )


def _fhir_server(server: dict[str, Any] = dlt.config.value, private_key: str | None = dlt.secrets.value) -> Any:
    """Resources of a FHIR server, in a table for each type, newer ones in place of older ones.

    A row has ``id``, ``version_id``, ``last_updated``, the whole ``resource`` as JSON, ``arrival``, by which the last
    of several versions is known, and ``deleted``, by which dlt removes a row where the destination can merge. A record
    that can't be such a row is counted in the table ``unusable_record`` by type, reason and detail, without content.
    How far the server was read, and an export that is not loaded yet, are in dlt's state: unlike
    ``sanctum ingest server``, a process that is killed while it waits for an export forgets that export.

    Hand it to ``run``: what dlt does by itself leaves content in errors, logs and files.

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
        table_name=_table_of,
        write_disposition="merge",
        primary_key="id",
        columns=_COLUMNS,
        max_table_nesting=0,
    )


fhir_server = dlt.source(_fhir_server, name="fhir_server", section="fhir_server")
"""The dlt source; ``server`` and ``private_key`` may come from dlt's ``[sources.fhir_server]``."""


def _table_of(row: Mapping[str, Any]) -> str:
    return _UNUSABLE_TABLE if "reason" in row else str(row["resource_type"])


def _rows(server: Server, key: PrivateKey | None) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder, Client(server, key) as client:
        journal = StateJournal(dlt.current.resource_state("resources"))
        gathering = Gathering(client, journal, Path(folder) / "files" / server.name, Findings())
        for gathered in gathering.run():
            yield from _rows_of(gathered)
            gathering.mark_loaded(gathered)


def _rows_of(gathered: Gathered) -> Iterator[Any]:
    arrival, unusable = 0, Counter[_Reason]()
    for path in gathered.paths:
        with open_content(path) as stream:
            for record in (found for line in enumerate(stream, start=1) if line[1].strip() for found in records(line)):
                reason = _unusable(record)
                if reason is not None:
                    unusable[reason] += 1
                elif record.resource is not None:
                    arrival += 1
                    yield _row(record.resource, arrival, deleted=record.deleted)
    for (kind, why, detail), number in unusable.items():
        row = {"resource_type": kind, "reason": why, "detail": detail, "records": number}
        yield dlt.mark.with_hints(row, _UNUSABLE, create_table_variant=True)


def _unusable(record: Record) -> _Reason | None:
    """Why a record can't be a row, None if it can: not whether it is R4, since here nothing is mapped."""
    resource = record.resource
    if resource is None:
        return _UNKNOWN_TYPE, str(record.problem), None
    found = problem(resource, "structural", only_identity=True)
    kind = str(resource["resourceType"])
    if found is not None:
        reason, detail = found
        return (_UNKNOWN_TYPE if reason == "unknown_resource_type" else kind), reason, detail
    meta = resource.get("meta")
    if meta is None:
        return None
    if not isinstance(meta, dict):
        return kind, "not_r4", "meta"
    return next(
        (
            (kind, "not_r4", f"meta.{name}")
            for name in ("versionId", "lastUpdated")
            if not isinstance(meta.get(name), str | None)
        ),
        None,
    )


def _row(resource: Mapping[str, Any], arrival: int, *, deleted: bool) -> dict[str, Any]:
    meta = resource.get("meta") or {}
    return {
        "resource_type": resource["resourceType"],
        "id": resource["id"],
        "version_id": meta.get("versionId"),
        "last_updated": meta.get("lastUpdated"),
        "resource": orjson.dumps(resource).decode(),
        "deleted": deleted,
        "arrival": arrival,
    }
