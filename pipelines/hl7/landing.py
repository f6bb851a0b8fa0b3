"""HL7 v2 files to landed messages: bytes first, then each message once, in one transaction a file.

A file whose messages are not stored has no ``landing.file_load`` row and is split by the next run.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

from pipelines import quarantine, tombstones
from pipelines.account import Account
from pipelines.hl7 import identity, redaction
from pipelines.hl7.erased import Judge, Verdict
from pipelines.hl7.header import read_header
from pipelines.hl7.message import parse
from pipelines.hl7.ownership import whose_bytes
from pipelines.hl7.splitting import Piece, split
from pipelines.hl7.statements import statement
from pipelines.landing import InputError, LandingReport, is_whole, landed_path, open_content
from pipelines.object_store import Source, land_sources
from pipelines.quarantine import QuarantinedRecord
from pipelines.redaction import forget, redact_due
from pipelines.tombstones import Tombstones
from resources import locks
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings

SUFFIXES = (".hl7", ".er7", ".mllp", ".txt")
SPLIT = {"source_system": identity.SOURCE_SYSTEM, "mapping_profile": "messages", "mapping_version": "1"}
"""What ``landing.file_load`` says of a file whose messages are stored."""

_MESSAGES_AT_ONCE = 500


def land_hl7(
    settings: Settings,
    database: Database,
    sources: Iterable[Source],
    progress: Progress | None = None,
    *,
    may_be_empty: bool = False,
) -> LandingReport:
    """Store HL7 v2 files byte for byte and their messages once each.

    Raises:
        pipelines.landing.InputError: landed bytes are gone; else as ``pipelines.object_store.land_sources``.
    """
    report, _ = land_and_split(settings, database, sources, progress, may_be_empty=may_be_empty)
    return report


def land_and_split(
    settings: Settings,
    database: Database,
    sources: Iterable[Source],
    progress: Progress | None = None,
    *,
    may_be_empty: bool = False,
) -> tuple[LandingReport, dict[int, Account]]:
    """As ``land_hl7``, with the account of each file that was split now: loaded are the messages stored."""
    report = land_sources(
        settings, database, sources, SUFFIXES, lambda *_: "hl7v2", progress, may_be_empty=may_be_empty
    )
    accounts: dict[int, Account] = {}
    with without_row_values(), database.connect(Role.INGEST) as connection:
        locks.share(connection, locks.LANDING)
        erased = tombstones.read(connection)
        wanted = {"file_ids": [file.file_id for file in report.files], **SPLIT}
        unsplit = connection.execute(statement("unsplit_files"), wanted).fetchall()
        for number, (file_id, sha256) in enumerate(unsplit, start=1):
            accounts[file_id] = _split_file(connection, settings, (file_id, sha256), erased)
            connection.commit()
            if progress:
                progress("storing messages of files", number, len(unsplit))
    redact_due(settings, database, ["hl7v2"], redaction.search_landed)
    return report, accounts


def _split_file(
    connection: psycopg.Connection[Any], settings: Settings, file: tuple[int, str], erased: Tombstones
) -> Account:
    account = Account()
    file_id, sha256 = file
    path = landed_path(settings, sha256)
    if not path.exists():
        raise InputError(f"the bytes of landed file {sha256[:12]} are gone from {settings.landing_directory}.")
    if is_whole(path):
        with open_content(path) as stream:
            pieces = split(stream)
            while chunk := list(islice(pieces, _MESSAGES_AT_ONCE)):
                left = _without_erased(connection, erased, file, chunk, account)
                _store(connection, ZoneInfo(settings.time_zone), file, left, account)
        if account.excluded["erased"]:
            forget(connection, {file_id})
    else:
        account.read["unknown"] += 1
        account.quarantined["truncated_file"] += 1
        quarantine.keep(connection, [QuarantinedRecord(sha256, "truncated_file", file_id)])
    connection.execute(
        "INSERT INTO landing.file_load (file_id, source_system, mapping_profile, mapping_version, account) "
        "VALUES (%(file_id)s, %(source_system)s, %(mapping_profile)s, %(mapping_version)s, %(account)s) "
        "ON CONFLICT DO NOTHING",
        {"file_id": file_id, "account": Jsonb(account.as_dict()), **SPLIT},
    )
    return account


def _without_erased(
    connection: psycopg.Connection[Any],
    erased: Tombstones,
    file: tuple[int, str],
    pieces: Sequence[Piece],
    account: Account,
) -> Sequence[Piece]:
    """The pieces that are no erased person's, as ``pipelines.hl7.erased`` judges."""
    if not erased:
        return pieces
    kept: list[Piece] = []
    judge = Judge(connection, erased)
    for piece in pieces:
        whose = whose_bytes(piece.body)
        code, trigger = identity.message_type(parse(piece.body)) if whose else ("", "")
        verdict = judge.judge(whose, trigger)
        if verdict is Verdict.KEPT:
            kept.append(piece)
            continue
        kind = identity.kind(code, trigger)
        account.read[kind] += 1
        if verdict is Verdict.DISPUTED:
            place = f"{file[1]}@{piece.byte_offset}"
            record = QuarantinedRecord(
                place, "erased_identifier", file[0], byte_offset=piece.byte_offset, resource_type=kind
            )
            quarantine.keep(connection, [record])
            account.quarantined["erased_identifier"] += 1
        else:
            account.excluded["erased"] += 1
    return kept


def _store(
    connection: psycopg.Connection[Any],
    zone: ZoneInfo,
    file: tuple[int, str],
    pieces: Sequence[Piece],
    account: Account,
) -> None:
    file_id, sha256 = file
    unusable = [piece for piece in pieces if piece.problem]
    quarantine.keep(
        connection,
        [
            QuarantinedRecord(
                f"{sha256}@{piece.byte_offset}", str(piece.problem), file_id, byte_offset=piece.byte_offset
            )
            for piece in unusable
        ],
    )
    account.read["unknown"] += len(unusable)
    account.quarantined.update(str(piece.problem) for piece in unusable)
    whole = [piece for piece in pieces if not piece.problem]
    rows = [{"byte_offset": piece.byte_offset, **read_header(piece.body, zone).columns} for piece in whole]
    if not rows:
        return
    stored = insert_messages(connection, file_id, rows)
    account.read.update(identity.kind(row["message_code"], row["trigger_event"]) for row in rows)
    account.loaded.update(identity.kind(code, trigger) for _, code, trigger in stored)
    if len(rows) > len(stored):
        account.excluded["already_loaded"] += len(rows) - len(stored)


def insert_messages(
    connection: psycopg.Connection[Any], file_id: int | None, rows: Sequence[Mapping[str, Any]]
) -> list[tuple[int, str, str]]:
    """Store messages in the caller's transaction, in the order given; id, code and trigger of those that are new.

    The same bytes of one sender under one MSH-10 are stored once; a message that is there is left alone.

    Args:
        connection: as INGEST.
        file_id: the landed file they are of; None: they came by themselves.
        rows: at least one, each with ``byte_offset`` and the columns of ``pipelines.hl7.header.Header``.
    """
    return connection.execute(statement("insert_messages"), insertion(file_id, rows)).fetchall()


def insertion(
    file_id: int | None,
    rows: Sequence[Mapping[str, Any]],
    people: Iterable[int] = (),
    identifiers: Iterable[bytes] = (),
) -> dict[str, Any]:
    """The parameters of ``insert_messages.sql``.

    Args:
        file_id: as ``insert_messages`` has it.
        rows: likewise.
        people: keys of people of whom none may be erased; else nothing is stored.
        identifiers: hashes of identifiers, likewise.
    """
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {"file_id": file_id, "people": list(people), "identifiers": list(identifiers), **columns}
