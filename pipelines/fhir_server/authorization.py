"""SMART Backend Services: a signed assertion for a token, the token for as long as it lasts.

Source: SMART App Launch 2.2, Backend Services, and Asymmetric Client Authentication; RFC 7523.
"""

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from pipelines.fhir_server.configuration import Authorization
from pipelines.fhir_server.errors import FhirServerError
from resources.private_files import read_private

ASSERTION_SECONDS = 240
"""Life of an assertion; the standard allows no more than five minutes."""

_DEFAULT_LIFE_SECONDS = 300.0
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SMALLEST_RSA_BITS = 2048

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


def read_key(authorization: Authorization) -> PrivateKey:
    """The client's private key.

    Raises:
        resources.private_files.PrivateFileError: the file is missing or others may read it.
        FhirServerError: it holds no key that fits the algorithm.
    """
    path = authorization.private_key_file
    if path is None:
        raise FhirServerError("the authorization names no private_key_file.")
    content = read_private(path, "the private key of a FHIR client")
    return parse_key(content, authorization.algorithm, str(path))


def parse_key(pem: bytes, algorithm: str, where: str) -> PrivateKey:
    """A private key for RS384 (RSA, 2048 bits or more) or ES384 (P-384).

    Raises:
        FhirServerError: it is none; ``where`` names it.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        raise FhirServerError(f"{where} holds no private key (PEM, without a password).") from None
    if algorithm == "RS384" and isinstance(key, RSAPrivateKey) and key.key_size >= _SMALLEST_RSA_BITS:
        return key
    if algorithm == "ES384" and isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP384R1):
        return key
    raise FhirServerError(f"{where} holds no key for {algorithm}: RSA of 2048 bits or more, or the curve P-384.")


def public_key_set(authorization: Authorization) -> dict[str, list[dict[str, Any]]]:
    """The JWK Set to register with the server or to publish under ``jwks_url`` (RFC 7517).

    Raises:
        as ``read_key``.
    """
    key = read_key(authorization)
    if isinstance(key, RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    described = {"kid": authorization.key_id, "alg": authorization.algorithm, "use": "sig", "key_ops": ["verify"]}
    return {"keys": [{**jwk, **described}]}


def assertion(authorization: Authorization, key: PrivateKey, token_url: str) -> str:
    """A signed assertion, good for one request."""
    now = int(time.time())
    claims = {
        "iss": authorization.client_id,
        "sub": authorization.client_id,
        "aud": token_url,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
        "jti": str(uuid.uuid4()),
    }
    headers = {"kid": authorization.key_id, "typ": "JWT"}
    if authorization.jwks_url is not None:
        headers["jku"] = authorization.jwks_url
    return jwt.encode(claims, key, authorization.algorithm, headers)


def token_request(authorization: Authorization, key: PrivateKey, token_url: str) -> dict[str, str]:
    """The form that asks for a token."""
    return {
        "grant_type": "client_credentials",
        "scope": " ".join(authorization.scopes),
        "client_assertion_type": _ASSERTION_TYPE,
        "client_assertion": assertion(authorization, key, token_url),
    }


class Tokens:
    """The token in use, renewed before it expires. Safe to share between threads."""

    def __init__(self, ask: Callable[[], Mapping[str, Any]], clock: Callable[[], float] = time.monotonic) -> None:
        """Keep what ``ask`` brings.

        Args:
            ask: asks for a new token and returns the answer of the token endpoint.
            clock: seconds from any start, never going back.
        """
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = float("-inf")

    def current(self) -> str:
        """A token that does not expire within the next seconds.

        Raises:
            FhirServerError: there is none to be had.
        """
        with self._lock:
            if self._clock() >= self._good_until:
                self._renew()
            return self._token

    def replace(self, refused: str) -> None:
        """Get a new token in place of one that the server refused, unless another thread has it already."""
        with self._lock:
            if self._token == refused:
                self._renew()

    def _renew(self) -> None:
        asked_at = self._clock()
        answer = self._ask()
        token = answer.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise FhirServerError("the token endpoint's answer has no access_token.")
        if str(answer.get("token_type", "bearer")).lower() != "bearer":
            raise FhirServerError("the token endpoint gives a token of another type than bearer.")
        life = answer.get("expires_in")
        seconds = float(life) if isinstance(life, int | float) and life > 0 else _DEFAULT_LIFE_SECONDS
        self._token = token
        # A request that is under way when the token expires would be refused.
        self._good_until = asked_at + seconds - min(30.0, seconds / 5)
