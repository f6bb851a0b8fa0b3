"""Finding one person's records in a FHIR file, and what to write over them.

Lines become blanks, which readers skip; a document or a bundle's entry becomes ``{"erased":true}`` and blanks, which
readers skip too; references from other people's records become zeros. Nothing changes its length.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from pipelines.fhir import ownership
from pipelines.fhir.ownership import Verdict
from pipelines.fhir.reading import ERASED, Record, records
from pipelines.keys import resource_key
from pipelines.redaction import Edit, Found, Place, Wanted, readable_blocks

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]')
_NAMED = re.compile(rb'"(?:reference|url|id|fullUrl)"\s*:\s*"([^"]*)"')
_PATIENT_REFERENCE = re.compile(rb"Patient(?:/|\\/)([A-Za-z0-9.-]{1,64})")
_OWN_ID = re.compile(rb'"resourceType"\s*:\s*"Patient"\s*,\s*"id"\s*:\s*"([A-Za-z0-9.-]{1,64})"')
_ID = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9.-]{1,64})"')


def search(path: Path, kind: str, wanted: Wanted) -> Found:
    """Everything in a FHIR file that is to be overwritten; memory is bounded by what is found and the longest line."""
    found = Found()
    for offset, number, line in _lines(path, kind):
        if _is_likely(line, wanted):
            _search_line(offset, number, line, kind, wanted, found)
    return found


def _lines(path: Path, kind: str) -> Iterator[tuple[int, int, bytes]]:
    """Offset, number and bytes of each line, without its line end; of a document the whole."""
    waiting, offset, number = bytearray(), 0, 1
    for block in readable_blocks(path):
        waiting += block
        if kind == "fhir-json":
            continue
        *lines, rest = bytes(waiting).split(b"\n")
        for line in lines:
            yield offset, number, line
            offset += len(line) + 1
            number += 1
        waiting = bytearray(rest)
    if waiting.strip():
        yield offset, number, bytes(waiting)


def _is_likely(line: bytes, wanted: Wanted) -> bool:
    if not line.strip():
        return False
    if wanted.likely is None or wanted.likely.search(line) or b"\\u" in line:
        return True
    return any(re.split(rb"[/:]", name)[-1] in wanted.record_ids for name in _NAMED.findall(line))


def _search_line(offset: int, number: int, line: bytes, kind: str, wanted: Wanted, found: Found) -> None:
    found_records = list(records((number, line)))
    spans = _spans(line, found_records)
    pairs = list(zip(found_records, spans, strict=True))
    judged = _judged(line, pairs, wanted)
    theirs = [verdict.is_theirs for _, verdict in judged]
    for (record, (start, end)), (source, verdict) in zip(pairs, judged, strict=True):
        raw = line[start:end]
        if verdict.is_theirs:
            found.places.append(Place(record.line_number, record.entry))
            if record.resource is not None:
                found.resources.append((source, record.resource))
            if not all(theirs):
                found.edits.append(Edit(offset + start, _marker(raw)))
        elif verdict.mentions:
            found.mentions += 1
            edits = _zeros(raw, verdict.mentions | _urls(line, spans, theirs))
            found.edits += [Edit(offset + start + edit.offset, edit.replacement) for edit in edits]
            raw = _edited(raw, edits)
        elif wanted.words is not None and wanted.words.search(raw):
            found.mentions += 1
        if wanted.names is not None and _is_others(record, verdict, wanted):
            found.shared.update(word.lower() for word in wanted.names.findall(raw))
    if theirs and all(theirs):
        # A bundle of nobody else goes whole, with what it says of itself.
        found.edits.append(Edit(offset, _marker(line) if kind == "fhir-json" else b" " * len(line)))
        if found_records[0].entry is not None:
            found.places.append(Place(number))


def _is_others(record: Record, verdict: Verdict, wanted: Wanted) -> bool:
    """Whether what a record holds is known to be somebody else's too."""
    if record.resource is None:
        return not (verdict.is_theirs or verdict.is_nobodys or verdict.mentions)
    # As long as no word decides, a record of nobody may still turn out to be theirs.
    return not (verdict.is_theirs or (verdict.is_nobodys and wanted.words is None))


def _judged(line: bytes, pairs: list[tuple[Record, tuple[int, int]]], wanted: Wanted) -> list[tuple[str, Verdict]]:
    """A verdict on each record of a line; entries that lead to an entry of theirs are judged knowing it."""
    while True:
        judged = [_verdict(record, line[start:end], wanted) for record, (start, end) in pairs]
        keys = {
            resource_key(source, str(record.resource["resourceType"]), str(record.resource.get("id")))
            for (record, _), (source, verdict) in zip(pairs, judged, strict=True)
            if verdict.is_theirs and record.resource is not None
        }
        if len(pairs) == 1 or keys <= wanted.records:
            wanted.records |= keys
            return judged
        wanted.records |= keys


def _verdict(record: Record, raw: bytes, wanted: Wanted) -> tuple[str, Verdict]:
    """The verdict and the source system it holds for; the first under which the record is theirs counts."""
    people, result = wanted.tombstones.people, ("", Verdict())
    for source in wanted.sources:
        if record.resource is None:
            verdict = _unreadable(raw, source, wanted)
        elif _is_named(record.resource, source, wanted):
            verdict = Verdict(True)
        else:
            verdict = ownership.judge(record.resource, source, people, wanted.records, wanted.is_held)
            if verdict.is_nobodys and wanted.words is not None and wanted.words.search(raw):
                verdict = Verdict(True)
        if verdict.is_theirs:
            return source, verdict
        if verdict.mentions or not result[1].mentions:
            result = (source, verdict)
    return result


def _is_named(resource: Mapping[str, Any], source: str, wanted: Wanted) -> bool:
    """Whether a Patient has an identifier of one of the people; of somebody whom the warehouse knows none decides."""
    if not wanted.tombstones.names(ownership.identities_of(resource)):
        return False
    people = ownership.people_of(resource, source)
    return not people.isdisjoint(wanted.tombstones.people) or not any(map(wanted.is_somebody, people))


def _unreadable(raw: bytes, source: str, wanted: Wanted) -> Verdict:
    """What bytes are that are no resource: theirs if they name nobody else, by reference or as a Patient.

    A word decides only of bytes that name nobody. References from bytes that name somebody else too are overwritten.
    """
    names = _patients_named(raw)
    if not names:
        return Verdict(wanted.words is not None and wanted.words.search(raw) is not None, is_nobodys=True)
    theirs = {name for name in names if resource_key(source, "Patient", name) in wanted.tombstones.people}
    if theirs == names:
        return Verdict(True)
    return Verdict(mentions=frozenset(f"Patient/{name}" for name in theirs))


def people_referenced(raw: bytes, source: str) -> frozenset[int]:
    """Keys of patients that references in bytes name, whoever the bytes are about."""
    names = set(_PATIENT_REFERENCE.findall(raw))
    return frozenset(resource_key(source, "Patient", name.decode()) for name in names)


def people_in_bytes(raw: bytes, source: str) -> frozenset[int]:
    """Keys of patients that bytes without structure seem to name."""
    return frozenset(resource_key(source, "Patient", name) for name in _patients_named(raw))


def _patients_named(raw: bytes) -> set[str]:
    """Ids in references to patients, and of a Patient its own: the id next to the type, else every id there is."""
    names = {name.decode() for name in _PATIENT_REFERENCE.findall(raw)}
    if b'"Patient"' in raw:
        names |= {name.decode() for name in _OWN_ID.findall(raw) or _ID.findall(raw)}
    return names


def _spans(line: bytes, found: list[Record]) -> list[tuple[int, int]]:
    """Where each record's bytes are: the line's, or each entry's of a bundle."""
    whole = (0, len(line))
    if not found or found[0].entry is None:
        return [whole] * len(found)
    spans = list(entry_spans(line))
    return [spans[record.entry or 0] for record in found]


def entry_spans(content: bytes) -> Iterator[tuple[int, int]]:
    """Start and end of each element of the top-level ``entry`` array."""
    depth, start, name, inside = 0, 0, b"", False
    for match in _STRUCTURE.finditer(content):
        text = match.group()
        if text in (b"{", b"["):
            depth += 1
            if depth == 2 and text == b"[" and name == b'"entry"':
                inside, start = True, match.end()
        elif text in (b"}", b"]"):
            if depth == 2 and inside:
                yield start, match.start()
                inside = False
            depth -= 1
        elif text == b",":
            if depth == 2 and inside:
                yield start, match.start()
                start = match.end()
        elif depth == 1:
            name = text


def _marker(raw: bytes) -> bytes:
    """The mark that readers skip, then blanks; line ends stay. Bytes too short for it become blanks."""
    blank = re.sub(rb"[^\r\n]", b" ", raw)
    return ERASED + blank[len(ERASED) :] if len(raw) >= len(ERASED) else blank


def _urls(line: bytes, spans: list[tuple[int, int]], theirs: list[bool]) -> frozenset[str]:
    """What other entries of a bundle may call their entries: ``fullUrl``."""
    entries = (
        orjson.loads(line[start:end]) for (start, end), is_theirs in zip(spans, theirs, strict=True) if is_theirs
    )
    return frozenset(str(entry["fullUrl"]) for entry in entries if isinstance(entry, dict) and "fullUrl" in entry)


def _edited(raw: bytes, edits: list[Edit]) -> bytes:
    changed = bytearray(raw)
    for edit in edits:
        changed[edit.offset : edit.offset + len(edit.replacement)] = edit.replacement
    return bytes(changed)


def _zeros(raw: bytes, texts: frozenset[str]) -> list[Edit]:
    """Zeros over every string of a record that is one of the texts, however it is escaped."""
    edits = []
    for match in _STRING.finditer(raw):
        try:
            text = orjson.loads(match.group())
        except orjson.JSONDecodeError:
            continue
        if text in texts:
            edits.append(Edit(match.start() + 1, b"0" * (len(match.group()) - 2)))
    return edits
