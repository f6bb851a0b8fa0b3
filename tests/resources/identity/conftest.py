"""Keys made once, a loopback provider for each test, and what a refusal must be like."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from resources.identity import TokenError
from resources.identity.tokens import TokenVerifier
from tests.resources.identity.key_server import KeyServer, key_server, public_jwk

AUDIENCE = "sanctum-installation-17"

Refused = Callable[[TokenVerifier, str], str]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def rsa_key() -> RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def other_rsa_key() -> RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def ec_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def provider(rsa_key: RSAPrivateKey) -> Iterator[KeyServer]:
    with key_server() as server:
        server.serve_keys(public_jwk(rsa_key, kid="first", use="sig"))
        yield server


@pytest.fixture
def verifier(provider: KeyServer, clock: Clock) -> TokenVerifier:
    return TokenVerifier(provider.issuer, AUDIENCE, clock=clock)


@pytest.fixture
def claims(provider: KeyServer) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": provider.issuer,
        "sub": "subject-7f3a",
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 600,
        "name": "Zebulon Quux",
        "groups": ["nurses-of-ward-9"],
    }


def texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts_in(part)


def without_content(error: BaseException, token: str, claims: dict[str, Any]) -> str:
    """The error's text, which must have nothing of the token in it, and no cause that brings it along."""
    text = str(error)
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    assert not token or token not in text
    assert not any(part and part in text for part in token.split("."))
    assert not any(part and part in text for part in texts_in(claims))
    assert str(claims.get("exp")) not in text
    return text


@pytest.fixture
def refused(claims: dict[str, Any]) -> Refused:
    def verify(verifier: TokenVerifier, token: str) -> str:
        with pytest.raises(TokenError) as caught:
            verifier.verify(token)
        return without_content(caught.value, token, json.loads(json.dumps(claims)))

    return verify
