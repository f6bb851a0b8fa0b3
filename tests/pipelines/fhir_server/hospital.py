"""A FHIR server on loopback that speaks SMART Backend Services, Bulk Data and search, and errs as it is told to."""

import contextlib
import json
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import jwt

Resource = dict[str, Any]
NOW = "2026-03-01T12:00:00.000Z"


@dataclass
class Reply:
    """An answer. ``cut`` ends the connection after so many bytes of the body."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None


def as_json(value: object, status: int = 200, **headers: str) -> Reply:
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/fhir+json", **names})


def outcome(
    code: str, severity: str = "error", diagnostics: str = "MRN 12345 Doe", number: str | None = None
) -> Resource:
    details = {"details": {"coding": [{"system": "urn:oid:1.2.840.114350", "code": number}]}} if number else {}
    issue = {"severity": severity, "code": code, "diagnostics": diagnostics, **details}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    form: dict[str, str]

    @property
    def bearer(self) -> str | None:
        return self.headers.get("Authorization", "").removeprefix("Bearer ") or None


@dataclass
class Hospital:
    """State of the server; a test changes what it likes.

    Attributes:
        mistakes: by path (below /fhir, or whole), replies given in order before the real one. A callable gets the
            real reply to spoil; None leaves it alone.
        public_keys: JWK Set entries by kid.
        files: body by path of export files; ``manifest`` overrides parts of the manifest.
    """

    port: int = 0
    mistakes: dict[str, list[Reply | Callable[[Reply], Reply] | None]] = field(
        default_factory=lambda: defaultdict(list)
    )
    requests: list[Asked] = field(default_factory=list)
    public_key: Any = None
    algorithm: str = "RS384"
    token_life: int = 300
    tokens: set[str] = field(default_factory=set)
    used_ids: set[str] = field(default_factory=set)
    resources: dict[str, Resource] = field(default_factory=dict)
    binaries: dict[str, Reply] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    errors: list[Resource] = field(default_factory=list)
    manifest: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    file_place: str | None = None
    polls: int = 1
    tracks_updates: bool = True
    parameters: dict[str, list[str]] = field(default_factory=dict)
    time: str = NOW
    page_size: int = 2
    exports: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines_each: int = 3
    needs_token: bool = True
    refused_patients: set[str] = field(default_factory=set)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}/fhir"

    def add(self, *resources: Resource) -> None:
        self.resources.update({f"{r['resourceType']}/{r['id']}": r for r in resources})

    def asked(self, path: str, method: str = "GET") -> list[Asked]:
        return [one for one in self.requests if one.path.removeprefix("/fhir/") == path and one.method == method]

    def counted(self) -> Counter[str]:
        return Counter(one.path.removeprefix("/fhir/") for one in self.requests)

    def of_type(self, kind: str, since: str = "") -> list[Resource]:
        found = [r for r in self.resources.values() if r["resourceType"] == kind]
        return [r for r in found if (r.get("meta") or {}).get("lastUpdated", "9") >= since]

    # What it answers.

    def reply(self, asked: Asked) -> Reply:
        path = asked.path.removeprefix("/fhir/")
        if path == "token":
            return self._token(asked)
        if path == ".well-known/smart-configuration":
            return as_json({"token_endpoint": f"{self.base}/token"})
        if path == "metadata":
            return as_json(self._capabilities())
        if path.startswith("files/") and not self.needs_token:
            return self._file(path, asked)
        if self.public_key is not None and asked.bearer not in self.tokens:
            return as_json(outcome("login"), 401)
        return self._resource(path, asked)

    def _resource(self, path: str, asked: Asked) -> Reply:
        if path.endswith("$export"):
            return self._kick_off(asked)
        if path.startswith("status/"):
            return self._status(path, asked)
        if path.startswith("files/"):
            return self._file(path, asked)
        if path.startswith("Binary/"):
            return self.binaries.get(path, Reply(404))
        if path == "pages":
            return self._page(asked, int(asked.query["from"][0]), asked.query["q"][0])
        return self._page(asked, 0, f"{path}?" + "&".join(f"{k}={v}" for k, vs in asked.query.items() for v in vs))

    def _token(self, asked: Asked) -> Reply:
        claims = jwt.decode(
            asked.form["client_assertion"],
            self.public_key,
            algorithms=[self.algorithm],
            audience=f"{self.base}/token",
            options={"require": ["iss", "sub", "exp", "jti"]},
        )
        assert claims["iss"] == claims["sub"] == "client"
        assert claims["exp"] - time.time() <= 300
        assert claims["jti"] not in self.used_ids
        assert asked.form["grant_type"] == "client_credentials"
        assert asked.form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        self.used_ids.add(claims["jti"])
        token = f"token-{uuid.uuid4()}"
        self.tokens.add(token)
        return as_json({"access_token": token, "token_type": "bearer", "expires_in": self.token_life})

    def _capabilities(self) -> Resource:
        everywhere = ["_lastUpdated"] if self.tracks_updates else []
        kinds = {r["resourceType"] for r in self.resources.values()} | set(self.parameters)
        resources = [
            {"type": kind, "searchParam": [{"name": name} for name in everywhere + self.parameters.get(kind, [])]}
            for kind in sorted(kinds)
        ]
        group = {"type": "Group", "operation": [{"name": "group-export"}]}
        return {
            "resourceType": "CapabilityStatement",
            "fhirVersion": "4.0.1",
            "software": {"name": "hospital", "version": "1"},
            "rest": [{"mode": "server", "resource": [*resources, group], "operation": [{"name": "export"}]}],
        }

    def _kick_off(self, asked: Asked) -> Reply:
        assert asked.headers["Prefer"] == "respond-async"
        number = str(len(self.exports) + 1)
        self.exports[number] = {"query": asked.query, "polls": self.polls, "path": asked.path, "deleted": False}
        return Reply(202, headers={"Content-Location": f"{self.base}/status/{number}"})

    def _status(self, path: str, asked: Asked) -> Reply:
        export = self.exports.get(path.removeprefix("status/"))
        if export is None or export["deleted"]:
            return as_json(outcome("not-found"), 404)
        if asked.method == "DELETE":
            export["deleted"] = True
            return Reply(202)
        if export["polls"] > 0:
            export["polls"] -= 1
            return Reply(202, headers={"X-Progress": "going"})
        return as_json(self._manifest(path.removeprefix("status/"), export))

    def _manifest(self, number: str, export: dict[str, Any]) -> Resource:
        place = self.file_place or self.base
        since = export["query"].get("_since", [""])[0]
        output = []
        for kind in export["query"]["_type"][0].split(","):
            found = self.of_type(kind, since)
            for begin in range(0, len(found), self.lines_each):
                part = found[begin : begin + self.lines_each]
                export[f"{kind}-{begin}"] = b"".join(json.dumps(r).encode() + b"\n" for r in part)
                entry = {"type": kind, "url": f"{place}/files/{number}/{kind}-{begin}", "count": len(part)}
                output.append(entry | self.output)
        sections: Resource = {"output": output, "deleted": [], "error": []}
        if self.deleted:
            entries = [{"request": {"method": "DELETE", "url": url}} for url in self.deleted]
            export["deleted-0"] = json.dumps(
                {"resourceType": "Bundle", "type": "transaction", "entry": entries}
            ).encode()
            sections["deleted"] = [{"type": "Bundle", "url": f"{place}/files/{number}/deleted-0"}]
        if self.errors:
            export["errors-0"] = b"".join(json.dumps(one).encode() + b"\n" for one in self.errors)
            sections["error"] = [{"type": "OperationOutcome", "url": f"{place}/files/{number}/errors-0"}]
        return {"transactionTime": self.time, "requiresAccessToken": self.needs_token, **sections, **self.manifest}

    def _file(self, path: str, asked: Asked) -> Reply:
        _files, number, name = path.split("/")
        body: bytes = self.exports[number][name]
        begin = asked.headers.get("Range", "")
        if not begin:
            return Reply(200, body, {"Content-Type": "application/fhir+ndjson"})
        offset = int(begin.removeprefix("bytes=").removesuffix("-"))
        return Reply(206, body[offset:], {"Content-Range": f"bytes {offset}-{len(body) - 1}/{len(body)}"})

    def _page(self, asked: Asked, begin: int, query: str) -> Reply:
        kind, _, text = query.partition("?")
        parameters = dict(parse_qsl(unquote(text), keep_blank_values=True))
        if parameters.get("patient") in self.refused_patients:
            return as_json(outcome("forbidden"), 403)
        found = self.of_type(kind, parameters.get("_lastUpdated", "").removeprefix("ge"))
        if "patient" in parameters:
            wanted = f"Patient/{parameters['patient']}"
            found = [r for r in found if wanted in json.dumps(r)]
        entries: list[Resource] = [{"resource": r, "search": {"mode": "match"}} for r in found]
        page = entries[begin : begin + self.page_size]
        links = [{"relation": "self", "url": f"{self.base}/{query}"}]
        if begin + self.page_size < len(entries):
            after = (
                f"{self.base}/pages?opaque=%2F%3D&from={begin + self.page_size}&q={kind}%3F{text.replace('&', '%26')}"
            )
            links.append({"relation": "next", "url": after})
        bundle = {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": page}
        return as_json({**bundle, "meta": {"lastUpdated": self.time}})


@contextlib.contextmanager
def hospital() -> Iterator[Hospital]:
    state = Hospital()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            form = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
            parts = urlsplit(self.path)
            asked = Asked(
                self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), dict(self.headers), form
            )
            with lock:
                state.requests.append(asked)
                mistakes = state.mistakes[asked.path.removeprefix("/fhir/")]
                mistake = mistakes.pop(0) if mistakes else None
                reply = mistake if isinstance(mistake, Reply) else state.reply(asked)
                if callable(mistake):
                    reply = mistake(reply)
            with contextlib.suppress(ConnectionError):
                self.answer(reply)

        do_POST = do_DELETE = do_GET

        def answer(self, reply: Reply) -> None:
            self.send_response_only(reply.status)
            headers = {"Date": formatdate(usegmt=True), "Content-Length": str(len(reply.body)), **reply.headers}
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body if reply.cut is None else reply.body[: reply.cut])
            if reply.cut is not None or not headers["Content-Length"]:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
