"""HL7 v2 files to landed messages: bytes first, then each message once, in one transaction a file.

A file whose messages are not stored has no ``landing.file_load`` row and is split by the next run.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

from pipelines import bronze, quarantine, tombstones
from pipelines.account import Account
from pipelines.hl7 import identity, redaction
from pipelines.hl7.events import times
from pipelines.hl7.message import Message, MessageError, parse
from pipelines.hl7.ownership import Whose, whose_bytes
from pipelines.hl7.splitting import Piece, split
from pipelines.hl7.statements import statement
from pipelines.landing import InputError, LandingReport, is_whole, landed_path, open_content
from pipelines.object_store import Source, land_sources
from pipelines.quarantine import QuarantinedRecord
from pipelines.redaction import forget, forget_everywhere, redact_due
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
    """The pieces that are no erased person's; a key under which one turns up anew is remembered.

    A message that gives an erased person's identifier to somebody who is known is quarantined, ``erased_identifier``.
    """
    if not erased:
        return pieces
    kept: list[Piece] = []
    seen: set[int] = set()
    for piece in pieces:
        whose = whose_bytes(piece.body)
        if whose is None or not _is_erased(connection, erased, whose):
            kept.append(piece)
            seen |= whose.people if whose else frozenset()
            continue
        code, trigger = identity.message_type(parse(piece.body))
        kind = identity.kind(code, trigger)
        account.read[kind] += 1
        is_new = whose.people.isdisjoint(erased.people)
        if is_new and any(key in seen or tombstones.is_somebody(connection, key) for key in whose.people):
            place = f"{file[1]}@{piece.byte_offset}"
            record = QuarantinedRecord(
                place, "erased_identifier", file[0], byte_offset=piece.byte_offset, resource_type=kind
            )
            quarantine.keep(connection, [record])
            account.quarantined["erased_identifier"] += 1
            continue
        account.excluded["erased"] += 1
        if is_new and whose.people and trigger not in identity.MERGE_EVENTS:
            tombstones.add(connection, whose.people)
            bronze.withdraw(connection, whose.people)
            # Messages under this key may lie in files that were split before anybody knew whose they are.
            forget_everywhere(connection, ["hl7v2"])
            erased.people.update(whose.people)
    return kept


def _is_erased(connection: psycopg.Connection[Any], erased: Tombstones, whose: Whose) -> bool:
    """Whether a message is an erased person's, by what it states and by the birth date known of whom it names."""
    if not whose.people.isdisjoint(erased.people):
        return True
    if not erased.names(whose.identities):
        return False
    born = tombstones.birth_date(connection, *whose.people) if len(whose.people) == 1 else None
    return erased.names(whose.identities, born)


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
    rows = [_row(piece, zone) for piece in pieces if not piece.problem]
    if not rows:
        return
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    stored = connection.execute(statement("insert_messages"), {"file_id": file_id, **columns}).fetchall()
    new = Counter(identity.kind(code, trigger) for code, trigger in stored)
    account.read.update(identity.kind(row["message_code"], row["trigger_event"]) for row in rows)
    account.loaded.update(new)
    if len(rows) > len(stored):
        account.excluded["already_loaded"] += len(rows) - len(stored)


def _row(piece: Piece, zone: ZoneInfo) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(
        ("sending_application", "sending_facility", "message_control_id", "message_code", "trigger_event"), ""
    )
    found |= dict.fromkeys(("version_id", "processing_id"), "")
    found |= dict.fromkeys(("patient_key", "merged_patient_key", "visit_key", "message_at", "event_at"))
    for column, value in _header(piece.body, zone):
        found[column] = value
    digest = hashlib.sha256(piece.body).digest()
    return {"byte_offset": piece.byte_offset, "body_sha256": digest, "body": piece.body, **found}


def _header(body: bytes, zone: ZoneInfo) -> Iterator[tuple[str, Any]]:
    """Columns as far as they can be read; folding says what is wrong with a message that is stored anyway."""
    try:
        message = parse(body)
        header = message.header
        yield "sending_application", header.text(3)[: identity.LONGEST_NAME]
        yield "sending_facility", header.text(4)[: identity.LONGEST_NAME]
        yield "message_control_id", header.text(10)[: identity.LONGEST_NAME]
        yield "version_id", header.text(12)
        yield "processing_id", header.text(11)
        _, event_at, message_at = times(message, zone)
        yield "message_at", message_at
        yield "event_at", event_at
        yield from _keys(message)
    except MessageError:
        return


def _keys(message: Message) -> Iterator[tuple[str, Any]]:
    code, trigger = identity.message_type(message)
    yield "message_code", code
    yield "trigger_event", trigger
    yield "patient_key", identity.person_key(identity.patient_identifiers(message))
    if trigger in identity.MERGE_EVENTS:
        yield "merged_patient_key", identity.person_key(identity.retired_identifiers(message))
    if identity.concerns_visit(code, trigger):
        yield "visit_key", identity.visit_key(message)
