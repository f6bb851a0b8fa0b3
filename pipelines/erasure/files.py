"""One person's records in every file: landed ones, those in the inboxes and the demo's input."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from pipelines import demo
from pipelines.erasure import words as wording
from pipelines.erasure.words import Word, byte_pattern, deciding_pattern, is_shared
from pipelines.fhir.ownership import attachments
from pipelines.fhir.reading import SUFFIXES as FHIR_SUFFIXES
from pipelines.fhir.reading import kind_of
from pipelines.fhir.redaction import search as search_fhir
from pipelines.hl7.landing import SUFFIXES as HL7_SUFFIXES
from pipelines.hl7.redaction import search as search_hl7
from pipelines.keys import resource_key
from pipelines.landing import LandedFile, find_files, landed_path
from pipelines.redaction import (
    Found,
    Wanted,
    readable_blocks,
    redact_in_place,
    redact_landed,
    sources_of,
)
from pipelines.tombstones import Tombstones, is_in_bronze
from resources.settings import Settings

_HELD_BY_OTHERS_AT_MOST = 100_000
"""Ids that a search looks for; a person with more records is searched for by their keys alone."""


@dataclass
class Searched:
    """What is known of the person after searching files.

    Attributes:
        words: what they are called.
        records: keys of their resources.
        record_ids: ids of those.
        shared: words, in lower case, that records of others hold.
        mentions: records of others that name them.
        theirs: records in landed files that are theirs.
    """

    words: set[Word] = field(default_factory=set)
    records: set[int] = field(default_factory=set)
    record_ids: set[bytes] = field(default_factory=set)
    shared: set[bytes] = field(default_factory=set)
    mentions: int = 0
    theirs: int = 0


class Files:
    """Searches and overwrites files, as the erasure under way knows the person.

    Attributes:
        known: what is known so far.
        deciding: after a search, the words that decide whose bytes are where nothing else does.
    """

    def __init__(
        self, settings: Settings, connection: psycopg.Connection[Any], tombstones: Tombstones, known: Searched
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._tombstones = tombstones
        self.known = known
        self.deciding: re.Pattern[bytes] | None = None

    def search(self) -> None:
        """Search every file until a round finds nothing new: a record found may lead to others.

        Words decide only once it is known which of them records of others hold as well, and what they alone have
        found leads no further.
        """
        self._search()
        known = frozenset(self.known.words)
        self.deciding = self._pattern(known)
        if self.deciding is not None:
            self._search()
            self.deciding = self._pattern(known)

    def _pattern(self, words: frozenset[Word]) -> re.Pattern[bytes] | None:
        return deciding_pattern(word for word in words if not is_shared(word, self.known.shared))

    def _search(self) -> None:
        while True:
            before = (len(self.known.words), len(self.known.records))
            self.known.mentions = self.known.theirs = 0
            self.known.shared = set()
            for landed in self._landed():
                found = self._found(landed)
                self._learn(found)
                self.known.mentions += found.mentions
                self.known.theirs += len(found.places)
            for path, kind in self._inputs():
                self._learn(self._find(path, kind, (self._settings.source_system,)))
            if before == (len(self.known.words), len(self.known.records)):
                return

    def redact(self) -> tuple[int, int]:
        """Overwrite what is theirs in every file; landed files changed, and quarantined records gone with them."""
        changed = quarantined = 0
        for landed in self._landed():
            found = self._found(landed)
            if found.edits:
                quarantined += redact_landed(self._settings, self._connection, landed, found.edits, found.places)
                changed += 1
        self._remove_unregistered()
        for path, kind in self._inputs():
            found = self._find(path, kind, (self._settings.source_system,))
            if found.edits:
                redact_in_place(path, found.edits)
        if self.deciding is not None:
            demo.forget(self._settings.home / "demo", self.deciding)
        return changed, quarantined

    def _landed(self) -> list[LandedFile]:
        rows = self._connection.execute(
            "SELECT file_id, encode(sha256, 'hex'), kind, gzip FROM landing.file ORDER BY file_id"
        ).fetchall()
        files = [LandedFile(file_id, sha256, kind, gzipped, False) for file_id, sha256, kind, gzipped in rows]
        return [file for file in files if landed_path(self._settings, file.sha256).exists()]

    def _found(self, landed: LandedFile) -> Found:
        sources = sources_of(self._settings, self._connection, landed.file_id)
        return self._find(landed_path(self._settings, landed.sha256), landed.kind, sources)

    def _find(self, path: Path, kind: str, sources: tuple[str, ...]) -> Found:
        known = self.known
        names = byte_pattern(word for word in known.words if word.is_proof)
        wanted = Wanted(
            sources,
            self._tombstones,
            known.records,
            known.record_ids,
            self.deciding,
            names,
            _either(names, self._ids()),
            partial(is_in_bronze, self._connection),
        )
        return search_hl7(path, wanted) if kind == "hl7v2" else search_fhir(path, kind, wanted)

    def _ids(self) -> re.Pattern[bytes] | None:
        """What may lead to them in bytes: ids and identifiers too short to be words."""
        short = {word.text.encode() for word in self.known.words if word.kind == "short"}
        if not short:
            return None
        return re.compile(rb"(?<![A-Za-z0-9])(?:" + b"|".join(map(re.escape, sorted(short))) + rb")(?![A-Za-z0-9])")

    def _learn(self, found: Found) -> None:
        known = self.known
        for source, resource in found.resources:
            kind, resource_id = str(resource.get("resourceType")), str(resource.get("id"))
            if kind == "Patient":
                known.words.update(wording.of_patient(resource))
            known.records.add(resource_key(source, kind, resource_id))
            if len(known.record_ids) < _HELD_BY_OTHERS_AT_MOST:
                known.record_ids.add(resource_id.encode())
            known.records.update(attachments(resource, source))
        for body in found.messages:
            known.words.update(wording.of_message(body))
        known.shared |= found.shared

    def _inputs(self) -> Iterator[tuple[Path, str]]:
        """FHIR and HL7 v2 files under the home that are not landed."""
        home = self._settings.home
        for folder in (self._settings.fhir_inbox_directory, home / "demo" / "fhir"):
            if folder.is_dir() and folder.is_relative_to(home):
                yield from ((path, kind_of(path)) for path in find_files([folder], FHIR_SUFFIXES, may_be_empty=True))
        for folder in (self._settings.hl7_inbox_directory, home / "demo" / "hl7"):
            if folder.is_dir() and folder.is_relative_to(home):
                yield from ((path, "hl7v2") for path in find_files([folder], HL7_SUFFIXES, may_be_empty=True))

    def _remove_unregistered(self) -> None:
        """Remove landed bytes that no row names and that hold their words: a landing died before it registered them."""
        named = {landed_path(self._settings, file.sha256) for file in self._landed()}
        pattern = self.deciding
        for path in sorted(self._settings.landing_directory.glob("??/*")):
            if path not in named and pattern is not None and pattern.search(b"".join(readable_blocks(path))):
                path.unlink()


def _either(*patterns: re.Pattern[bytes] | None) -> re.Pattern[bytes] | None:
    """Any of the patterns; one that matches nothing where there is none."""
    found = [pattern.pattern for pattern in patterns if pattern is not None]
    return re.compile(b"|".join(found) or rb"(?!)", re.IGNORECASE)
