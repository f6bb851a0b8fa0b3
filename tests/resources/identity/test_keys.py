"""Keys are asked for when they must be, no oftener, from no other host, and are forgotten in time."""

import json
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from resources.identity import TokenError
from resources.identity.keys import MAXIMUM_AGE_SECONDS, MINIMUM_INTERVAL_SECONDS, ProviderKeys
from resources.identity.provider import MAXIMUM_BYTES, fetch_key_set
from resources.identity.tokens import TokenVerifier
from tests.resources.identity.conftest import AUDIENCE, Clock, Refused
from tests.resources.identity.key_server import (
    DISCOVERY,
    KeyServer,
    answer_bytes,
    answer_json,
    key_server,
    public_jwk,
    sign,
)

Claims = dict[str, Any]


def test_keys_are_kept_between_tokens(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, clock: Clock
) -> None:
    for _ in range(3):
        verifier.verify(sign(claims, rsa_key))
        clock.now += MAXIMUM_AGE_SECONDS / 4
    assert provider.requests == [DISCOVERY, "/keys"]


def test_forged_kids_and_signatures_make_no_more_requests_than_the_interval_allows(
    provider: KeyServer,
    verifier: TokenVerifier,
    claims: Claims,
    rsa_key: Any,
    other_rsa_key: Any,
    clock: Clock,
    refused: Refused,
) -> None:
    good = sign(claims, rsa_key)
    verifier.verify(good)
    for number in range(20):
        refused(verifier, sign(claims, other_rsa_key, kid=f"forged-{number}"))
        refused(verifier, sign(claims, other_rsa_key))
        verifier.verify(good)
    assert provider.requests.count("/keys") == 1
    clock.now += MINIMUM_INTERVAL_SECONDS
    for number in range(20):
        refused(verifier, sign(claims, other_rsa_key, kid=f"forged-{number}"))
        refused(verifier, sign(claims, other_rsa_key))
    assert provider.requests.count("/keys") == 2


def test_a_new_key_is_found_and_a_withdrawn_one_forgotten(
    provider: KeyServer,
    verifier: TokenVerifier,
    claims: Claims,
    rsa_key: Any,
    other_rsa_key: Any,
    clock: Clock,
    refused: Refused,
) -> None:
    old = sign(claims, rsa_key)
    verifier.verify(old)
    provider.serve_keys(public_jwk(other_rsa_key, kid="second"))
    clock.now += MINIMUM_INTERVAL_SECONDS
    verifier.verify(old)
    assert verifier.verify(sign(claims, other_rsa_key, kid="second")) == claims
    assert "kid" in refused(verifier, old)


def test_a_withdrawn_key_is_forgotten_by_age_alone(
    provider: KeyServer,
    verifier: TokenVerifier,
    claims: Claims,
    rsa_key: Any,
    other_rsa_key: Any,
    clock: Clock,
    refused: Refused,
) -> None:
    old = sign(claims, rsa_key)
    verifier.verify(old)
    provider.serve_keys(public_jwk(other_rsa_key, kid="second"))
    clock.now += MAXIMUM_AGE_SECONDS - 1
    verifier.verify(old)
    clock.now += 1
    assert "kid" in refused(verifier, old)


def test_a_key_replaced_under_its_name_or_without_one_is_found(
    provider: KeyServer,
    verifier: TokenVerifier,
    claims: Claims,
    rsa_key: Any,
    other_rsa_key: Any,
    clock: Clock,
    refused: Refused,
) -> None:
    verifier.verify(jwt.encode(claims, rsa_key, "RS256"))
    provider.serve_keys(public_jwk(other_rsa_key, kid="second"))
    clock.now += MINIMUM_INTERVAL_SECONDS
    assert verifier.verify(jwt.encode(claims, other_rsa_key, "RS256")) == claims
    provider.serve_keys(public_jwk(rsa_key, kid="first"))
    clock.now += MINIMUM_INTERVAL_SECONDS
    assert verifier.verify(sign(claims, rsa_key)) == claims
    provider.serve_keys(public_jwk(other_rsa_key, kid="first"))
    assert "signature" in refused(verifier, jwt.encode(claims, other_rsa_key, "RS256"))
    clock.now += MINIMUM_INTERVAL_SECONDS
    assert verifier.verify(jwt.encode(claims, other_rsa_key, "RS256")) == claims
    assert verifier.verify(sign(claims, other_rsa_key)) == claims
    assert "signature" in refused(verifier, sign(claims, rsa_key))


def test_while_the_provider_fails_known_keys_serve_until_they_are_too_old(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, clock: Clock, refused: Refused
) -> None:
    good = sign(claims, rsa_key)
    verifier.verify(good)
    provider.answers["/keys"] = answer_bytes(b"", 503)
    clock.now += MAXIMUM_AGE_SECONDS - 1
    assert "503" in refused(verifier, sign(claims, rsa_key, kid="unknown"))
    verifier.verify(good)
    clock.now += 1
    assert "a moment ago" in refused(verifier, good)
    clock.now += MINIMUM_INTERVAL_SECONDS
    assert "503" in refused(verifier, good)
    assert "a moment ago" in refused(verifier, good)
    assert provider.requests.count("/keys") == 3
    provider.serve_keys(public_jwk(rsa_key, kid="first"))
    clock.now += MINIMUM_INTERVAL_SECONDS
    verifier.verify(good)


def test_many_threads_with_unknown_keys_make_one_request(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any
) -> None:
    failures: list[str] = []

    def attempt(kid: str) -> None:
        try:
            verifier.verify(sign(claims, rsa_key, kid=kid))
        except TokenError:
            failures.append(kid)

    threads = [threading.Thread(target=attempt, args=(kid,)) for kid in ("first", "a", "b", "c", "first", "d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(failures) == ["a", "b", "c", "d"]
    assert provider.requests == [DISCOVERY, "/keys"]


def test_a_key_that_another_thread_fetched_meanwhile_is_tried(clock: Clock, rsa_key: Any, other_rsa_key: Any) -> None:
    published = [public_jwk(rsa_key, kid="first")]
    keys = ProviderKeys(lambda: {"keys": published}, clock)
    key = keys.find(None, "RS256")
    clock.now += MINIMUM_INTERVAL_SECONDS
    published[0] = public_jwk(other_rsa_key, kid="second")
    fetched_by_another = keys.find("second", "RS256")
    assert keys.find_other(key, None, "RS256") == fetched_by_another
    assert keys.find_other(fetched_by_another, None, "RS256") is None


def test_the_keys_come_from_where_the_setting_says(provider: KeyServer, claims: Claims, rsa_key: Any) -> None:
    with key_server() as elsewhere:
        elsewhere.answers["/jwks?p=policy"] = answer_json({"keys": [public_jwk(rsa_key, kid="first")]})
        verifier = TokenVerifier(provider.issuer, AUDIENCE, f"{elsewhere.issuer}/jwks?p=policy")
        assert verifier.verify(sign(claims, rsa_key)) == claims
    assert provider.requests == []


@pytest.mark.parametrize(
    "issuer",
    [
        "http://idp.hospital.example",
        "http://127.0.0.1.hospital.example",
        "http://localhost.hospital.example/",
        "http://10.0.0.1/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@idp.hospital.example",
        "https://idp.hospital.example/#part",
        "https://idp.hospital.example/?tenant=1",
        "https://idp.hospital.example:port/",
        "https://[::1/",
        "https://idp.hospital.example/\n",
        "https://idp.hospital.example/a b",
        "idp.hospital.example",
        "",
    ],
)
def test_an_issuer_that_is_no_https_url_is_refused(issuer: str) -> None:
    with pytest.raises(TokenError, match="SANCTUM_OIDC_ISSUER"):
        TokenVerifier(issuer, AUDIENCE)


def test_keys_by_plain_http_from_another_machine_are_refused(
    provider: KeyServer, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    for url in ("http://idp.hospital.example/keys", "ftp://127.0.0.1/keys", "https://user@127.0.0.1/", "keys"):
        verifier = TokenVerifier(provider.issuer, AUDIENCE, url)
        assert "SANCTUM_OIDC_JWKS_URL" in refused(verifier, sign(claims, rsa_key))


def test_a_discovery_document_sends_us_to_no_other_host(
    provider: KeyServer, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    with key_server() as elsewhere:
        elsewhere.serve_keys(public_jwk(rsa_key, kid="first"))
        provider.serve_keys(jwks_uri=f"http://localhost:{elsewhere.port}/keys")
        text = refused(TokenVerifier(provider.issuer, AUDIENCE), sign(claims, rsa_key))
        assert "another host" in text
        assert "SANCTUM_OIDC_JWKS_URL" in text
        assert elsewhere.requests == []
    provider.serve_keys(jwks_uri="http://idp.hospital.example/keys")
    assert "https" in refused(TokenVerifier(provider.issuer, AUDIENCE), sign(claims, rsa_key))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    provider: KeyServer, claims: Claims, rsa_key: Any, refused: Refused, status: int
) -> None:
    with key_server() as elsewhere:
        elsewhere.serve_keys(public_jwk(rsa_key, kid="first"), issuer=provider.issuer)
        for path in ("/keys", DISCOVERY):
            provider.answers[path] = answer_bytes(b"", status, {"Location": f"{elsewhere.issuer}{path}"})
            text = refused(TokenVerifier(provider.issuer, AUDIENCE), sign(claims, rsa_key))
            assert "redirects are not followed" in text
        assert elsewhere.requests == []


def test_a_proxy_of_the_environment_is_not_used(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with key_server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.issuer)
        verifier.verify(sign(claims, rsa_key))
        assert proxy.requests == []


def test_another_issuers_or_an_empty_discovery_document_is_refused(
    provider: KeyServer, claims: Claims, rsa_key: Any, refused: Refused
) -> None:
    for document, word in (
        ({"issuer": f"{provider.issuer}/", "jwks_uri": f"{provider.issuer}/keys"}, "another issuer"),
        ({"jwks_uri": f"{provider.issuer}/keys"}, "another issuer"),
        ({"issuer": provider.issuer}, "jwks_uri"),
        ({"issuer": provider.issuer, "jwks_uri": 7}, "jwks_uri"),
    ):
        provider.answers[DISCOVERY] = answer_json(document)
        assert word in refused(TokenVerifier(provider.issuer, AUDIENCE), sign(claims, rsa_key))


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"<html>sign in</html>", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no list of keys"),
        (b'{"keys": {}}', "no list of keys"),
        (b'{"keys": []}', "kid"),
        (b'{"keys": [7, null, []]}', "kid"),
        (json.dumps({"keys": [], "padding": "x" * MAXIMUM_BYTES}).encode(), "longer"),
    ],
)
def test_an_unusable_key_set_is_an_error(
    provider: KeyServer, verifier: TokenVerifier, claims: Claims, rsa_key: Any, refused: Refused, body: bytes, word: str
) -> None:
    provider.answers["/keys"] = answer_bytes(body)
    assert word in refused(verifier, sign(claims, rsa_key))


def test_an_answer_without_end_or_that_never_comes_is_given_up(provider: KeyServer) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stop.wait(0.02):
            handler.wfile.write(b" ")

    def wait(handler: BaseHTTPRequestHandler) -> None:
        stop.wait()

    for answer in (drip, wait):
        provider.answers["/keys"] = answer
        with pytest.raises(TokenError, match="can't be fetched"):
            fetch_key_set(provider.issuer, None, timeout_seconds=0.2)
    stop.set()


def test_a_provider_that_is_not_there_is_an_error(claims: Claims, rsa_key: Any) -> None:
    with key_server() as gone:
        issuer = gone.issuer
    with pytest.raises(TokenError, match="can't be fetched"):
        TokenVerifier(issuer, AUDIENCE).verify(sign({**claims, "iss": issuer}, rsa_key))


def _certificate(key: Any, folder: Path) -> Path:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loopback")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return path


def test_over_tls_the_provider_must_show_a_certificate_that_this_machine_trusts(
    rsa_key: Any, other_rsa_key: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _certificate(rsa_key, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with key_server(context) as provider:
        provider.serve_keys(public_jwk(other_rsa_key, kid="first"))
        claims = {"iss": provider.issuer, "sub": "a", "aud": AUDIENCE, "exp": int(time.time()) + 60}
        with pytest.raises(TokenError, match="SSLCertVerificationError"):
            TokenVerifier(provider.issuer, AUDIENCE).verify(sign(claims, other_rsa_key))
        assert provider.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert TokenVerifier(provider.issuer, AUDIENCE).verify(sign(claims, other_rsa_key)) == claims
