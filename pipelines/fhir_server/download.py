"""The files of an export: several at a time, resumed where they broke off, and whole or not at all."""

import hashlib
import time
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson

from pipelines.fhir_server.bulk import Manifest, ManifestFile
from pipelines.fhir_server.client import AgainError, Client, Request
from pipelines.fhir_server.codes import issues
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.findings import Findings
from pipelines.landing import open_content

_TIMES_AT_MOST = 3
_NDJSON = "application/fhir+ndjson"


@dataclass(frozen=True)
class Downloaded:
    """A whole file: where it lies and how many lines it has."""

    file: ManifestFile
    path: Path
    lines: int


def download(
    client: Client, manifest: Manifest, asked: Sequence[str], folder: Path, parallel: int, findings: Findings
) -> list[Downloaded]:
    """Fetch the files of a manifest into a folder; what is there from an earlier run is not fetched again.

    They end in ``.raw`` until ``attachments.embed_attachments`` has dealt with them.

    They count against no rate: what is ready asks no questions of the server, and no vendor is known to limit it
    otherwise than by 429, which is heeded. How many come at a time is limited.

    Files of types that were not asked for are left where they are: a server that ignores ``_type`` is noticed.

    Raises:
        FhirServerError: a file can't be had whole.
    """
    wanted = []
    for file in dict.fromkeys(manifest.files):
        if file.section == "output" and file.kind not in asked:
            findings.add("type_not_asked")
            continue
        wanted.append(file)
    with ThreadPoolExecutor(parallel, thread_name_prefix="download") as pool:
        tasks = [pool.submit(_fetch, client, manifest, file, folder, findings) for file in wanted]
        try:
            return [task.result() for task in tasks]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _fetch(client: Client, manifest: Manifest, file: ManifestFile, folder: Path, findings: Findings) -> Downloaded:
    """One file, again if its last line is cut off, or if it has fewer lines than it should and not twice the same."""
    final = folder / f"{file.section}-{_address_digest(file.url)}.raw"
    part, finished = final.with_suffix(".part"), final.with_suffix(".ndjson")
    if finished.exists():
        return Downloaded(file, finished, count_lines(finished) or 0)
    former = None
    for _time in range(_TIMES_AT_MOST):
        if not final.exists():
            _transfer(client, manifest, file, part, findings)
            part.replace(final)
        lines = count_lines(final)
        if lines is None:
            findings.add("file_truncated")
        elif file.count is None or lines >= file.count or lines == former:
            if file.count is not None and lines != file.count:
                findings.add("count_differs")
            return Downloaded(file, final, lines)
        former = lines
        final.unlink()
    raise FhirServerError(
        f"FHIR server {client.server.name}: a file of {file.name} came {_TIMES_AT_MOST} times, and never whole."
    )


def count_lines(path: Path) -> int | None:
    """Lines of an NDJSON file that are not blank; None if the last one is no JSON or the gzip ends too early."""
    number, last = 0, b"{}"
    try:
        with open_content(path) as stream:
            for line in stream:
                if line.strip():
                    number, last = number + 1, line
        orjson.loads(last)
    except (EOFError, OSError, ValueError, zlib.error):
        return None
    return number


def _transfer(client: Client, manifest: Manifest, file: ManifestFile, part: Path, findings: Findings) -> None:
    """Bring a file to its end, from where it broke off if the server takes ``Range``."""
    server = client.server
    for number in range(1, server.attempts + 1):
        try:
            if _receive(client, manifest, file, part):
                return
            findings.add("download_restarted")
        except AgainError as error:
            # Opening has its own attempts; what comes here with a status has used them up.
            if number == server.attempts or error.status is not None:
                raise
            findings.add("download_broken")
            time.sleep(client.backoff(number))
    raise FhirServerError(f"FHIR server {server.name}: a file of {file.name} can't be had whole.")


def _receive(client: Client, manifest: Manifest, file: ManifestFile, part: Path) -> bool:
    """Append what is missing; False if it has to begin anew.

    Source: RFC 9110, section 14 (Range), 206, 416.
    """
    offset = part.stat().st_size if part.exists() else 0
    # Encoded content has other lengths than the file, so that neither Range nor a check of the length would hold.
    headers = {"Accept": _NDJSON, "Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    request = Request(
        file.url,
        f"download of a file of {file.name}",
        headers=headers,
        bearer=manifest.needs_token is not False,
        bearer_elsewhere=manifest.needs_token is True,
        expected=frozenset({200, 206, 416}),
        is_rated=False,
    )
    with client.stream(request) as response:
        if response.status_code == 416 or not _continues(response, offset):
            part.unlink(missing_ok=True)
            return False
        encoded = response.headers.get("Content-Encoding", "identity") != "identity"
        try:
            with part.open("ab" if response.status_code == 206 else "wb") as target:
                # As it comes: what waited for a block to fill would be lost where the connection breaks.
                for piece in response.iter_bytes() if encoded else response.iter_raw():
                    target.write(piece)
        except httpx.TransportError:
            if encoded:
                part.unlink()
            raise
        length = str(response.headers.get("Content-Length", ""))
        begin = offset if response.status_code == 206 else 0
        return encoded or not length.isdigit() or part.stat().st_size == begin + int(length)


def _continues(response: httpx.Response, offset: int) -> bool:
    """Whether a partial answer begins where we ended; a whole one always does."""
    if response.status_code != 206:
        return True
    return str(response.headers.get("Content-Range", "")).replace(" ", "").startswith(f"bytes{offset}-")


def report_errors(files: Sequence[Downloaded], types: Sequence[str], findings: Findings) -> None:
    """Count the issues of error files by severity and code, and hold all types unless each is mere information."""
    for downloaded in files:
        with open_content(downloaded.path) as stream:
            found = [issue for line in stream if line.strip() for issue in _issues(line)]
        for severity, code in found:
            findings.add(f"export_{severity}:{code}")
        if any(severity != "information" for severity, _code in found):
            for kind in types:
                findings.hold(kind, "the export reported errors")


def _issues(line: bytes) -> Sequence[tuple[str, str]]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return [("unknown", "unknown")]
    return issues(value) if isinstance(value, dict) else [("unknown", "unknown")]


def _address_digest(url: str) -> str:
    """Names the place of a file, without its query: a server may sign the same place anew each time."""
    parts = urlsplit(url)
    return hashlib.sha256(f"{parts.netloc}{parts.path}".encode()).hexdigest()[:24]
