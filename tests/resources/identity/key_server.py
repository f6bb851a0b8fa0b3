"""A provider of our own on loopback: its keys, its answers and its mistakes are the test's to choose."""

import base64
import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

DISCOVERY = "/.well-known/openid-configuration"

Answer = Callable[[BaseHTTPRequestHandler], None]


def answer_json(value: object) -> Answer:
    return answer_bytes(json.dumps(value).encode())


def answer_bytes(body: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


@dataclass
class KeyServer:
    """Answers by path; anything else is 404. ``requests`` are the paths asked for."""

    port: int
    scheme: str = "http"
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def serve_keys(self, *keys: Mapping[str, Any], jwks_uri: str | None = None, issuer: str | None = None) -> None:
        place = jwks_uri or f"{self.issuer}/keys"
        self.answers[DISCOVERY] = answer_json({"issuer": issuer or self.issuer, "jwks_uri": place})
        self.answers["/keys"] = answer_json({"keys": keys})


@contextlib.contextmanager
def key_server(context: ssl.SSLContext | None = None) -> Iterator[KeyServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            with contextlib.suppress(ConnectionError):
                state.answers.get(self.path, answer_bytes(b"", 404))(self)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    state = KeyServer(server.server_address[1], "http" if context is None else "https")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def public_jwk(key: Any, **members: object) -> dict[str, Any]:
    """The public JWK of a private key, with members such as kid, use and alg."""
    kind = RSAAlgorithm if isinstance(key, RSAPrivateKey) else OKPAlgorithm
    algorithm = ECAlgorithm if isinstance(key, EllipticCurvePrivateKey) else kind
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), **members}


def sign(claims: Mapping[str, Any], key: Any, algorithm: str = "RS256", **header: object) -> str:
    return jwt.encode(dict(claims), key, algorithm, headers={"kid": "first", **header})


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
