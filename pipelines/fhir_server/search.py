"""REST searches: pages followed to their end, each resource once, what the server leaves out or adds noticed.

Source: FHIR R4, RESTful API (search) and Bundle (searchset). ``next`` links are opaque: they are followed as they are.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from pipelines.fhir.mapping.elements import instant
from pipelines.fhir.resource_types import RESOURCE_TYPES
from pipelines.fhir_server.bulk import is_whole_due, timestamp
from pipelines.fhir_server.capability import Way
from pipelines.fhir_server.client import FHIR_JSON, Answer, Client, Request, write_object
from pipelines.fhir_server.codes import issues
from pipelines.fhir_server.configuration import Mode, Search, Server
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.journal import Watermark

_RESTARTS_AT_MOST = 2
_STALE_PAGES_AT_MOST = 3
# What a server answers to a link whose session has expired (Epic: 400 with 4113).
_EXPIRED = frozenset({400, 404, 410})
# FHIR R4 IssueType: the answer lacks something that was there to be found.
_INCOMPLETE = frozenset({"incomplete", "too-costly", "timeout", "transient", "throttled", "exception", "lock-error"})
_NOT_FILTERS = frozenset({"_count", "_include", "_revinclude", "_format", "_sort"})

Parameters = Sequence[tuple[str, str]]
_Page = tuple[Answer, dict[str, Any]]


class Sink:
    """A file of NDJSON that takes each resource once, however often it comes.

    Attributes:
        lines: written so far, by type; ``unknown`` for what R4 has no such type of.
        patients: ids of the patients among them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[str, int] = {}
        self.patients: set[str] = set()
        self._seen: set[bytes] = set()
        self._stream = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def put(self, resource: Mapping[str, Any]) -> None:
        """Write a resource unless its very content was written before."""
        line = write_object(resource)
        digest = hashlib.sha256(line).digest()[:16]
        if digest in self._seen:
            return
        self._seen.add(digest)
        self._stream.write(line)
        written = str(resource["resourceType"])
        kind = written if written in RESOURCE_TYPES else "unknown"
        self.lines[kind] = self.lines.get(kind, 0) + 1
        identifier = resource.get("id")
        if kind == "Patient" and isinstance(identifier, str) and identifier.isascii():
            self.patients.add(identifier)


@dataclass
class Searched:
    """What came of a search.

    Attributes:
        server_time: the server's time when it began; None: it does not say.
        problem: why it is not all, None if it is.
    """

    server_time: datetime | None = None
    problem: str | None = None


@dataclass
class _Pass:
    """One walk through the pages of a search, from the beginning."""

    visited: set[str] = field(default_factory=set)
    entries: set[bytes] = field(default_factory=set)
    stale_pages: int = 0


def window(server: Server, way: Way, mark: Watermark | None) -> Parameters:
    """The parameter that asks for what changed; none if everything is to be asked for."""
    if mark is None or way.mode is Mode.FULL or (way.mode is Mode.CREATED and is_whole_due(server, mark)):
        return ()
    name = way.parameter if way.mode is Mode.CREATED else "_lastUpdated"
    return ((str(name), f"ge{timestamp(mark.until - timedelta(seconds=server.overlap_seconds))}"),)


def run_search(
    client: Client, search: Search, extra: Parameters, needed: Sequence[str], sink: Sink, findings: Findings
) -> Searched:
    """Ask for all pages of a search.

    Args:
        extra: parameters beside the configured ones.
        needed: names among them without which the answer would be something else, such as other patients' data.

    Raises:
        FhirServerError: the server refuses, can't be reached, or ignores a parameter that is needed.
    """
    parameters = [(name, value) for name, values in search.parameters.items() for value in values]
    parameters += [*extra, ("_count", str(search.count))]
    first = client.url(f"{search.type}?{urlencode(parameters)}")
    result = Searched()
    for answer, bundle in _pages(client, search.type, first, result, findings):
        if bundle.get("resourceType") != "Bundle":
            raise FhirServerError(f"FHIR server {client.server.name}: a search of {search.type} gives no Bundle.")
        if result.server_time is None:
            result.server_time = _server_time(bundle, answer)
            _notice_ignored(client.server, bundle, [name for name, _value in parameters], needed, findings)
        _take(bundle, search.type, sink, result, findings)
    return result


def _pages(client: Client, kind: str, first: str, result: Searched, findings: Findings) -> Iterator[_Page]:
    """Pages until the last one; from the beginning again if the paging session expires or goes round in a circle."""
    restarts, url, walk = 0, first, _Pass()
    while True:
        walk.visited.add(url)
        try:
            answer = client.send(Request(url, f"search of {kind}", headers={"Accept": FHIR_JSON}))
        except FhirServerError as error:
            if url == first or error.status not in _EXPIRED or restarts == _RESTARTS_AT_MOST:
                raise
            findings.add("search_restarted")
            restarts, url, walk = restarts + 1, first, _Pass()
            continue
        bundle = answer.json(f"search of {kind}")
        yield answer, bundle
        link = _link(bundle, "next")
        if link is None:
            return
        url = client.resolved(link)
        if not _leads_on(bundle, url, walk, findings):
            if restarts == _RESTARTS_AT_MOST:
                result.problem = "pages repeat without end"
                return
            restarts, url, walk = restarts + 1, first, _Pass()


def _leads_on(bundle: Mapping[str, Any], next_url: str, walk: _Pass, findings: Findings) -> bool:
    """Whether following the next link can bring anything new. A single page that comes twice is no reason to stop."""
    content = {hashlib.sha256(repr(entry.get("resource")).encode()).digest()[:16] for entry in _entries(bundle)}
    is_stale = bool(content) and content <= walk.entries
    walk.entries |= content
    walk.stale_pages = walk.stale_pages + 1 if is_stale else 0
    circles = next_url in walk.visited
    if is_stale or circles:
        findings.add("page_repeated")
    return not circles and walk.stale_pages < _STALE_PAGES_AT_MOST


def _take(bundle: Mapping[str, Any], kind: str, sink: Sink, result: Searched, findings: Findings) -> None:
    """Matches and what they include go to the file; outcomes are counted; other matches were not asked for."""
    for entry in _entries(bundle):
        resource, about = entry.get("resource"), entry.get("search")
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            findings.add("entry_without_resource")
            continue
        mode = about.get("mode") if isinstance(about, dict) else None
        if mode == "outcome" or resource["resourceType"] == "OperationOutcome":
            _note_outcome(resource, result, findings)
        elif mode == "include" or resource["resourceType"] == kind:
            sink.put(resource)
        else:
            findings.add("type_not_asked")


def _note_outcome(outcome: Mapping[str, Any], result: Searched, findings: Findings) -> None:
    for severity, code in issues(outcome):
        findings.add(f"search_{severity}:{code}")
        if severity in ("error", "fatal") or code.split("/")[0] in _INCOMPLETE:
            result.problem = f"the server says {severity}: {code}"


def _notice_ignored(
    server: Server, bundle: Mapping[str, Any], asked: Sequence[str], needed: Sequence[str], findings: Findings
) -> None:
    """Compare the ``self`` link, which names the parameters that a server used, with those that were sent."""
    link = _link(bundle, "self")
    used = {name for name, _value in parse_qsl(urlsplit(link).query, keep_blank_values=True)} if link else set()
    if not used:
        return
    plain = {name.split(":")[0] for name in used}
    for name in dict.fromkeys(asked):
        if name not in _NOT_FILTERS and name.split(":")[0] not in plain:
            findings.add(f"filter_ignored:{name}")
            if name in needed:
                raise FhirServerError(f"FHIR server {server.name}: it ignores the search parameter {name}.")


def _server_time(bundle: Mapping[str, Any], answer: Answer) -> datetime | None:
    meta = bundle.get("meta")
    text = meta.get("lastUpdated") if isinstance(meta, dict) else None
    found = instant(text) if isinstance(text, str) else None
    if found is not None:
        return found
    try:
        return parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _entries(bundle: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    entries = bundle.get("entry")
    return (entry for entry in entries if isinstance(entry, dict)) if isinstance(entries, list) else iter(())


def _link(bundle: Mapping[str, Any], relation: str) -> str | None:
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == relation and isinstance(link.get("url"), str):
            return str(link["url"])
    return None
