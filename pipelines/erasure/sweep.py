"""The proof: every table and every file is searched for the person's words, each table by a role whose duty it is."""

import errno
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, LiteralString, cast

import psycopg
from psycopg import sql

from pipelines.erasure.statements import statement
from pipelines.erasure.words import Word, byte_pattern, sql_pattern, stored_forms
from pipelines.landing import is_gzip
from resources.postgres import Database, Role
from resources.settings import Settings
from resources.shown_path import shown_path

_READERS = (Role.INGEST, Role.TRANSFORM, Role.EMBED, Role.AUDITOR, Role.DAGSTER, Role.INFER, Role.REVIEWER)
_NOT_SWEPT_SCHEMAS = ("vocab", "vocab_next")
"""Vocabulary comes from its publisher; its words are no one's."""
_SEEDED = ("omop.source_to_concept_map", "omop.code_system")
_COUNTED: Mapping[str, LiteralString] = {
    "access.emergency_access": "SELECT access.reasons_holding(%s)",
    "inference.adjudication": "SELECT inference.adjudications_holding(%s)",
    "retrieval.document_chunk": "SELECT retrieval.chunks_holding(%s)",
}
WITHOUT_TEXT: Mapping[str, str] = {
    "access.consent": "numbers, dates and codes of labels",
    "access.identity_key": "two keys of the site's",
    "access.ticket": "who asked, for what and until when",
    "access.ticket_person": "numbers",
    "inference.adjudication_evidence": "numbers and hashes",
}
"""Tables that no role may read whole and that hold no words of anybody: what is in them."""
_WORDS_KEPT = "landing.erasure_token"
_NOT_SWEPT_FOLDERS = ("postgres", "models")
"""The server's own files, whose rows are swept by SQL, and weights as packages ship them."""
_WORDS_AT_ONCE = 100
"""Alternatives that PostgreSQL compiles into one regular expression; of many it runs out of memory."""
_BLOCK = 1 << 20
_OVERLAP = 1 << 12


class SweepError(RuntimeError):
    """A file can't be searched; the text has no file's name, which may be a patient's."""


@dataclass
class Sweep:
    """What was found where.

    Attributes:
        left: rows by table and places by file that hold a word; empty if the person is gone.
        tables: how many tables were searched.
        files: how many files were searched.
        not_swept: tables that no role of a duty may read.
        not_read: places by inode that could not be looked into, as one without permission or with too long a path.
    """

    left: dict[str, int] = field(default_factory=dict)
    tables: int = 0
    files: int = 0
    not_swept: list[str] = field(default_factory=list)
    not_read: list[str] = field(default_factory=list)


def telling(database: Database, words: Sequence[Word], people: Sequence[int]) -> list[Word]:
    """The words without those that the vocabulary or notes of other people hold.

    Sentences of templates are everybody's, and names may be words of medicine.
    """
    with database.connect(Role.TRANSFORM) as connection:
        return [word for word in words if not _is_common(connection, word, people)]


def _is_common(connection: psycopg.Connection[Any], word: Word, people: Sequence[int]) -> bool:
    if word.kind == "sentence":
        query = (
            "SELECT FROM bronze.note WHERE person_key <> ALL(%(people)s) AND strpos(note_text, %(text)s) > 0 LIMIT 1"
        )
    elif word.kind == "lone name":
        query = "SELECT FROM vocab.concept WHERE concept_name ~* %(pattern)s LIMIT 1"
    else:
        return False
    parameters = {"people": list(people), "text": word.text, "pattern": sql_pattern([word])}
    return connection.execute(query, parameters).fetchone() is not None


def sweep_tables(database: Database, words: Sequence[Word], found: Sweep) -> None:
    """Search every table of every schema, whatever its columns, as text."""
    if not words:
        return
    with database.connect(Role.ERASER) as connection:
        tables = connection.execute(
            statement("readable_tables"), {"roles": [role.value for role in _READERS]}
        ).fetchall()
    by_role: dict[str, list[tuple[str, str, list[str]]]] = {}
    for schema, table, octets, role in tables:
        if schema in _NOT_SWEPT_SCHEMAS or f"{schema}.{table}" in (*_SEEDED, _WORDS_KEPT):
            continue
        if role is None:
            found.not_swept.append(f"{schema}.{table}")
        else:
            by_role.setdefault(role, []).append((schema, table, octets))
    for role, readable in by_role.items():
        with database.connect(Role(role)) as connection:
            for schema, table, octets in readable:
                _sweep_table(connection, (schema, table), octets, words, found)
    _sweep_texts(database, words, found)


def _sweep_table(
    connection: psycopg.Connection[Any],
    table: tuple[str, str],
    octets: Sequence[str],
    words: Sequence[Word],
    found: Sweep,
) -> None:
    short = [word for word in words if word.kind != "sentence"]
    patterns = [sql_pattern(short[first : first + _WORDS_AT_ONCE]) for first in range(0, len(short), _WORDS_AT_ONCE)]
    sentences = [form for word in words if word.kind == "sentence" for form in stored_forms(word)]
    texts: list[sql.Composable] = [sql.SQL("row_of::text")]
    texts += [sql.SQL("encode(row_of.{}, 'escape')").format(sql.Identifier(column)) for column in octets]
    template = sql.SQL(statement("rows_with_words").decode())
    query = template.format(table=sql.Identifier(*table), texts=sql.SQL(", ").join(texts))
    row = connection.execute(query, {"patterns": patterns, "sentences": sentences}).fetchone()
    found.tables += 1
    if row and row[0]:
        found.left[".".join(table)] = int(row[0])


def _sweep_texts(database: Database, words: Sequence[Word], found: Sweep) -> None:
    """Prompts and chunks are read by no role at large: the database counts those that hold a word and says no more."""
    texts = [word.text for word in words if word.kind != "name"]
    with database.connect(Role.ERASER) as connection:
        for table, counting in _COUNTED.items():
            row = connection.execute(counting, (texts,)).fetchone()
            found.tables += 1
            if table in found.not_swept:
                found.not_swept.remove(table)
            if row and row[0]:
                found.left[table] = int(row[0])


def sweep_files(settings: Settings, words: Sequence[Word], found: Sweep) -> None:
    """Search every file under the home, names of files and folders too, compressed files within, and Base64.

    What is found is told by its place and its inode, since a name may be a patient's: of the path, what holds a word is
    left out, and what lies in an inbox is told as the inbox.

    Raises:
        SweepError: a file can't be read.
    """
    pattern = byte_pattern(words, also_base64=True)
    if pattern is None:
        return
    for path, inode, mode in _contents(settings.home):
        hits = int(path != settings.home and _is_told_by(path.relative_to(settings.home), pattern))
        place = f"{_place(settings, path, pattern)} (inode {inode})"
        if mode is None:
            found.not_read.append(place)
        elif stat.S_ISREG(mode):
            found.files += 1
            hits += sum(1 for block in _blocks(path) if pattern.search(block))
        if hits:
            found.left[place] = hits


def _contents(home: Path) -> Iterator[tuple[Path, int, int | None]]:
    """Everything under the home that is to be searched, with inode and mode; None as mode of what gives no access.

    A folder that can't be listed comes twice: as what it is, and without a mode. Of one that can be listed and not
    entered, everything in it comes without a mode.
    """
    folders = [(home, home.lstat().st_ino)]
    while folders:
        folder, inode = folders.pop()
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError:
            yield folder, inode, None
            continue
        for entry in entries:
            path = folder / entry.name
            if folder == home and entry.name in _NOT_SWEPT_FOLDERS:
                continue
            try:
                seen = path.lstat()
            except FileNotFoundError:
                continue
            except OSError:
                yield path, entry.inode(), None
                continue
            yield path, seen.st_ino, seen.st_mode
            if stat.S_ISDIR(seen.st_mode):
                folders.append((path, seen.st_ino))


def _is_told_by(path: Path, pattern: re.Pattern[bytes]) -> bool:
    """Whether the last part of a path holds a word, or makes one with the parts before it."""
    if pattern.search(os.fsencode(path.name)):
        return True
    return bool(pattern.search(os.fsencode(path))) and not pattern.search(os.fsencode(path.parent))


def _place(settings: Settings, path: Path, pattern: re.Pattern[bytes]) -> str:
    for inbox in (settings.fhir_inbox_directory, settings.hl7_inbox_directory):
        if path.is_relative_to(inbox):
            path = inbox
    return shown_path(path.relative_to(settings.home), pattern.search, "(theirs)")


def _blocks(path: Path) -> Iterator[bytes]:
    """A file's content in blocks that overlap, and what it unpacks to if it is gzip; nothing if it is gone by now.

    Raises:
        SweepError: it can't be read.
    """
    inode = 0
    try:
        inode = path.stat().st_ino
        with path.open("rb") as stream:
            yield from _overlapping(stream)
        if path.stat().st_size > 2 and is_gzip(path):
            with gzip.open(path, "rb") as unpacked:
                yield from _overlapping(cast("IO[bytes]", unpacked))
    except FileNotFoundError:
        return
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, type(error).__name__)
        raise SweepError(
            f"a file of the home can't be read ({reason}), so that the search shows nothing; its inode is {inode} "
            "(find -inum)."
        ) from None


def _overlapping(stream: IO[bytes]) -> Iterator[bytes]:
    before = b""
    reader = cast(Any, stream)
    while True:
        try:
            block = reader.read1(_BLOCK)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            # The rest of a file that was cut off can't be unpacked by anybody.
            return
        if not block:
            return
        yield before + block
        before = block[-_OVERLAP:]
