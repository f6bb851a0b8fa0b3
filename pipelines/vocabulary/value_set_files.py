"""Value sets in FHIR: expansions as the Value Set Authority Center (VSAC) and measure bundles have them.

Source: FHIR R4 ValueSet, https://hl7.org/fhir/R4/valueset.html. An expansion lists the codes; the definition (compose)
does not, and only a terminology server can expand it.
"""

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipelines.vocabulary.files import VocabularyError

_ENDINGS = (".json", ".ndjson", ".csv")
_GZIP = b"\x1f\x8b"
_OID = re.compile(r"(?:urn:oid:)?(\d+(?:\.\d+)+)")
_FAULTS_TOLD = 20


@dataclass(frozen=True)
class Member:
    """A code of a value set; ``system`` is its FHIR URI."""

    system: str
    code: str
    display: str | None


@dataclass(frozen=True)
class ValueSet:
    """A value set with all codes of its expansion."""

    oid: str
    name: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class _Page:
    """An expansion, or the part of one from ``offset`` on; ``listed`` of ``total`` entries are in it."""

    oid: str
    name: str
    place: str
    offset: int
    listed: int
    total: int | None
    members: tuple[Member, ...]

    @property
    def title(self) -> str:
        return f"{self.name} ({self.oid})"

    def codes(self) -> frozenset[tuple[str, str]]:
        return frozenset((member.system, member.code) for member in self.members)


class _Fault(ValueError):
    """Why a value set or a file can't be read."""


def value_set_files(paths: Sequence[Path]) -> list[Path]:
    """Files named, and those below folders whose name ends as FHIR JSON, NDJSON or CSV do, gzip or not.

    Raises:
        VocabularyError: a path leads nowhere, or a folder holds none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_file():
            found[path] = None
        elif path.is_dir():
            files = [one for one in sorted(path.rglob("*")) if one.is_file() and _ending(one) in _ENDINGS]
            if not files:
                raise VocabularyError(f"{path} holds no file that ends in {', '.join(_ENDINGS)}, or so with .gz")
            found |= dict.fromkeys(files)
        else:
            raise VocabularyError(f"there is no file or folder {path}")
    return list(found)


def is_csv(path: Path) -> bool:
    """Whether a file is a table of members; all others are FHIR."""
    return _ending(path) == ".csv"


def _ending(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def read_value_sets(files: Sequence[Path], named: Sequence[Path] = ()) -> list[ValueSet]:
    """Value sets of FHIR files: single resources, bundles (of a measure, too), arrays and NDJSON of either.

    A value set may be there more than once with the same codes, and in pages of an expansion, which are put together.
    Codes that are inactive are members; entries that are abstract are not.

    Args:
        files: to read.
        named: those of them that must hold a value set; others may be about something else.

    Raises:
        VocabularyError: files can't be read, or value sets have no expansion, an empty one, a part of one, or codes
            that contradict each other; each is named, with what to do.
    """
    pages: dict[str, dict[int, _Page]] = {}
    faults: list[str] = []
    for path in files:
        try:
            count = 0
            for resource in _value_set_resources(path):
                count += 1
                try:
                    _add(pages, _page(resource, path.name))
                except _Fault as fault:
                    faults.append(str(fault))
            if not count and path in named:
                raise _Fault(f"{path.name} holds no ValueSet")
        except _Fault as fault:
            faults.append(str(fault))
    sets = []
    for parts in pages.values():
        try:
            sets.append(_whole(parts))
        except _Fault as fault:
            faults.append(str(fault))
    refuse(faults)
    return sets


def refuse(faults: Sequence[str]) -> None:
    """Raise what is wrong, the first of it at length.

    Raises:
        VocabularyError: there are faults.
    """
    if faults:
        more = f"; and {len(faults) - _FAULTS_TOLD} more" if len(faults) > _FAULTS_TOLD else ""
        raise VocabularyError(f"{'; '.join(faults[:_FAULTS_TOLD])}{more}. Nothing was loaded")


def _add(pages: dict[str, dict[int, _Page]], page: _Page) -> None:
    parts = pages.setdefault(page.oid, {})
    known = parts.setdefault(page.offset, page)
    if known.codes() != page.codes():
        raise _Fault(f"{page.title} has other codes in {known.place} than in {page.place}: keep one of them")


def _whole(parts: Mapping[int, _Page]) -> ValueSet:
    ordered = [parts[offset] for offset in sorted(parts)]
    first = ordered[0]
    listed = sum(page.listed for page in ordered)
    total = max((page.total for page in ordered if page.total is not None), default=listed)
    if listed < total:
        raise _Fault(
            f"{first.title} in {first.place} has {listed:,} of the {total:,} codes of its expansion: export all of it; "
            "pages may lie beside each other"
        )
    members = tuple(member for page in ordered for member in page.members)
    if not members:
        raise _Fault(
            f"{first.title} in {first.place} has an empty expansion: export it from a release in which it has codes"
        )
    return ValueSet(first.oid, first.name, members)


def _value_set_resources(path: Path) -> Iterator[Mapping[str, Any]]:
    waiting = _documents(path)
    while waiting:
        found = waiting.pop(0)
        if isinstance(found, list):
            waiting[:0] = found
        elif isinstance(found, dict):
            if found.get("resourceType") == "ValueSet":
                yield found
            elif found.get("resourceType") == "Bundle":
                entries = found.get("entry")
                waiting[:0] = [entry.get("resource") for entry in entries or () if isinstance(entry, dict)]


def _documents(path: Path) -> list[Any]:
    """The one document of a file, or one a line."""
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _Fault(
            f"{path.name} can't be read ({type(error).__name__}): it is cut off, damaged or forbidden"
        ) from None
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        return [orjson.loads(content)]
    except orjson.JSONDecodeError:
        pass
    documents = []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.strip():
            try:
                documents.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                where = f", nor NDJSON by its line {number}" if documents else ""
                raise _Fault(f"{path.name} is no JSON{where}: give FHIR JSON, or CSV that ends in .csv") from None
    return documents


def _page(resource: Mapping[str, Any], place: str) -> _Page:
    oid = _oid(resource)
    name = next((str(resource[key]) for key in ("title", "name") if resource.get(key)), oid or "a value set")
    if not oid:
        raise _Fault(f"{name} in {place} has neither an OID nor a url: without one no measure can name it")
    title = f"{name} ({oid}) in {place}"
    expansion = resource.get("expansion")
    if not isinstance(expansion, dict):
        raise _Fault(
            f"{title} has no expansion, only a definition: export it expanded (VSAC's download, or $expand of a server)"
        )
    members: list[Member] = []
    listed = 0
    for entry in _entries(expansion.get("contains"), title):
        listed += 1
        system, code, display = entry.get("system"), entry.get("code"), entry.get("display")
        if code is None or entry.get("abstract") is True:
            continue
        if not (_is_text(system) and _is_text(code)):
            raise _Fault(f"{title} lists a code without a code system: export it anew")
        members.append(Member(str(system), str(code), display if _is_text(display) else None))
    total, offset = expansion.get("total"), expansion.get("offset")
    return _Page(
        oid,
        name,
        place,
        offset if isinstance(offset, int) else 0,
        listed,
        total if isinstance(total, int) else None,
        tuple(members),
    )


def _entries(contains: Any, title: str) -> Iterator[Mapping[str, Any]]:
    """Entries with those below them."""
    waiting = [contains or []]
    while waiting:
        level = waiting.pop()
        if not isinstance(level, list) or not all(isinstance(entry, dict) for entry in level):
            raise _Fault(f"{title} has an expansion that is no list of codes: export it anew")
        for entry in level:
            yield entry
            if entry.get("contains"):
                waiting.append(entry["contains"])


def _is_text(value: Any) -> bool:
    # PostgreSQL's text has no NUL.
    return isinstance(value, str) and value.strip() != "" and "\x00" not in value


def _oid(resource: Mapping[str, Any]) -> str:
    """By ``identifier``, else ``url``, else ``id``; a url that ends in no OID names the set by its last segment."""
    identifiers = resource.get("identifier")
    told = [one.get("value") for one in identifiers or () if isinstance(one, dict)]
    url = str(resource.get("url") or "").split("|", 1)[0]
    last = url.rstrip("/").rsplit("/", 1)[-1]
    for candidate in (*told, last, resource.get("id")):
        found = _OID.fullmatch(str(candidate or ""))
        if found:
            return found[1]
    return last or str(resource.get("id") or "")
