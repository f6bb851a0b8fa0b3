"""Forged, stale and foreign tokens are refused, each by the check that is meant for it."""

import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from resources.identity import TokenError
from resources.identity.tokens import MAXIMUM_LENGTH, TokenVerifier
from tests.resources.identity.conftest import AUDIENCE, Refused
from tests.resources.identity.key_server import KeyServer, encoded, public_jwk, sign

Claims = dict[str, Any]


def test_a_good_token_gives_its_claims(verifier: TokenVerifier, claims: Claims, rsa_key: Any) -> None:
    assert verifier.verify(sign(claims, rsa_key)) == claims
    several = {**claims, "aud": ["another", AUDIENCE]}
    assert verifier.verify(sign(several, rsa_key, typ="at+JWT"))["aud"] == ["another", AUDIENCE]


@pytest.mark.parametrize(
    ("algorithm", "make"),
    [
        *((name, None) for name in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        ("ES256", lambda: ec.generate_private_key(ec.SECP256R1())),
        ("ES384", lambda: ec.generate_private_key(ec.SECP384R1())),
        ("ES512", lambda: ec.generate_private_key(ec.SECP521R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate),
        ("EdDSA", ed448.Ed448PrivateKey.generate),
    ],
)
def test_every_algorithm_of_the_list(
    provider: KeyServer,
    verifier: TokenVerifier,
    claims: Claims,
    algorithm: str,
    make: Callable[[], Any] | None,
    rsa_key: Any,
) -> None:
    key = rsa_key if make is None else make()
    provider.serve_keys(public_jwk(key, kid="first"))
    assert verifier.verify(sign(claims, key, algorithm)) == claims


def test_a_wrong_signature_is_refused(
    verifier: TokenVerifier, claims: Claims, rsa_key: Any, other_rsa_key: Any, refused: Refused
) -> None:
    assert "signature" in refused(verifier, sign(claims, other_rsa_key))
    header, _payload, signature = sign(claims, rsa_key).split(".")
    changed = encoded({**claims, "groups": ["administrators"]})
    assert "signature" in refused(verifier, f"{header}.{changed}.{signature}")
    assert "signature" in refused(verifier, f"{header}.{encoded(claims)}.")


@pytest.mark.parametrize("name", ["none", "None", "NONE", "HS256", "HS512", "ES256K", "RS1", "", 7, None, ["RS256"]])
def test_algorithms_off_the_list_are_refused(
    verifier: TokenVerifier, provider: KeyServer, claims: Claims, rsa_key: Any, refused: Refused, name: object
) -> None:
    header = encoded({"alg": name, "kid": "first", "typ": "JWT"})
    signature = sign(claims, rsa_key).split(".")[2]
    for third in ("", signature):
        assert "alg" in refused(verifier, f"{header}.{encoded(claims)}.{third}")
    assert provider.requests == []


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(
    verifier: TokenVerifier, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    secret = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{encoded({'alg': 'HS256', 'kid': 'first', 'typ': 'JWT'})}.{encoded(claims)}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    token = f"{signed}.{encoded(signature)}"
    assert "alg" in refused(verifier, token)


def test_an_algorithm_of_another_key_type_is_refused(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, ec_key: Any, refused: Refused
) -> None:
    provider.serve_keys(public_jwk(rsa_key, kid="first"), public_jwk(ec_key, kid="second"))
    assert "alg" in refused(verifier, sign(claims, ec_key, "ES256"))
    assert "alg" in refused(verifier, sign(claims, rsa_key, "RS256", kid="second"))


def test_a_key_is_used_for_the_one_algorithm_it_names(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    provider.serve_keys(public_jwk(rsa_key, kid="first", alg="PS256"))
    assert verifier.verify(sign(claims, rsa_key, "PS256")) == claims
    assert "alg" in refused(verifier, sign(claims, rsa_key, "RS256"))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"exp": -1}, "expired"),
        ({"exp": None}, "no exp"),
        ({"exp": "9999999999"}, "exp is no time"),
        ({"exp": True}, "exp is no time"),
        ({"exp": 1e400}, "exp is no time"),
        ({"exp": 10**30}, "exp is no time"),
        ({"nbf": 300}, "not yet valid"),
        ({"nbf": "soon"}, "malformed"),
        ({"iat": 300}, "not yet valid"),
        ({"iat": "later"}, "iat"),
        ({"aud": "another-service"}, "audience"),
        ({"aud": ["another-service", "a-third"]}, "audience"),
        ({"aud": [AUDIENCE, 7]}, "audience"),
        ({"aud": {AUDIENCE: True}}, "audience"),
        ({"aud": AUDIENCE + "0"}, "audience"),
        ({"aud": AUDIENCE.upper()}, "audience"),
        ({"aud": []}, "no aud"),
        ({"aud": None}, "no aud"),
        ({"iss": "https://elsewhere.example"}, "issuer"),
        ({"iss": ["https://elsewhere.example"]}, "issuer"),
        ({"iss": None}, "no iss"),
        ({"sub": None}, "no sub"),
        ({"sub": 4711_000_815}, "sub"),
        ({"sub": ""}, "sub"),
        ({"sub": "nul\0byte"}, "sub"),
        ({"sub": "s" * 256}, "sub"),
        ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "events"),
    ],
)
def test_wrong_claims_are_refused(
    verifier: TokenVerifier, claims: Claims, rsa_key: Any, refused: Refused, change: Claims, word: str
) -> None:
    for name, value in change.items():
        claims[name] = int(time.time()) + value if type(value) is int and abs(value) < 1000 else value
        if value is None:
            del claims[name]
    token = f"{encoded({'alg': 'RS256', 'kid': 'first'})}.{encoded(claims)}"
    if claims.get("iss") is None or isinstance(claims["iss"], str):
        token = sign(claims, rsa_key)
    else:
        signature = jwt.get_algorithm_by_name("RS256").sign(token.encode(), rsa_key)
        token = f"{token}.{encoded(signature)}"
    assert word in refused(verifier, token)


def test_the_issuer_is_compared_character_by_character(
    verifier: TokenVerifier, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    for issuer in (claims["iss"] + "/", claims["iss"].replace("127.0.0.1", "localhost"), claims["iss"].upper()):
        claims["iss"] = issuer
        assert "issuer" in refused(verifier, sign(claims, rsa_key))


def test_a_provider_whose_clock_is_a_little_ahead_is_believed(
    verifier: TokenVerifier, claims: Claims, rsa_key: Any
) -> None:
    soon = {**claims, "iat": claims["iat"] + 10, "nbf": claims["iat"] + 10}
    assert verifier.verify(sign(soon, rsa_key)) == soon


def test_headers_that_ask_for_more_or_bring_a_key_do_not_help(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, other_rsa_key: Any, refused: Refused
) -> None:
    for crit in (["b64"], ["exp"], [], "b64", [7]):
        header = encoded({"alg": "RS256", "kid": "first", "crit": crit, "exp": 1})
        assert "crit" in refused(verifier, f"{header}.{encoded(claims)}.AAAA")
    signed = f"{encoded({'alg': 'RS256', 'kid': 'first', 'crit': ['b64'], 'b64': True})}.{encoded(claims)}"
    signature = jwt.get_algorithm_by_name("RS256").sign(signed.encode(), rsa_key)
    assert "crit" in refused(verifier, f"{signed}.{encoded(signature)}")

    stranger = public_jwk(other_rsa_key, kid="first")
    provider.serve_keys(public_jwk(rsa_key, kid="first"))
    with_keys = {"jwk": stranger, "jku": f"{provider.issuer}/theirs", "x5u": f"{provider.issuer}/certificate"}
    assert "signature" in refused(verifier, sign(claims, other_rsa_key, **with_keys))
    assert "kid" in refused(verifier, sign(claims, other_rsa_key, **with_keys, kid="unknown"))
    assert set(provider.requests) <= {"/.well-known/openid-configuration", "/keys"}


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "JOSE", 7])
def test_other_things_that_the_provider_signs_are_refused(
    verifier: TokenVerifier, claims: Claims, rsa_key: Any, refused: Refused, kind: object
) -> None:
    assert "typ" in refused(verifier, sign(claims, rsa_key, typ=kind))


def test_keys_for_other_uses_are_not_used(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    secret = {"kty": "oct", "kid": "first", "k": encoded(b"x" * 64)}
    private = {**RSAAlgorithm.to_jwk(rsa_key, as_dict=True), "kid": "first", "key_ops": ["sign", "verify"]}
    for key in (
        public_jwk(rsa_key, kid="first", use="enc"),
        public_jwk(rsa_key, kid="first", use="tls"),
        public_jwk(rsa_key, kid="first", key_ops=["encrypt"]),
        public_jwk(rsa_key, kid="first", alg="RSA-OAEP"),
        public_jwk(rsa_key, kid=["first"]),
        public_jwk(rsa_key, kid="first", n="AQ"),
        public_jwk(rsa_key, kid="first", n=7),
        private,
        secret,
        {"kty": ["RSA"], "kid": "first"},
        "first",
    ):
        provider.serve_keys(key)
        fresh = TokenVerifier(provider.issuer, AUDIENCE)
        assert "kid" in refused(fresh, sign(claims, rsa_key))


def test_a_short_rsa_key_is_refused(provider: KeyServer, verifier: TokenVerifier, claims: Claims) -> None:
    short = rsa.generate_private_key(65537, 1024)
    provider.serve_keys(public_jwk(short, kid="first"))
    with pytest.warns(match="below the minimum"):
        token = sign(claims, short)
    with pytest.raises(TokenError, match="too short"):
        verifier.verify(token)


def test_a_token_without_kid_is_taken_where_only_one_key_fits(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, other_rsa_key: Any, ec_key: Any
) -> None:
    token = jwt.encode(claims, rsa_key, "RS256")
    provider.serve_keys(public_jwk(rsa_key, kid="first"), public_jwk(ec_key, kid="second"))
    assert verifier.verify(token) == claims
    provider.serve_keys(public_jwk(rsa_key, kid="first"), public_jwk(other_rsa_key, kid="second"))
    with pytest.raises(TokenError, match="several keys"):
        TokenVerifier(provider.issuer, AUDIENCE).verify(token)


@pytest.mark.parametrize(
    "token",
    [
        *("", "garbage", "a.b.c", "..", "a.b", "e30.e30.e30", "bnVsbA.e30.", "é.é.é", "\ud800..", "a.b.c.d.e"),
        f"{encoded({'alg': 'RS256', 'kid': 7})}.e30.AA",
        f"{encoded(b'[' * 5000)}.e30.AA",
    ],
)
def test_garbage_is_refused(verifier: TokenVerifier, provider: KeyServer, token: str) -> None:
    with pytest.raises(TokenError):
        verifier.verify(token)
    assert provider.requests == []


def test_a_signed_token_whose_claims_are_no_object_is_refused(verifier: TokenVerifier, rsa_key: Any) -> None:
    for payload in (b"[]", b"null", b"{", b"[" * 8000, b"\xff"):
        token = jwt.PyJWS().encode(payload, rsa_key, "RS256", headers={"kid": "first"})
        with pytest.raises(TokenError, match="malformed"):
            verifier.verify(token)


def test_a_token_of_a_megabyte_is_refused_before_it_is_read(
    verifier: TokenVerifier, provider: KeyServer, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    token = sign({**claims, "padding": "x" * 1_000_000}, rsa_key)
    assert str(MAXIMUM_LENGTH) in refused(verifier, token)
    assert provider.requests == []


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=80), cut=st.integers(0, 3))
def test_no_text_is_a_token_nor_another_error(text: str, cut: int) -> None:
    parts = [encoded({"alg": "RS256"}), encoded({"sub": "x"}), "AA"][:cut]
    with pytest.raises(TokenError):
        # Nothing listens on this port: a text that gets as far as the keys is refused there.
        TokenVerifier("http://127.0.0.1:1", AUDIENCE).verify(".".join([*parts, text]))
