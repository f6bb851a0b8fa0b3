"""Requests to one server and the hosts named for it: no faster than allowed, with a token where one belongs."""

import contextlib
import functools
import logging
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx
import simplejson
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from pipelines.fhir_server.authorization import PrivateKey, Tokens, read_key, token_request
from pipelines.fhir_server.codes import codes
from pipelines.fhir_server.configuration import Server, is_loopback
from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.waiting import RateLimit, retry_after

FHIR_JSON = "application/fhir+json"
MAXIMUM_JSON_BYTES = 256 << 20

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_AT_MOST = 5
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Request:
    """What to ask.

    Attributes:
        what: names the purpose in errors, such as ``search of Observation``; no id, no path.
        bearer: send the token to the server itself.
        bearer_elsewhere: send it to another host too, if ``download_hosts`` names that.
        again_on: statuses after which the request is made again.
        expected: statuses that are no error.
        maximum_bytes: of a body that is read whole.
        is_rated: whether it counts against the server's ``requests_per_second``.
    """

    url: str
    what: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    bearer: bool = True
    bearer_elsewhere: bool = False
    again_on: frozenset[int] = _AGAIN
    expected: frozenset[int] = frozenset({200})
    maximum_bytes: int = MAXIMUM_JSON_BYTES
    is_rated: bool = True


@dataclass(frozen=True)
class Answer:
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self, what: str) -> dict[str, Any]:
        """The JSON object in it; decimals keep their digits, as FHIR asks.

        Raises:
            FhirServerError: it is none.
        """
        return parse_object(self.content, what)


def parse_object(content: bytes, what: str) -> dict[str, Any]:
    """A JSON object whose decimals keep their digits.

    Raises:
        FhirServerError: it is none.
    """
    try:
        value = simplejson.loads(content.decode("utf-8-sig"), use_decimal=True)
    except (ValueError, RecursionError):
        raise FhirServerError(f"the answer to the {what} is no JSON.") from None
    if not isinstance(value, dict):
        raise FhirServerError(f"the answer to the {what} is no JSON object.")
    return value


def write_object(value: Mapping[str, Any]) -> bytes:
    """A line of JSON whose decimals keep their digits.

    Half a surrogate pair, which JSON can escape and UTF-8 can't encode, stays escaped: whoever reads the line refuses
    that one record.
    """
    write = functools.partial(simplejson.dumps, use_decimal=True, separators=(",", ":"))
    try:
        return bytes(write(value, ensure_ascii=False).encode() + b"\n")
    except UnicodeEncodeError:
        return bytes(write(value).encode() + b"\n")


class TooLongError(FhirServerError):
    """An answer is longer than it may be."""


class AgainError(FhirServerError):
    """An answer, or its absence, after which the same request may succeed."""

    def __init__(self, text: str, wait: float | None = None, **about: Any) -> None:
        super().__init__(text, **about)
        self.wait = wait


class Client:
    """Speaks to one server. Safe to share between threads.

    Nothing is taken from the environment: no proxy, no certificates, no passwords. Redirects are followed within the
    server's own origin; other hosts are asked only if the server's ``download_hosts`` name them.
    """

    def __init__(self, server: Server, key: PrivateKey | None = None) -> None:
        """Connect to nothing yet.

        Args:
            server: the server.
            key: the client's private key; default: read from the file that the server's authorization names.

        Raises:
            resources.private_files.PrivateFileError, FhirServerError: as ``read_key``.
        """
        # httpx logs every URL with its query, and httpcore headers with the token.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self.server = server
        self._rate = RateLimit(server.requests_per_second)
        self._http = httpx.Client(
            verify=_trust(server.certificates_file),
            trust_env=False,
            follow_redirects=False,
            timeout=server.timeout_seconds,
            headers={"User-Agent": "sanctum"},
        )
        self._token_url: str | None = None
        self._tokens: Tokens | None = None
        if server.authorization is not None:
            self._key = key or read_key(server.authorization)
            self._tokens = Tokens(self._ask_for_token)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def url(self, path: str) -> str:
        """A URL under the base."""
        return f"{self.server.base_url}/{path}"

    def resolved(self, url: str) -> str:
        """A URL that the server gave, relative to the base as FHIR has it."""
        return absolute(self.server.base_url + "/", url)

    def is_own(self, url: str) -> bool:
        """Whether a URL is of the server's own origin."""
        return _origin(url) == _origin(self.server.base_url)

    def may_ask(self, url: str) -> bool:
        """Whether a URL is of a host that the settings name."""
        scheme, host, port = _origin(url)
        named = host in self.server.download_hosts or f"{host}:{port}" in self.server.download_hosts
        return self.is_own(url) or (named and (scheme == "https" or (scheme == "http" and is_loopback(host))))

    def json(self, url: str, what: str, **parts: Any) -> dict[str, Any]:
        """Ask for FHIR JSON.

        Raises:
            FhirServerError: the server refuses, can't be reached or answers something else.
        """
        return self.send(Request(url, what, headers={"Accept": FHIR_JSON}, **parts)).json(what)

    def send(self, request: Request) -> Answer:
        """Make a request, again if that may help, and read the answer whole.

        Raises:
            TooLongError: the answer is longer than ``maximum_bytes``.
            FhirServerError: the server refuses, or can't be reached after all attempts.
        """
        for attempt in self._attempts():
            with attempt, self._answer(request) as response:
                return Answer(response.status_code, response.headers, self._body(response, request))
        raise AssertionError("tenacity ends with a result or an error")

    def backoff(self, attempt: int) -> float:
        """Seconds to wait after an attempt, numbered from 1, that came to nothing."""
        return float(min(self.server.backoff_seconds * 2 ** (attempt - 1), self.server.maximum_wait_seconds))

    @contextlib.contextmanager
    def stream(self, request: Request) -> Iterator[httpx.Response]:
        """Make a request, again if that may help, and leave the body of the answer to the caller.

        Raises:
            FhirServerError: as ``send``; also where the connection breaks while the caller reads.
        """
        with contextlib.ExitStack() as stack:
            for attempt in self._attempts():
                with attempt:
                    response = stack.enter_context(self._answer(request))
            yield response

    def _attempts(self) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(AgainError),
            wait=self._pause,
            stop=stop_after_attempt(self.server.attempts),
            reraise=True,
        )

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.wait if isinstance(error, AgainError) else None
        if asked is not None:
            return asked
        return self.backoff(state.attempt_number)

    @contextlib.contextmanager
    def _answer(self, request: Request) -> Iterator[httpx.Response]:
        """The answer to one attempt: with one new token where the old one is refused, redirected within the origin."""
        url, renewed = request.url, False
        for _redirect in range(_REDIRECTS_AT_MOST + 2):
            if not self.may_ask(url) and url != self._token_url:
                raise FhirServerError(
                    f"{self._named(request)} leads to another host: name it in download_hosts if that is right."
                )
            token = self._token_for(url, request)
            if request.is_rated:
                self._rate.wait()
            with self._sent(request, url, token) as response:
                if response.status_code == 401 and token is not None and not renewed and self._tokens is not None:
                    self._tokens.replace(token)
                    renewed = True
                    continue
                if response.status_code in _REDIRECTS and "Location" in response.headers and request.method == "GET":
                    target = absolute(url, response.headers["Location"])
                    if not self.is_own(target):
                        raise FhirServerError(f"{self._named(request)} is redirected to another host; not followed.")
                    url = target
                    continue
                self._check(request, response)
                yield response
                return
        raise FhirServerError(f"{self._named(request)} is redirected in a circle.")

    @contextlib.contextmanager
    def _sent(self, request: Request, url: str, token: str | None) -> Iterator[httpx.Response]:
        headers = dict(request.headers) | ({} if token is None else {"Authorization": f"Bearer {token}"})
        try:
            with self._http.stream(request.method, url, headers=headers, data=request.form) as response:
                yield response
        except httpx.TransportError as error:
            text = f"{self._named(request)}: no whole answer ({type(error).__name__})."
            may_repeat = request.method == "GET" and bool(request.again_on & {500, 502})
            again = may_repeat or isinstance(error, httpx.ConnectError)
            raise (AgainError(text) if again else FhirServerError(text)) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise FhirServerError(f"{self._named(request)}: {type(error).__name__}.") from None

    def _check(self, request: Request, response: httpx.Response) -> None:
        status = response.status_code
        if status in request.expected:
            return
        found = codes(_first_bytes(response))
        said = f" ({', '.join(found)})" if found else ""
        text = f"{self._named(request)}: HTTP {status}{said}."
        if status in request.again_on:
            wait = retry_after(response.headers, self.server.maximum_wait_seconds)
            raise AgainError(text, wait, status=status)
        raise FhirServerError(text, status=status)

    def _body(self, response: httpx.Response, request: Request) -> bytes:
        body = bytearray()
        for piece in response.iter_bytes(_BLOCK):
            body += piece
            if len(body) > request.maximum_bytes:
                raise TooLongError(f"{self._named(request)}: longer than {request.maximum_bytes} bytes.")
        return bytes(body)

    def _named(self, request: Request) -> str:
        return f"FHIR server {self.server.name}, {request.what}"

    def _token_for(self, url: str, request: Request) -> str | None:
        """The token, if this request carries one to this host."""
        if self._tokens is None or not request.bearer:
            return None
        return self._tokens.current() if self.is_own(url) or request.bearer_elsewhere else None

    def _ask_for_token(self) -> Mapping[str, Any]:
        authorization = self.server.authorization
        assert authorization is not None
        if self._token_url is None:
            self._token_url = authorization.token_url or self._discovered_token_url()
        for attempt in self._attempts():
            with attempt:
                # Each attempt has an assertion of its own: one that the server saw is spent.
                form = token_request(authorization, self._key, self._token_url)
                request = Request(
                    self._token_url, "request for a token", "POST", form=form, bearer=False,
                    headers={"Accept": "application/json"}, maximum_bytes=1 << 20,
                )  # fmt: skip
                with self._answer(request) as response:
                    content = self._body(response, request)
                return parse_object(content, request.what)
        raise AssertionError("tenacity ends with a result or an error")

    def _discovered_token_url(self) -> str:
        what = "SMART configuration"
        request = Request(
            self.url(".well-known/smart-configuration"), what, headers={"Accept": "application/json"}, bearer=False
        )
        found = self.send(request).json(what).get("token_endpoint")
        if not isinstance(found, str):
            raise FhirServerError(f"FHIR server {self.server.name}: its {what} names no token_endpoint; set token_url.")
        if not self.may_ask(found):
            raise FhirServerError(
                f"FHIR server {self.server.name}: its {what} has the token endpoint elsewhere; name it: token_url."
            )
        return found


@functools.cache
def _trust(certificates: Path | None) -> ssl.SSLContext:
    """The certificates to trust: those of a file, else this machine's. Reading them takes a while."""
    try:
        return ssl.create_default_context(cafile=certificates)
    except OSError:
        raise FhirServerError(f"{certificates} (certificates_file) can't be read as certificates.") from None


def absolute(base: str, url: str) -> str:
    """A URL relative to another; empty, which is of no host, where it is none or can't be sent."""
    try:
        joined = urljoin(base, url)
        joined.encode()
    except ValueError:
        return ""
    return joined


def _origin(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    except ValueError:
        return "", "", 0
    # What stands before an @ is a password or a trick.
    return ("", "", 0) if parts.username is not None else (parts.scheme, (parts.hostname or "").lower(), port)


def _first_bytes(response: httpx.Response) -> bytes:
    """The beginning of a body that explains an error; what can't be read explains nothing."""
    content = b""
    with contextlib.suppress(httpx.HTTPError):
        for piece in response.iter_bytes(_BLOCK):
            content += piece
            if len(content) >= _BLOCK:
                break
    return content
