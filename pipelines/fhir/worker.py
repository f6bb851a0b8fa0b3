"""What a worker process does: a group of lines in, rows and findings out. Holds no state and touches no database."""

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.bronze import BronzeTable
from pipelines.fhir.mapping import Excluded, Mapped, map_resource
from pipelines.fhir.mapping.elements import instant, security_labels
from pipelines.fhir.mapping.result import Row
from pipelines.fhir.ownership import identities_of, people_of
from pipelines.fhir.profiles import MAPPING_VERSION
from pipelines.fhir.reading import Line, Record, records
from pipelines.fhir.redaction import people_in_bytes, people_referenced
from pipelines.fhir.validation import misfit, problem
from pipelines.fhir.version import timed_order, untimed_order
from pipelines.keys import resource_key
from pipelines.tombstones import Identity
from resources.settings import Validation


@dataclass(frozen=True)
class Task:
    """A group of lines of one landed file and how to map them, when its content was so and when it was received."""

    file_id: int
    sha256: str
    lines: Sequence[Line]
    source_system: str
    profile: str
    validation: Validation
    as_of: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True)
class MappedResource:
    """One resource, without its rows.

    Attributes:
        key: its ``resource_key``.
        outcome: ``loaded``, or why it makes no rows.
        version: its place among the resource's versions, and the hash of its content and mapping.
        people: keys of the source persons it is about, or names if it is about nobody, mapped or not.
        identities: of a Patient, its identifiers.
        entry: its place in a bundle.
    """

    key: int
    resource_type: str
    outcome: str
    version: tuple[str, str]
    people: frozenset[int]
    identities: tuple[Identity, ...]
    line_number: int
    entry: int | None


Interpreted = tuple[MappedResource, Mapping[str, Sequence[Row]]]
"""A resource and its rows by bronze table, its own in ``resource`` among them."""


@dataclass(frozen=True)
class OwnedRows:
    """Rows of one bronze table, and of each the index in ``Outcome.resources`` of the resource that owns it."""

    table: pa.Table
    owners: pa.Int32Array

    def of(self, chosen: Sequence[int]) -> pa.Table:
        """The rows that resources with these indices own."""
        return self.table.filter(pc.is_in(self.owners, value_set=pa.array(chosen, pa.int32())))


@dataclass(frozen=True)
class Unusable:
    """A record for quarantine; ``people`` are keys of the source persons it seems to name."""

    line_number: int
    entry: int | None
    resource_type: str
    reason: str
    detail: str | None
    people: frozenset[int] = frozenset()


@dataclass
class Outcome:
    """All records of a task; ``mentioned`` are keys of the source persons that references in any of them name."""

    file_id: int
    sha256: str
    resources: list[MappedResource] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    rows: dict[str, OwnedRows] = field(default_factory=dict)
    mentioned: frozenset[int] = frozenset()


def start() -> None:
    """Make a worker process ready for its tasks.

    The records of a task are many thousand objects without a cycle: looking for cycles whenever 700 more were made took
    a third of the time. What is imported is never garbage.
    """
    gc.freeze()
    gc.set_threshold(200_000)


def work(task: Task, tables: Mapping[str, BronzeTable]) -> Outcome:
    """Parse, validate and map every line of a task; rows come in the form in which bronze stages them."""
    content = b"\n".join(line for _, line in task.lines)
    outcome = Outcome(task.file_id, task.sha256, mentioned=people_referenced(content, task.source_system))
    rows: dict[str, list[Row]] = {}
    owners: dict[str, list[int]] = {}
    for found in interpret(task):
        if isinstance(found, Unusable):
            outcome.unusable.append(found)
            continue
        resource, made = found
        for table, listed in made.items():
            rows.setdefault(table, []).extend(listed)
            owners.setdefault(table, []).extend([len(outcome.resources)] * len(listed))
        outcome.resources.append(resource)
    for table, listed in rows.items():
        outcome.rows[table] = OwnedRows(tables[table].arrow(listed), pa.array(owners[table], pa.int32()))
    return outcome


def interpret(task: Task) -> Iterator[Interpreted | Unusable]:
    """What each record of a task is."""
    for line in task.lines:
        for record in records(line):
            found = _map(record, task)
            if isinstance(found, Unusable):
                found = replace(found, people=_people(record, line[1], task.source_system))
            yield found


def _map(record: Record, task: Task) -> Interpreted | Unusable:
    if record.resource is None:
        return Unusable(record.line_number, record.entry, "unknown", str(record.problem), None)
    resource = record.resource
    kind = str(resource["resourceType"])
    # Of a deleted resource there is nothing but type and id to check.
    finding = problem(resource, task.validation, only_identity=record.deleted)
    if finding is not None:
        reason, detail = finding
        known = "unknown" if reason == "unknown_resource_type" else kind
        return Unusable(record.line_number, record.entry, known, reason, detail)
    try:
        found, registry, rows = _mapped(record, resource, task)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # Validation lets through what mapping can't read; the type of error carries no content.
        return Unusable(record.line_number, record.entry, kind, "not_r4", f"mapping: {type(error).__name__}")
    column = misfit(rows)
    if column is not None:
        return Unusable(record.line_number, record.entry, kind, "not_r4", f"value doesn't fit {column}")
    return found, {"resource": [registry], **rows}


def _people(record: Record, line: bytes, source_system: str) -> frozenset[int]:
    if record.resource is None:
        return people_in_bytes(line, source_system)
    stated = people_of(record.resource, source_system)
    return stated or people_in_bytes(orjson.dumps(record.resource), source_system)


def _mapped(
    record: Record, resource: Mapping[str, Any], task: Task
) -> tuple[MappedResource, Row, Mapping[str, Sequence[Row]]]:
    """A resource, its ``bronze.resource`` row and the rows it owns."""
    kind = str(resource["resourceType"])
    mapped = Excluded("deleted") if record.deleted else map_resource(resource, task.source_system, task.profile)
    meta = resource.get("meta") or {}
    version = None if meta.get("versionId") is None else str(meta["versionId"])
    last_updated = instant(meta.get("lastUpdated"))
    content = hashlib.sha256(orjson.dumps(resource, option=orjson.OPT_SORT_KEYS)).hexdigest()
    order = (
        untimed_order(task.as_of, task.received_at, record.line_number, record.entry)
        if last_updated is None
        else timed_order(last_updated, version, content, deleted=record.deleted)
    )
    found = MappedResource(
        key=resource_key(task.source_system, kind, str(resource["id"])),
        resource_type=kind,
        outcome="loaded" if isinstance(mapped, Mapped) else mapped.reason,
        version=(order, _with_mapping(content, "deleted" if record.deleted else task.profile)),
        people=people_of(resource, task.source_system),
        identities=identities_of(resource),
        line_number=record.line_number,
        entry=record.entry,
    )
    registry = {
        "resource_key": found.key,
        "source_system": task.source_system,
        "resource_type": kind,
        "resource_id": resource["id"],
        "version_id": version,
        "last_updated": last_updated,
        "version_at": last_updated or task.as_of,
        "version_order": order,
        "content_sha256": found.version[1],
        "outcome": found.outcome,
        "person_key": mapped.person_key,
        # A deletion carries its bundle's meta, whose labels are the bundle's.
        "security_labels": None if record.deleted else security_labels(resource),
        "file_id": task.file_id,
        "line_number": record.line_number,
        "entry": record.entry,
    }
    return found, registry, mapped.rows


def _with_mapping(content_sha256: str, mapping: str) -> str:
    """Hash of content and mapping: what is mapped anew by other rules is not unchanged.

    Of a deletion there is the same to hash as of a resource that says nothing but its name.
    """
    return hashlib.sha256(f"{mapping} {MAPPING_VERSION} {content_sha256}".encode()).hexdigest()
