"""Records of a landed file: lines of NDJSON, or the one document a file is; bundles give their entries."""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipelines.landing import open_content

SUFFIXES = (".ndjson", ".jsonl", ".json")

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK = BYTE_ORDER_MARK + b" \t\r\n"
ERASED = b'{"erased":true}'
"""What stands where a document or an entry was erased; it is no record."""

_ERASED = {"erased": True}
_VERSION = re.compile(r'(?:W/)?"([A-Za-z0-9\-.]{1,64})"')
_DELETED = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([^/?#]+)")

Line = tuple[int, bytes]
"""Line number from 1, and the line's bytes."""


@dataclass(frozen=True)
class Record:
    """One resource of a line, or why there is none.

    Attributes:
        line_number: from 1.
        entry: index in a bundle, None outside one.
        resource: the parsed resource, None if ``problem`` says why not.
        problem: a quarantine reason.
        deleted: the source removed the resource; of it only type, id and the time are there.
    """

    line_number: int
    entry: int | None
    resource: Mapping[str, Any] | None
    problem: str | None = None
    deleted: bool = False


def kind_of(path: Path, name: str | None = None) -> str:
    """``fhir-json`` for one document over several lines, else ``fhir-ndjson``.

    Args:
        name: what the content is called where it came from, if not by the path's last part.

    A damaged file named ``.json`` is NDJSON if any of its lines is a resource, so that one bad line costs one record.
    """
    try:
        with open_content(path) as stream:
            first = next((line for line in stream if line.strip(_BLANK)), b"")
            if _parse(first) is not None or not (name or path.name).lower().removesuffix(".gz").endswith(".json"):
                return "fhir-ndjson"
        with open_content(path) as stream:
            content = stream.read()
    except (EOFError, OSError, zlib.error):
        return "fhir-ndjson"
    if _parse(content) is not None:
        return "fhir-json"
    lines = (_parse(line) for line in content.splitlines() if line.strip(_BLANK).startswith(b"{"))
    is_ndjson = any(isinstance(found, dict) and "resourceType" in found for found in lines)
    return "fhir-ndjson" if is_ndjson else "fhir-json"


def _parse(content: bytes) -> Any:
    """The JSON value, None if it is none."""
    try:
        return orjson.loads(content.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        return None


def chunks(path: Path, kind: str, lines_each: int, bytes_each: int = 8 << 20) -> Iterator[list[Line]]:
    """Lines of a landed file in groups small enough to hand to a worker; a document is one line."""
    with open_content(path) as stream:
        if kind == "fhir-json":
            yield [(1, stream.read())]
            return
        group: list[Line] = []
        size = 0
        for number, line in enumerate(stream, start=1):
            if line.strip():
                group.append((number, line))
                size += len(line)
            if len(group) >= lines_each or size >= bytes_each:
                yield group
                group, size = [], 0
        if group:
            yield group


def records(line: Line) -> Iterator[Record]:
    """The resources of one line: itself, or the entries of a bundle with their references made absolute.

    What was erased gives none.

    Source: FHIR R4 Bundle, types transaction, batch, collection, searchset and history.
    """
    number, content = line
    try:
        value = _parsed(content.removeprefix(BYTE_ORDER_MARK))
    except _UnreadableError as error:
        yield Record(number, None, None, str(error))
        return
    if value == _ERASED:
        return
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        yield Record(number, None, None, "not_a_resource")
    elif value["resourceType"] == "Bundle":
        yield from _entries(number, value)
    else:
        yield Record(number, None, value)


class _UnreadableError(ValueError):
    """Text that is no JSON we can take; says why as a quarantine reason."""


def _parsed(content: bytes) -> Any:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _UnreadableError("not_json") from None
    try:
        # orjson writes no more than 254 levels, far more than FHIR has; without a limit recursion would give out.
        written = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise _UnreadableError("nested_too_deep") from None
    # orjson keeps the last of two members of one name, and which of two statuses counts is not ours to choose.
    if not _surely_kept_all(content, written):
        json.loads(content, object_pairs_hook=_once, parse_int=str, parse_float=str)
    return value


def _surely_kept_all(content: bytes, written: bytes) -> bool:
    """Whether as many members are in what was written as in what was read, as far as counting ``":"`` can tell.

    Where every name is followed by its colon at once and no character that a text may hold escaped is one of the two
    that are counted, each member and each text counts alike in both, so that one left out is missed.
    """
    has_space = b" :" in content or b"\t:" in content or b"\r:" in content or b"\n:" in content
    return not has_space and b"\\u00" not in content and content.count(b'":') == written.count(b'":')


def _once(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise _UnreadableError("duplicate_key")


def _entries(number: int, bundle: Mapping[str, Any]) -> Iterator[Record]:
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        yield Record(number, None, None, "not_r4" if entries is not None else "empty_bundle")
        return
    names = _names(entries)
    for index, entry in enumerate(entries):
        if entry == _ERASED:
            continue
        deleted = _deleted(bundle, entry)
        if deleted is not None:
            yield Record(number, index, deleted, deleted=True)
            continue
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            yield Record(number, index, None, "not_a_resource")
            continue
        _rename(resource, names)
        _date(resource, entry)
        if "id" not in resource and str(entry.get("fullUrl") or "").startswith("urn:uuid:"):
            resource["id"] = str(entry["fullUrl"]).removeprefix("urn:uuid:")
        yield Record(number, index, resource)


def _deleted(bundle: Mapping[str, Any], entry: Any) -> dict[str, Any] | None:
    """What a ``DELETE`` entry removes, with the time and version of the deletion in ``meta``.

    The time is the entry's own, else the bundle's. The bundle's version is none of the resource's.

    Source: Bulk Data Access 2.0, manifest ``deleted``; FHIR R4 §3.1.0.9 history, Bundle.entry.response.
    """
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict) or request.get("method") != "DELETE":
        return None
    named = _DELETED.fullmatch(str(request.get("url")))
    if named is None:
        return None
    response, meta = (_object(part) for part in (entry.get("response"), bundle.get("meta")))
    times = (response.get("lastModified"), meta.get("lastUpdated"), bundle.get("timestamp"))
    version = _VERSION.fullmatch(str(response.get("etag") or ""))
    said = {"lastUpdated": next((time for time in times if isinstance(time, str)), None)}
    said |= {"versionId": version and version[1]}
    meta = {name: value for name, value in said.items() if value is not None}
    return {"resourceType": named[1], "id": named[2], "meta": meta}


def _date(resource: dict[str, Any], entry: Mapping[str, Any]) -> None:
    """Give a resource that says no time the one that its entry says, as an entry of a history does."""
    modified = _object(entry.get("response")).get("lastModified")
    meta = resource.get("meta", {})
    if isinstance(modified, str) and isinstance(meta, dict) and "lastUpdated" not in meta:
        resource["meta"] = {**meta, "lastUpdated": modified}


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(entries: list[Any]) -> dict[str, str]:
    """``fullUrl`` to ``Type/id`` for the entries whose fullUrl is no address: references use it in their place."""
    names = {}
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("id") and str(entry.get("fullUrl") or "").startswith("urn:"):
            names[str(entry["fullUrl"])] = f"{resource.get('resourceType')}/{resource['id']}"
    return names


def _rename(value: Any, names: Mapping[str, str]) -> None:
    """Replace references by fullUrl, at any depth."""
    if isinstance(value, dict):
        target = value.get("reference")
        if isinstance(target, str) and target in names:
            value["reference"] = names[target]
        for part in value.values():
            _rename(part, names)
    elif isinstance(value, list):
        for part in value:
            _rename(part, names)
