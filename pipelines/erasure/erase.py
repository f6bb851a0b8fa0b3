"""Erasing one person: the steps, in an order in which an interruption never leaves "erased" said of what is there.

1. A journal row and tombstones: from now on no load brings the person back.
2. Words the person is known by are kept in the database while the erasure is under way, so that it can be finished
   and proved after a crash.
3. Bytes in landed files and inboxes are overwritten, file by file.
4. One transaction deletes every row and appends the audit event.
5. Space is given back, everything is swept; if nothing is left, the words go and the journal says ``verified``.

Run again after a crash, each step finds what is left to do.
"""

import contextlib
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from pipelines import bronze, tombstones
from pipelines.erasure import words as wording
from pipelines.erasure.deletion import Keys, claim_resources, delete_rows, holds_rows, vacuum
from pipelines.erasure.files import Files, Searched
from pipelines.erasure.moved import Moved, moved
from pipelines.erasure.person import Person, find_person
from pipelines.erasure.sweep import WITHOUT_TEXT, Sweep, sweep_files, sweep_tables, telling
from pipelines.erasure.words import Word, is_shared
from pipelines.hl7.redaction import is_named
from pipelines.redaction import remove_originals
from pipelines.tombstones import Tombstones
from resources import audit, locks
from resources.dbt import no_build
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings

REASON_CODES = ("data-subject-request", "loaded-in-error", "retention-expired", "court-order")


class ErasureError(RuntimeError):
    """An erasure that can't be done as asked; the text names no person but by number."""


@dataclass
class ErasureReport:
    """What an erasure did, or would do.

    Attributes:
        person_id: as in ``omop.person``.
        state: ``preview``, ``erased`` (something is left, see ``left``, or unread, see ``not_swept`` and
            ``not_read``) or ``verified``.
        reason_code: why.
        source_persons: how many keys the person has in sources.
        rows: deleted rows by table.
        records: records overwritten in landed files; found by this run.
        files: landed files written anew.
        mentions: records of others that lead or led to the person; references in them are overwritten.
        words: how many words the sweep looked for.
        words_of_others: words by kind it could not look for, since records of others or the vocabulary hold them too.
        left: rows by table and places by file, which is told without names, where a word was still found.
        swept: tables and files searched.
        not_swept: tables that no role may read whole; only those that hold no words leave the proof whole.
        not_read: places by inode that the sweep could not look into.
        not_vacuumed: tables whose dead rows wait for autovacuum.
    """

    person_id: int
    state: str
    reason_code: str | None
    source_persons: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    records: int = 0
    files: int = 0
    mentions: int = 0
    words: int = 0
    words_of_others: dict[str, int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    swept: dict[str, int] = field(default_factory=dict)
    not_swept: list[str] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)
    not_vacuumed: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ``left`` also as one number."""
        return asdict(self) | {"left": sum(self.left.values()), "left_in": self.left}


@dataclass(frozen=True)
class _Journal:
    erasure_id: int
    person: Person
    reason_code: str
    state: str
    counts: dict[str, int]


def preview(settings: Settings, database: Database, person_id: int) -> ErasureReport:
    """What an erasure would delete and overwrite: everything is found and counted, and nothing is changed.

    Raises:
        pipelines.erasure.person.UnknownPersonError: nobody is known by that number.
        pipelines.erasure.deletion.UnerasableError: a table could not be erased.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    with without_row_values(), _alone(settings, database) as connection:
        person = find_person(database, person_id)
        came = moved(settings, database, person.keys)
        person = replace(person, keys=person.keys | came.stays)
        files = _files(settings, database, connection, person, _numbers(came))
        files.search()
        claim_resources(connection, keys := _keys(person), files.known.records)
        connection.execute(
            "INSERT INTO landing.erasure (person_id, person_keys, reason_code, subject) "
            "VALUES (%s, '{}', 'loaded-in-error', 'preview') ON CONFLICT (person_id) DO UPDATE SET state = 'started'",
            (person_id,),
        )
        rows = delete_rows(connection, keys, came.messages.union(_messages(database, files.deciding)))
        connection.rollback()
    known = files.known
    return ErasureReport(person_id, "preview", None, len(person.keys), rows, known.theirs, mentions=known.mentions)


def erase(
    settings: Settings,
    database: Database,
    person_id: int,
    reason_code: str,
    subject: str,
    progress: Progress | None = None,
) -> ErasureReport:
    """Erase one person from every store and prove it; one that was interrupted is finished.

    Args:
        settings: where files lie.
        database: the warehouse.
        person_id: as in ``omop.person``.
        reason_code: one of ``REASON_CODES``.
        subject: who erases, for the audit log.
        progress: called with the step, its number and how many there are.

    Raises:
        ErasureError: the reason is none of the codes.
        pipelines.erasure.person.UnknownPersonError: nobody is known by that number.
        pipelines.erasure.deletion.UnerasableError: a table could not be erased; no row was deleted.
        resources.postgres.DatabaseUnavailableError: the database refused; run it again.
    """
    if reason_code not in REASON_CODES:
        raise ErasureError(f"the reason is one of {', '.join(REASON_CODES)}")
    tell = progress or (lambda _stage, _done, _total: None)
    with without_row_values(), _alone(settings, database) as connection:
        journal, came = _begin(settings, database, connection, person_id, reason_code, subject)
        if journal.state == "verified":
            return ErasureReport(person_id, "verified", journal.reason_code, len(journal.person.keys), journal.counts)
        tell("searching files", 1, 4)
        _empty_leftovers(settings, database, connection)
        files = _files(settings, database, connection, journal.person, _kept_words(database, journal) | _numbers(came))
        files.search()
        _keep_words(database, journal, files.known.words)
        tell("overwriting bytes", 2, 4)
        keys = _keys(journal.person)
        claim_resources(connection, keys, files.known.records)
        connection.commit()
        changed, quarantined = files.redact()
        tell("deleting rows", 3, 4)
        now = delete_rows(connection, keys, came.messages.union(_messages(database, files.deciding)))
        now = _sum(now, {"quarantine.record": quarantined})
        _record(connection, journal, subject, "erase", now, {"landed_records": files.known.theirs})
        rows = _sum(journal.counts, now)
        connection.execute(
            "UPDATE landing.erasure SET state = 'erased', counts = %s, erased_at = now() WHERE erasure_id = %s",
            (Jsonb(rows), journal.erasure_id),
        )
        connection.commit()
        tell("proving it", 4, 4)
        not_vacuumed = _vacuum(database, rows)
        report = _prove(settings, database, journal, files.known)
        report.rows, report.records, report.files = rows, files.known.theirs, changed
        report.not_vacuumed = not_vacuumed
        if report.state == "verified":
            _finish(database, connection, journal, subject, report)
    return report


@contextlib.contextmanager
def _alone(settings: Settings, database: Database) -> Iterator[psycopg.Connection[Any]]:
    """ERASER's connection while nobody loads, folds, lands, embeds, adjudicates or builds."""
    with no_build(settings), database.connect(Role.ERASER) as connection:
        locks.hold(
            connection, locks.FHIR_FILES, locks.FOLD, locks.LOAD, locks.LANDING, locks.EMBEDDING, locks.ADJUDICATION
        )
        connection.commit()
        yield connection


def _begin(
    settings: Settings,
    database: Database,
    connection: psycopg.Connection[Any],
    person_id: int,
    reason_code: str,
    subject: str,
) -> tuple[_Journal, Moved]:
    """The journal row of this person, and tombstones; ``verified`` if they were erased and are not back.

    Also what came to them with visits, of which the journal and the tombstones have the keys.
    """
    columns = "SELECT erasure_id, person_keys, reason_code, state, counts FROM landing.erasure WHERE person_id = %s"
    row = connection.execute(columns.encode(), (person_id,)).fetchone()
    if row is not None and row[3] == "verified":
        erased = Person(person_id, frozenset(row[1]), {})
        if erased.keys <= tombstones.read(connection).people and not holds_rows(connection, _keys(erased)):
            return _Journal(row[0], erased, *row[2:]), Moved()
    # Also of one that was begun before, or verified and undone since by a restored backup: what was found left may be
    # gone now, or is erased in this run.
    person = find_person(database, person_id)
    came = moved(settings, database, person.keys)
    person = replace(person, keys=person.keys | came.stays)
    tombstones.add(connection, person.keys, person.identifiers)
    connection.execute(
        "INSERT INTO landing.erasure (person_id, person_keys, reason_code, subject) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (person_id) DO UPDATE SET state = 'started', person_keys = excluded.person_keys, "
        "reason_code = CASE WHEN erasure.state = 'verified' THEN excluded.reason_code ELSE erasure.reason_code END, "
        "subject = CASE WHEN erasure.state = 'verified' THEN excluded.subject ELSE erasure.subject END",
        (person_id, sorted(person.keys), reason_code, subject),
    )
    connection.commit()
    row = connection.execute(columns.encode(), (person_id,)).fetchone()
    if row is None:
        raise ErasureError(f"the journal of the erasure of person {person_id} is gone; run it again.")
    return _Journal(row[0], Person(person_id, frozenset(row[1]), person.identifiers), *row[2:]), came


def _numbers(came: Moved) -> set[Word]:
    """Numbers of visits lead to bytes and prove nothing: others may have the same."""
    return {Word("short", number) for number in came.numbers}


def _empty_leftovers(settings: Settings, database: Database, connection: psycopg.Connection[Any]) -> None:
    """What loads and redactions that died have left on their way."""
    with database.connect(Role.INGEST) as ingest:
        bronze.empty_staging(ingest)
    shutil.rmtree(settings.dlt_directory / "bronze", ignore_errors=True)
    # Of an export that broke off; the next run fetches its files again.
    shutil.rmtree(settings.fhir_server_directory, ignore_errors=True)
    if settings.landing_directory.is_dir():
        remove_originals(settings, connection)


def _files(
    settings: Settings, database: Database, connection: psycopg.Connection[Any], person: Person, words: set[Word]
) -> Files:
    keys = sorted(person.keys)
    known = Searched(words=set(words))
    with database.connect(Role.INGEST) as ingest:
        for key, kind, resource_id in ingest.execute(
            "SELECT resource_key, resource_type, resource_id FROM bronze.resource WHERE person_key = ANY(%s)", (keys,)
        ):
            known.records.add(key)
            known.record_ids.add(resource_id.encode())
            if kind == "Patient":
                known.words.update(wording.resource_id(resource_id))
        for (value,) in ingest.execute(
            "SELECT identifier_value FROM bronze.person_identifier WHERE person_key = ANY(%s)", (keys,)
        ):
            known.words.update(wording.identifier(value))
        notes = ingest.execute("SELECT note_text FROM bronze.note WHERE person_key = ANY(%s)", (keys,))
        known.words.update(wording.sentences(text for (text,) in notes))
        for (body,) in ingest.execute("SELECT body FROM landing.hl7_message WHERE patient_key = ANY(%s)", (keys,)):
            known.words.update(wording.of_message(bytes(body)))
    # Identifiers of all who were erased: a record under another key may still be this person's, or was left of another.
    identifiers = tombstones.read(connection).identifiers | person.identifiers
    return Files(settings, connection, Tombstones(set(keys), identifiers), known)


def _messages(database: Database, pattern: re.Pattern[bytes] | None) -> list[int]:
    """Stored messages without a patient that hold one of their words."""
    if pattern is None:
        return []
    with database.connect(Role.INGEST) as ingest:
        rows = ingest.execute("SELECT message_id, body FROM landing.hl7_message WHERE patient_key IS NULL")
        return [message_id for message_id, body in rows if is_named(bytes(body), pattern)]


def _keys(person: Person) -> Keys:
    return Keys(person.person_id, sorted({*person.keys, person.person_id}))


def _kept_words(database: Database, journal: _Journal) -> set[Word]:
    with database.connect(Role.INGEST) as connection:
        query = "SELECT kind, token FROM landing.erasure_token WHERE erasure_id = %s"
        return {Word(kind, token) for kind, token in connection.execute(query, (journal.erasure_id,))}


def _keep_words(database: Database, journal: _Journal, words: set[Word]) -> None:
    with database.connect(Role.INGEST) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO landing.erasure_token (erasure_id, kind, token) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(journal.erasure_id, word.kind, word.text) for word in sorted(words)],
        )


def _sum(before: dict[str, int], now: dict[str, int]) -> dict[str, int]:
    names = sorted({*before, *now})
    return {name: number for name in names if (number := before.get(name, 0) + now.get(name, 0))}


def _record(
    connection: psycopg.Connection[Any],
    journal: _Journal,
    subject: str,
    action: str,
    rows: dict[str, int],
    details: dict[str, int],
) -> None:
    audit.record(
        connection,
        subject=subject,
        purpose=journal.reason_code,
        action=action,
        object_kind="person",
        person_id=journal.person.person_id,
        row_count=sum(rows.values()),
        details={**rows, **details},
    )


def _vacuum(database: Database, rows: dict[str, int]) -> list[str]:
    with database.connect(Role.ERASER, autocommit=True) as connection:
        return vacuum(connection, rows)


def _prove(settings: Settings, database: Database, journal: _Journal, known: Searched) -> ErasureReport:
    """Search everything for the words that are nobody else's."""
    proof = [word for word in sorted(known.words) if word.is_proof]
    own = telling(database, [word for word in proof if not is_shared(word, known.shared)], sorted(journal.person.keys))
    found = Sweep()
    sweep_tables(database, own, found)
    sweep_files(settings, own, found)
    unread = set(found.not_swept) - set(WITHOUT_TEXT)
    return ErasureReport(
        journal.person.person_id,
        "erased" if found.left or unread or found.not_read else "verified",
        journal.reason_code,
        len(journal.person.keys),
        mentions=known.mentions,
        words=len(own),
        words_of_others=dict(Counter(word.kind for word in set(proof) - set(own))),
        left=found.left,
        swept={"tables": found.tables, "files": found.files},
        not_swept=found.not_swept,
        not_read=found.not_read,
    )


def _finish(
    database: Database, connection: psycopg.Connection[Any], journal: _Journal, subject: str, report: ErasureReport
) -> None:
    with database.connect(Role.INGEST) as ingest:
        ingest.execute("DELETE FROM landing.erasure_token WHERE erasure_id = %s", (journal.erasure_id,))
    _vacuum(database, {"landing.erasure_token": 1})
    _record(connection, journal, subject, "erase-verified", {}, {**report.swept, "words": report.words, "left": 0})
    connection.execute(
        "UPDATE landing.erasure SET state = 'verified', verified_at = now() WHERE erasure_id = %s",
        (journal.erasure_id,),
    )
    connection.commit()
