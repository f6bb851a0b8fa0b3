"""Attachments that a resource has by address: fetched and put into it as ``data``.

The address stays. Of the formats a document comes in, which say the same (FHIR R4, DocumentReference.content and
DiagnosticReport.presentedForm), the one that gives text best is fetched.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import simplejson

from pipelines.fhir.mapping.attachment_text import TEXT_FORMATS
from pipelines.fhir.mapping.attachment_text import content_type as media_type
from pipelines.fhir_server.client import FHIR_JSON, Answer, Client, Request, TooLongError, write_object
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.findings import Findings
from pipelines.landing import open_content

_LINES_AT_A_TIME = 64
_UNSPECIFIC = frozenset({"application/octet-stream", "text/plain"})
_BASE64_GROWTH = 1.4
"""Base64 in JSON, with line ends, against what it encodes."""


def embed_attachments(client: Client, raw: Path, kind: str, parallel: int, findings: Findings) -> Path:
    """Give a downloaded file its final name, with attachments in it where its type has them.

    Where an attachment can't be had although the server does not refuse it, the type's watermark is held, so that the
    document is asked for again.
    """
    final = raw.with_suffix(".ndjson")
    if raw == final:
        return final
    if kind in ("DocumentReference", "DiagnosticReport") and client.server.maximum_attachment_bytes:
        part = raw.with_suffix(".part")
        with open_content(raw) as source, part.open("wb") as target, ThreadPoolExecutor(parallel) as pool:
            for lines in _groups(source):
                target.writelines(pool.map(lambda line: _with_attachments(client, kind, line, findings), lines))
        part.replace(final)
        raw.unlink()
    else:
        raw.replace(final)
    return final


def _groups(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    for line in lines:
        group.append(line)
        if len(group) == _LINES_AT_A_TIME:
            yield group
            group = []
    yield group


def _with_attachments(client: Client, kind: str, line: bytes, findings: Findings) -> bytes:
    """The line itself unless something was put into it: what is not changed stays byte for byte."""
    if b'"url"' not in line:
        return line
    try:
        resource = simplejson.loads(line.decode(), use_decimal=True)
    except (ValueError, RecursionError):
        return line
    if not isinstance(resource, dict) or "resourceType" not in resource or not _embed(client, kind, resource, findings):
        return line
    return write_object(resource)


def _embed(client: Client, kind: str, resource: Mapping[str, Any], findings: Findings) -> bool:
    """Fetch the best format of a resource's attachments; whether one was put into it."""
    attachments = list(_attachments(resource))
    if any(part.get("data") and _format(part.get("contentType")) in TEXT_FORMATS for part in attachments):
        return False
    by_address = [part for part in attachments if isinstance(part.get("url"), str) and not part.get("data")]
    readable = [part for part in by_address if _format(part.get("contentType")) in TEXT_FORMATS]
    # What does not say what it is may be anything: the server will say.
    candidates = sorted(readable, key=lambda part: TEXT_FORMATS.index(_format(part.get("contentType"))))
    candidates += [part for part in by_address if not part.get("contentType")]
    return any(_fetch(client, kind, part, findings) for part in candidates)


def _attachments(resource: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if resource.get("resourceType") == "DiagnosticReport":
        found = resource.get("presentedForm")
    else:
        contents = resource.get("content")
        found = (
            [part.get("attachment") for part in contents if isinstance(part, dict)]
            if isinstance(contents, list)
            else None
        )
    return (part for part in found if isinstance(part, dict)) if isinstance(found, list) else iter(())


def _format(content_type: object) -> str:
    """``text/html`` of ``Text/HTML; charset=utf-8``; empty where nothing is said."""
    return media_type(content_type)[0] if isinstance(content_type, str) and content_type else ""


def _fetch(client: Client, kind: str, attachment: dict[str, Any], findings: Findings) -> bool:
    """Put the content into an attachment; what the server refuses or what is too long stays by address, counted."""
    limit = client.server.maximum_attachment_bytes
    size = attachment.get("size")
    if isinstance(size, int) and size > limit:
        findings.add("attachment_too_long")
        return False
    url = client.resolved(attachment["url"])
    if urlsplit(url).scheme not in ("http", "https") or not client.may_ask(url):
        findings.add("attachment_elsewhere")
        return False
    request = Request(
        url, "attachment", headers={"Accept": FHIR_JSON}, maximum_bytes=int(limit * _BASE64_GROWTH) + (1 << 16)
    )
    try:
        content, content_type = _content(client.send(request))
    except TooLongError:
        findings.add("attachment_too_long")
        return False
    except FhirServerError as error:
        if error.status is None or error.status >= 500 or error.status in (401, 408, 429):
            findings.add("attachment_failed")
            findings.hold(kind, "attachments could not be fetched")
        else:
            # It concerns this document, as behind a break-the-glass; asking again would not help.
            findings.add(f"attachment_refused:{error.status}")
        return False
    if len(content) > limit:
        findings.add("attachment_too_long")
        return False
    if isinstance(size, int) and size != len(content):
        findings.add("attachment_size_differs")
    if not content:
        findings.add("attachment_empty")
        return False
    attachment["data"] = base64.b64encode(content).decode()
    if _says_more(content_type, attachment.get("contentType")):
        attachment["contentType"] = content_type
    findings.add("attachment_fetched")
    return True


def _says_more(content_type: str, known: object) -> bool:
    """Whether the type that came with the content says more of it than the one that the resource has."""
    kind = _format(content_type)
    if not kind or not known:
        return bool(kind)
    return "charset=" in content_type.lower() if kind == _format(known) else kind not in _UNSPECIFIC


def _content(answer: Answer) -> tuple[bytes, str]:
    """The bytes and their type: of a ``Binary`` in JSON, or as they came.

    Source: FHIR R4 Binary: a server may give the content itself whatever was asked for.
    """
    content_type = answer.headers.get("Content-Type", "")
    if _format(content_type) not in (FHIR_JSON, "application/json"):
        return answer.content, content_type
    try:
        binary = simplejson.loads(answer.content)
        if binary["resourceType"] == "Binary":
            data = "".join(str(binary.get("data") or "").split())
            return base64.b64decode(data, validate=True), str(binary.get("contentType") or "")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        raise FhirServerError("an attachment's Binary can't be read.", status=422) from None
    return answer.content, content_type
