"""Overwriting bytes of landed files: lengths stay, so that line numbers and offsets that point into them stay right.

A file whose bytes change gets a new content hash. Its former hash is remembered, so that the same file dropped again
is known, and the order of steps is such that an interrupted redaction is finished by the next.

Belongs here: writing the changed bytes and what the database says of the file. Does not belong here: whose bytes go.
"""

import contextlib
import gzip
import hashlib
import itertools
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import psycopg

from pipelines import tombstones
from pipelines.landing import LandedFile, is_gzip, is_whole, landed_path, open_content
from pipelines.tombstones import Tombstones
from resources import locks
from resources.postgres import Database, Role, without_row_values
from resources.private_files import sync_directory
from resources.settings import Settings

_BLOCK = 1 << 20
_GZIP_TRAILER = 8
"""Bytes of checksum and length (RFC 1952 §2.3.1)."""


@dataclass(frozen=True)
class Edit:
    """Bytes to write over those at an offset of the decompressed content; as many."""

    offset: int
    replacement: bytes


@dataclass(frozen=True)
class Place:
    """A record that was overwritten: line and bundle entry of FHIR, or byte offset of HL7."""

    line_number: int | None = None
    entry: int | None = None
    byte_offset: int | None = None

    def key(self, sha256: str) -> str:
        """Its ``quarantine.record.record_key``."""
        if self.byte_offset is not None:
            return f"{sha256}@{self.byte_offset}"
        return f"{sha256}:{self.line_number}" + ("" if self.entry is None else f":{self.entry}")


@dataclass
class Wanted:
    """Whose records are searched for.

    Attributes:
        sources: source systems under which the file was or may be loaded.
        tombstones: keys and identifiers of the people.
        records: keys of resources already known to be theirs; a search adds those it finds.
        record_ids: ids of those, as bytes, by which a line is worth reading.
        words: a pattern of what only they are called; None if nothing but keys is known.
        names: a pattern of that and of what others may be called too, to learn which words are shared.
        likely: a pattern of what may name them; None to read every line.
        is_somebody: whether a key is that of a person whose record the warehouse holds: an identifier that a sender
            gave them by mistake makes nobody's bytes an erased person's.
        is_held: whether the warehouse holds a resource by its key; what a record refers to and nobody holds does not
            make it somebody else's.
    """

    sources: tuple[str, ...]
    tombstones: Tombstones
    records: set[int] = field(default_factory=set)
    record_ids: set[bytes] = field(default_factory=set)
    words: re.Pattern[bytes] | None = None
    names: re.Pattern[bytes] | None = None
    likely: re.Pattern[bytes] | None = None
    is_somebody: Callable[[int], bool] = field(default=lambda _: False)
    is_held: Callable[[int], bool] = field(default=lambda _: True)


@dataclass
class Found:
    """What a landed file holds of them.

    Attributes:
        edits: bytes to overwrite.
        places: where the overwritten records are.
        resources: their parsed FHIR resources, with the source system each was judged under.
        messages: their HL7 v2 messages.
        mentions: records of others whose references to them are overwritten.
        shared: of their words those that records of others hold, lower case.
    """

    edits: list[Edit] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    resources: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    mentions: int = 0
    shared: set[bytes] = field(default_factory=set)


Search = Callable[[Path, str, Wanted], Found]
"""What finds people's records in a landed file of a kind."""


def forget(connection: psycopg.Connection[Any], file_ids: Iterable[int]) -> None:
    """Say, as INGEST and in the load's transaction, that files hold records of erased people."""
    connection.execute(
        "INSERT INTO landing.redaction_due (file_id) SELECT unnest(%s::bigint[]) ON CONFLICT DO NOTHING",
        (sorted(file_ids),),
    )


def forget_everywhere(connection: psycopg.Connection[Any], kinds: Sequence[str]) -> None:
    """As ``forget``, of every landed file of these kinds."""
    connection.execute(
        "INSERT INTO landing.redaction_due (file_id) SELECT file_id FROM landing.file WHERE kind = ANY(%s) "
        "ON CONFLICT DO NOTHING",
        (list(kinds),),
    )


def redact_due(settings: Settings, database: Database, kinds: Sequence[str], search: Search) -> int:
    """Overwrite the records of erased people in the files that were said to hold some; how many records went.

    It follows every load. One that is interrupted is finished by the next.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    redacted = 0
    query = (
        "SELECT file_id, encode(sha256, 'hex'), kind, gzip FROM landing.redaction_due "
        "INNER JOIN landing.file USING (file_id) WHERE kind = ANY(%s) ORDER BY file_id"
    )
    # Whoever may erase is needed for that alone: a load with nothing to redact is done without.
    with without_row_values(), database.connect(Role.INGEST) as connection:
        if connection.execute(query, (list(kinds),)).fetchone() is None:
            return 0
    with without_row_values(), database.connect(Role.ERASER) as connection:
        locks.hold(connection, locks.LOAD, locks.LANDING)
        remove_originals(settings, connection)
        erased = tombstones.read(connection)
        for file_id, sha256, kind, gzipped in connection.execute(query, (list(kinds),)).fetchall():
            file = LandedFile(file_id, sha256, kind, gzipped, False)
            sources = sources_of(settings, connection, file.file_id)
            wanted = Wanted(
                sources,
                erased,
                is_somebody=partial(tombstones.is_somebody, connection),
                is_held=partial(tombstones.is_in_bronze, connection),
            )
            found = _all(landed_path(settings, file.sha256), file.kind, wanted, search)
            if found.edits:
                redact_landed(settings, connection, file, found.edits, found.places)
            redacted += len(found.places)
            _delete_messages(connection)
            connection.execute("DELETE FROM landing.redaction_due WHERE file_id = %s", (file.file_id,))
            connection.commit()
    return redacted


def _all(path: Path, kind: str, wanted: Wanted, search: Search) -> Found:
    """What a search finds once it knows all of their records in the file, wherever in it they are."""
    while True:
        before = len(wanted.records)
        found = search(path, kind, wanted)
        if len(wanted.records) == before:
            return found


def _delete_messages(connection: psycopg.Connection[Any]) -> None:
    """Messages of erased people that were stored before it was known whose they are."""
    allow_deletion(connection)
    connection.execute(
        "DELETE FROM quarantine.record WHERE message_id IN (SELECT message_id FROM landing.hl7_message "
        "WHERE patient_key IN (SELECT person_key FROM landing.erased_person))"
    )
    connection.execute(
        "DELETE FROM landing.hl7_message WHERE patient_key IN (SELECT person_key FROM landing.erased_person)"
    )


def sources_of(settings: Settings, connection: psycopg.Connection[Any], file_id: int) -> tuple[str, ...]:
    """Source systems under which a file was loaded or whose server gave it; this home's own where there is none."""
    rows = connection.execute(
        "SELECT source_system FROM landing.file_load WHERE file_id = %(file_id)s UNION "
        "SELECT source_system FROM landing.content_source INNER JOIN landing.file USING (sha256) "
        "WHERE file_id = %(file_id)s ORDER BY 1",
        {"file_id": file_id},
    ).fetchall()
    return tuple(source for (source,) in rows) or (settings.source_system,)


def redact_landed(
    settings: Settings,
    connection: psycopg.Connection[Any],
    file: LandedFile,
    edits: Sequence[Edit],
    places: Sequence[Place],
) -> int:
    """Write a landed file anew with the edits, and remove the bytes as they were; one transaction of ERASER.

    Quarantined records at ``places`` go, those of the file's other records keep pointing at it.

    Returns:
        How many quarantined records went.
    """
    old = landed_path(settings, file.sha256)
    temporary = settings.landing_directory / f"redacting-{os.getpid()}"
    for padding in itertools.count():
        sha256, length = _write(old, temporary, edits, padding)
        # Two files that are blank from end to end must not become one: a line end more keeps them apart.
        taken = connection.execute(
            "SELECT FROM landing.file WHERE sha256 = %s AND file_id <> %s", (bytes.fromhex(sha256), file.file_id)
        ).fetchone()
        if taken is None:
            break
    allow_deletion(connection)
    removed = connection.execute(
        "DELETE FROM quarantine.record WHERE file_id = %s AND record_key = ANY(%s)",
        (file.file_id, [place.key(file.sha256) for place in places]),
    ).rowcount
    if sha256 == file.sha256:
        # The bytes were so before; were they moved onto themselves, removing the former ones would remove them.
        temporary.unlink()
        connection.commit()
        return removed
    final = landed_path(settings, sha256)
    final.parent.mkdir(exist_ok=True, mode=0o700)
    temporary.replace(final)
    sync_directory(final.parent)
    parameters = {"file_id": file.file_id, "old": file.sha256, "new": sha256, "length": length}
    connection.execute(
        "UPDATE quarantine.record SET record_key = %(new)s || substr(record_key, 65) "
        "WHERE file_id = %(file_id)s AND starts_with(record_key, %(old)s)",
        parameters,
    )
    connection.execute(
        "UPDATE landing.file SET sha256 = decode(%(new)s, 'hex'), byte_length = %(length)s WHERE file_id = %(file_id)s",
        parameters,
    )
    connection.execute(
        "INSERT INTO landing.content_source (sha256, source_system, as_of, received_at) "
        "SELECT decode(%(new)s, 'hex'), source_system, as_of, received_at "
        "FROM landing.content_source WHERE sha256 = decode(%(old)s, 'hex') ON CONFLICT DO NOTHING",
        parameters,
    )
    connection.execute(
        "INSERT INTO landing.redacted_content (original_sha256, file_id) VALUES (decode(%(old)s, 'hex'), %(file_id)s) "
        "ON CONFLICT DO NOTHING",
        parameters,
    )
    connection.commit()
    old.unlink(missing_ok=True)
    sync_directory(old.parent)
    return removed


def allow_deletion(connection: psycopg.Connection[Any]) -> None:
    """Say, for this transaction, that the eraser's deletions are an erasure's: no retention period delays them."""
    connection.execute("SELECT set_config('sanctum.erasing', 'on', true)")


def remove_originals(settings: Settings, connection: psycopg.Connection[Any]) -> int:
    """Remove bytes that an interrupted redaction or landing left under a former hash, or half written."""
    rows = connection.execute("SELECT encode(original_sha256, 'hex') FROM landing.redacted_content").fetchall()
    left = [path for (sha256,) in rows if (path := landed_path(settings, sha256)).exists()]
    left += [*settings.landing_directory.glob("redacting-*"), *settings.landing_directory.glob("incoming-*")]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def redact_in_place(path: Path, edits: Sequence[Edit]) -> None:
    """Replace a file that is not landed, such as one in an inbox, by one with the edits; its name stays.

    Mode and owner stay too, the owner where the process may set it.
    """
    for left in path.parent.glob(".redacting-*"):
        # Half written by a run that was interrupted; who erases is alone.
        left.unlink()
    temporary = path.with_name(f".redacting-{os.getpid()}")
    was = path.stat()
    try:
        _write(path, temporary, edits, 0)
        with contextlib.suppress(PermissionError):
            os.chown(temporary, was.st_uid, was.st_gid)
        temporary.chmod(stat.S_IMODE(was.st_mode))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def _write(source: Path, target: Path, edits: Sequence[Edit], padding: int) -> tuple[str, int]:
    whole = is_whole(source)
    with target.open("wb") as stream:
        os.fchmod(stream.fileno(), 0o600)
        if is_gzip(source):
            with gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=0) as packed:
                _copy(source, packed, edits, padding)
            if not whole:
                # It was cut off and stays so: nothing starts to read it because its readable part was written anew.
                stream.truncate(stream.tell() - _GZIP_TRAILER)
        else:
            _copy(source, stream, edits, padding)
        stream.flush()
        os.fsync(stream.fileno())
    with target.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return digest, target.stat().st_size


def _copy(source: Path, target: IO[bytes] | gzip.GzipFile, edits: Sequence[Edit], padding: int) -> None:
    waiting = sorted(edits, key=lambda edit: edit.offset)
    position = 0
    for block in readable_blocks(source):
        changed = bytearray(block)
        end = position + len(block)
        while waiting and waiting[0].offset < end:
            edit = waiting[0]
            start = edit.offset - position
            taken = min(len(edit.replacement), len(block) - start)
            changed[start : start + taken] = edit.replacement[:taken]
            if taken == len(edit.replacement):
                waiting.pop(0)
            else:
                waiting[0] = Edit(edit.offset + taken, edit.replacement[taken:])
        target.write(bytes(changed))
        position = end
    target.write(b"\n" * padding)


def readable_blocks(path: Path) -> Iterator[bytes]:
    """A file's content as far as it was ever whole: of a gzip file that was cut off, what comes before the cut.

    Raises:
        OSError: the file can't be read; what a disk fails to give is not missing from the file.
    """
    packed = is_gzip(path)
    with open_content(path) as stream:
        reader = cast(Any, stream)
        while True:
            try:
                block = reader.read1(_BLOCK) if packed else reader.read(_BLOCK)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                return
            if not block:
                return
            yield block
