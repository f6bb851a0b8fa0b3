"""Bulk Data exports: asked for, waited for, and what they give.

Source: Bulk Data Access 2.0, export: kick-off, status, delete request, and complete status (the manifest).
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from pipelines.fhir.mapping.elements import instant
from pipelines.fhir_server.capability import Way
from pipelines.fhir_server.client import FHIR_JSON, Client, Request, absolute
from pipelines.fhir_server.configuration import Export, Mode, Server
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.findings import Findings
from pipelines.fhir_server.journal import OpenExport, Watermark
from pipelines.fhir_server.waiting import retry_after

_JSON = "application/json"
# Of a server that did nothing yet: after another error a kick-off may have begun an export; asking again would begin a
# second one.
_BUSY = frozenset({429, 503})


class ExportGoneError(FhirServerError):
    """The server knows nothing of an export any more."""


@dataclass(frozen=True)
class Ask:
    """One export to ask for.

    Attributes:
        types: sent as ``_type``.
        whole: those of them that are asked for without any date.
        since: sent as ``_since``.
        filters: sent as ``_typeFilter``.
    """

    types: tuple[str, ...]
    whole: tuple[str, ...]
    since: datetime | None = None
    filters: tuple[str, ...] = ()


@dataclass(frozen=True)
class ManifestFile:
    """A file of an export; ``section`` is output, deleted or error, ``count`` what the manifest says it holds."""

    section: str
    kind: str
    url: str
    count: int | None

    @property
    def name(self) -> str:
        """What it holds, in our words: of a type that was asked for, or of a section."""
        return self.kind if self.section == "output" else self.section


@dataclass(frozen=True)
class Manifest:
    """What a finished export gives; without a usable ``transactionTime`` no watermark can be set.

    Attributes:
        needs_token: of its files: true, false, or None where it does not say, which the standard asks it to.
    """

    transaction_time: datetime | None
    needs_token: bool | None
    files: tuple[ManifestFile, ...] = field(default=())


def plan(server: Server, ways: Mapping[str, Way], marks: Mapping[str, Watermark]) -> list[Ask]:
    """The exports to ask for: one with ``_since`` and one without, as types need them."""
    export = server.export
    if export is None:
        return []
    overlap = timedelta(seconds=server.overlap_seconds)
    since = [kind for kind in export.types if kind in marks and ways[kind].mode is Mode.SINCE]
    asks = []
    if since:
        oldest = min(marks[kind].until for kind in since)
        asks.append(Ask(tuple(since), (), oldest - overlap, tuple(_configured(export, since))))
    rest = [kind for kind in export.types if kind not in since]
    if rest:
        windows = [kind for kind in rest if kind in marks and _asks_for_window(server, ways[kind], marks[kind])]
        filters = list(_configured(export, [kind for kind in rest if kind not in windows]))
        for kind in windows:
            begin = f"{ways[kind].parameter}=ge{timestamp(marks[kind].until - overlap)}"
            filters += [f"{kind}?{query}&{begin}" for query in export.type_filters.get(kind, ())] or [f"{kind}?{begin}"]
        asks.append(Ask(tuple(rest), tuple(kind for kind in rest if kind not in windows), None, tuple(filters)))
    return asks


def is_whole_due(server: Server, mark: Watermark) -> bool:
    """Whether a type that is asked for by created date is to be read whole again."""
    return mark.until - mark.whole_at >= timedelta(days=server.full_every_days)


def _asks_for_window(server: Server, way: Way, mark: Watermark) -> bool:
    return way.mode is Mode.CREATED and not is_whole_due(server, mark)


def _configured(export: Export, kinds: Sequence[str]) -> Iterator[str]:
    return (f"{kind}?{query}" for kind in kinds for query in export.type_filters.get(kind, ()))


def timestamp(value: datetime) -> str:
    """A FHIR instant in UTC with milliseconds."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def kick_off_url(client: Client, export: Export, ask: Ask) -> str:
    """The URL that begins an export.

    Types go in one comma list, since Oracle Health refuses ``_type`` twice; so do filters, whose own commas are
    encoded once more, so that they don't part them.
    """
    place = {"system": "$export", "patient": "Patient/$export", "group": f"Group/{export.group}/$export"}[export.of]
    parameters = {"_type": ",".join(ask.types)}
    if ask.since is not None:
        parameters["_since"] = timestamp(ask.since)
    if ask.filters:
        parameters["_typeFilter"] = ",".join(query.replace(",", quote(",")) for query in ask.filters)
    return client.url(f"{place}?{urlencode(parameters, quote_via=quote, safe=',')}")


def kick_off(client: Client, export: Export, ask: Ask) -> str:
    """Begin an export and return its status URL.

    Raises:
        FhirServerError: the server refuses or does not say where the status is.
    """
    url = kick_off_url(client, export, ask)
    headers = {"Accept": FHIR_JSON, "Prefer": "respond-async"}
    answer = client.send(
        Request(url, "kick-off of the export", headers=headers, expected=frozenset({202}), again_on=_BUSY)
    )
    place = answer.headers.get("Content-Location")
    if not place:
        raise FhirServerError(f"FHIR server {client.server.name}: the export began, but its status has no address.")
    return absolute(url, place)


def wait_for(
    client: Client, export: Export, status_url: str, findings: Findings, sleep: Callable[[float], None] = time.sleep
) -> Manifest:
    """Poll until the export is ready.

    Raises:
        ExportGoneError: the server does not know it any more.
        FhirServerError: it failed, or is not ready in ``give_up_hours``; the server goes on with it.
    """
    request = Request(
        status_url, "status of the export", headers={"Accept": _JSON}, expected=frozenset({200, 202}), bearer=True
    )
    give_up_at = time.monotonic() + export.give_up_hours * 3600
    pause = export.poll_seconds
    while True:
        try:
            answer = client.send(request)
        except FhirServerError as error:
            if error.status in (404, 410):
                raise ExportGoneError(str(error), status=error.status) from None
            raise FhirServerError(
                f"{error} The next run asks again; if it stays so, begin a new export with --restart.",
                status=error.status,
            ) from None
        if answer.status == 200:
            return read_manifest(answer.json(request.what), status_url, findings)
        if time.monotonic() > give_up_at:
            raise FhirServerError(
                f"FHIR server {client.server.name}: the export is not ready after {export.give_up_hours:g} hours; the "
                "server goes on with it, and the next run takes it up."
            )
        maximum = client.server.maximum_wait_seconds
        asked = retry_after(answer.headers, maximum)
        # A server that asks for no wait at all is not asked without end.
        sleep(max(asked, min(export.poll_seconds, maximum)) if asked is not None else min(pause, maximum))
        pause = min(pause * 2, maximum)


def read_manifest(content: Mapping[str, Any], base: str, findings: Findings) -> Manifest:
    """The files of a manifest; entries without an address are counted and left out."""
    files = []
    for section in ("output", "deleted", "error"):
        listed = content.get(section)
        entries = listed if isinstance(listed, list) else []
        for entry in entries:
            url = entry.get("url") if isinstance(entry, dict) else None
            if not isinstance(url, str) or not url:
                findings.add("manifest_entry_unusable")
                continue
            count = entry.get("count")
            known = count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
            files.append(ManifestFile(section, str(entry.get("type")), absolute(base, url), known))
    time_text = content.get("transactionTime")
    transaction_time = instant(time_text) if isinstance(time_text, str) else None
    needs_token = content.get("requiresAccessToken")
    return Manifest(transaction_time, needs_token if isinstance(needs_token, bool) else None, tuple(files))


def delete(client: Client, export: OpenExport, findings: Findings) -> None:
    """Tell the server that its files are no longer needed; Epic starts no other export before. Failing is counted."""
    expected = frozenset({200, 202, 204, 404, 410})
    request = Request(export.status_url, "deletion of the export", "DELETE", expected=expected, again_on=_BUSY)
    try:
        client.send(request)
    except FhirServerError:
        findings.add("export_not_deleted")
