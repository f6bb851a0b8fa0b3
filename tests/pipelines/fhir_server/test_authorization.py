"""SMART Backend Services: keys, assertions, tokens, and who is given them."""

import logging
import time
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from pipelines.fhir_server.authorization import Tokens, public_key_set
from pipelines.fhir_server.client import Client, Request
from pipelines.fhir_server.configuration import Authorization
from pipelines.fhir_server.errors import FhirServerError
from resources.private_files import PrivateFileError
from tests.pipelines.fhir.synthetic import observation, patient
from tests.pipelines.fhir_server.conftest import Home, Make, write_key
from tests.pipelines.fhir_server.hospital import Hospital, Reply, as_json, hospital, outcome


def authorization(path: Path, **parts: Any) -> dict[str, Any]:
    return {"client_id": "client", "private_key_file": str(path), "key_id": "first", **parts}


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_the_published_key_verifies_the_assertion(
    site: Hospital, make: Make, home: Home, tmp_path: Path, algorithm: str
) -> None:
    key = rsa.generate_private_key(65537, 2048) if algorithm == "RS384" else ec.generate_private_key(ec.SECP384R1())
    parts = authorization(
        write_key(tmp_path / "own.pem", key), algorithm=algorithm, jwks_url="https://sanctum.example/jwks"
    )
    (jwk,) = public_key_set(Authorization.model_validate(parts))["keys"]
    assert not {"d", "p", "q", "dp", "dq", "qi"} & set(jwk)
    assert (jwk["kid"], jwk["alg"], jwk["use"]) == ("first", algorithm, "sig")
    site.add(patient())
    server = make("Patient", authorization=parts)
    site.public_key, site.algorithm = jwt.PyJWK(jwk).key, algorithm
    assert home.gather(server).names == ["Patient/p1"]
    header = jwt.get_unverified_header(site.asked("token", "POST")[0].form["client_assertion"])
    assert header == {"alg": algorithm, "kid": "first", "typ": "JWT", "jku": "https://sanctum.example/jwks"}


@pytest.mark.parametrize("key", [ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 1024)])
@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_key_that_does_not_fit_is_refused(make: Make, tmp_path: Path, key: Any, algorithm: str) -> None:
    path = write_key(tmp_path / "own.pem", key)
    with pytest.raises(FhirServerError, match=f"no key for {algorithm}"):
        Client(make("Patient", authorization=authorization(path, algorithm=algorithm)))


def test_a_key_that_others_may_read_or_that_is_none_is_refused(make: Make, key_file: Path) -> None:
    key_file.chmod(0o640)
    with pytest.raises(PrivateFileError, match="chmod 600"):
        Client(make("Patient"))
    key_file.chmod(0o600)
    key_file.write_text("SECRET")
    with pytest.raises(FhirServerError, match="no private key") as caught:
        Client(make("Patient"))
    assert "SECRET" not in str(caught.value)


def test_a_token_is_renewed_before_it_expires(site: Hospital, make: Make, home: Home) -> None:
    """Tokens of a second, in an export that takes longer."""
    site.add(patient(), *(observation(f"o{n}") for n in range(3)))
    site.lines_each, site.token_life, site.polls = 1, 1, 4

    def slow(reply: Reply) -> Reply:
        time.sleep(0.3)
        return reply

    site.mistakes["status/1"] = [slow] * 4
    home.gather(make("Patient", "Observation"))
    assert len(site.used_ids) >= 2
    assert all(request.bearer in site.tokens for request in site.requests if request.bearer)


def test_expiry_is_counted_from_the_question() -> None:
    now = [0.0]
    asked: list[float] = []

    def ask() -> dict[str, Any]:
        asked.append(now[0])
        return {"access_token": f"t{len(asked)}", "token_type": "Bearer", "expires_in": 300}

    tokens = Tokens(ask, lambda: now[0])
    found = []
    for now[0] in (0, 269, 271, 500):
        found.append(tokens.current())
    assert found == ["t1", "t1", "t2", "t2"]
    tokens.replace("t1")
    assert tokens.current() == "t2"
    tokens.replace("t2")
    assert tokens.current() == "t3"


def test_a_refused_token_is_replaced_once_and_a_forbidden_file_never(site: Hospital, make: Make, home: Home) -> None:
    """Rule 7."""
    site.add(patient())
    expired = as_json(outcome("expired"), 401)
    site.mistakes["files/1/Patient-0"] = [expired]
    assert home.gather(make("Patient")).names == ["Patient/p1"]
    assert (len(site.used_ids), site.counted()["files/1/Patient-0"]) == (2, 2)
    for status, tokens, requests in ((401, 4, 2), (403, 5, 1)):
        number = len(site.exports) + 1
        site.mistakes[f"files/{number}/Patient-0"] = [as_json(outcome("forbidden"), status)] * 9
        with pytest.raises(FhirServerError, match=f"HTTP {status} \\(forbidden\\)"):
            home.gather(make("Patient"))
        assert (len(site.used_ids), site.counted()[f"files/{number}/Patient-0"]) == (tokens, requests)
        home.state["export"] = None


def test_each_attempt_at_a_token_has_an_assertion_of_its_own(site: Hospital, make: Make, home: Home) -> None:
    site.add(patient())
    site.mistakes["token"] = [lambda reply: Reply(503), Reply(429)]
    assert home.gather(make("Patient")).names == ["Patient/p1"]
    assertions = [one.form["client_assertion"] for one in site.asked("token", "POST")]
    assert len(set(assertions)) == len(assertions) == 3


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (as_json({"error": "invalid_client", "error_description": "key SECRET of client"}, 400), "invalid-client"),
        (as_json({"token_type": "bearer"}), "no access_token"),
        (as_json({"access_token": "SECRET", "token_type": "mac"}), "another type than bearer"),
        (as_json({"access_token": "SECRET\r\nX: y"}), "no access_token"),
        (Reply(200, b"SECRET"), "no JSON"),
    ],
)
def test_a_token_that_is_none_stops_the_run(site: Hospital, make: Make, home: Home, reply: Reply, text: str) -> None:
    site.mistakes["token"] = [reply]
    with pytest.raises(FhirServerError, match=text) as caught:
        home.gather(make("Patient"))
    assert "SECRET" not in str(caught.value)


def test_the_token_goes_to_no_other_host(site: Hospital, make: Make, home: Home) -> None:
    """Rule 10: files lie elsewhere; they are fetched if that host is named, with the token only if it asks for one."""
    site.add(patient())
    with hospital() as elsewhere:
        elsewhere.exports = site.exports
        elsewhere.needs_token = False
        site.file_place = f"http://127.0.0.1:{elsewhere.port}/fhir"
        with pytest.raises(FhirServerError, match="name it in download_hosts"):
            home.gather(make("Patient"))
        assert elsewhere.requests == []
        site.needs_token = False
        named = make("Patient", download_hosts=f"127.0.0.1:{elsewhere.port}")
        assert home.gather(named).names == ["Patient/p1"]
        assert [one.bearer for one in elsewhere.requests] == [None]
        site.needs_token = True
        home.gather(named)
        assert elsewhere.requests[-1].bearer in site.tokens
        # One that does not say, although it should, may mean its own host.
        site.manifest = {"requiresAccessToken": None}
        home.gather(named)
        assert elsewhere.requests[-1].bearer is None
    site.file_place = None
    assert home.gather(make("Patient", modes={"Patient": "full"})).names == ["Patient/p1"]
    assert site.requests[-2].bearer in site.tokens


@pytest.mark.parametrize("path", ["metadata", "status/1", "files/1/Patient-0"])
def test_redirects_stay_at_the_server(site: Hospital, make: Make, home: Home, path: str) -> None:
    site.add(patient())
    with hospital() as elsewhere:
        elsewhere.exports = site.exports
        place = f"http://127.0.0.1:{elsewhere.port}"
        site.mistakes[path] = [Reply(302, headers={"Location": f"{place}/fhir/{path}"})]
        with pytest.raises(FhirServerError, match="redirected to another host"):
            home.gather(make("Patient", download_hosts=f"127.0.0.1:{elsewhere.port}"))
        assert elsewhere.requests == []
    site.mistakes[path] = [Reply(307, headers={"Location": f"/fhir/{path}"})]
    assert home.gather(make("Patient")).names == ["Patient/p1"]
    site.mistakes["metadata"] = [Reply(302, headers={"Location": "metadata"})] * 20
    with pytest.raises(FhirServerError, match="in a circle"):
        home.gather(make("Patient"))


@pytest.mark.parametrize("place", ["https://elsewhere.example/token", "http://127.0.0.1@elsewhere.example/token", 5])
def test_a_token_endpoint_elsewhere_has_to_be_named(site: Hospital, make: Make, home: Home, place: object) -> None:
    site.mistakes[".well-known/smart-configuration"] = [as_json({"token_endpoint": place})]
    with pytest.raises(FhirServerError, match="token_url"):
        home.gather(make("Patient"))


def test_a_status_address_elsewhere_is_not_asked(site: Hospital, make: Make, home: Home) -> None:
    site.mistakes["Group/g1/$export"] = [Reply(202, headers={"Content-Location": "http://127.0.0.1:9/status"})]
    with pytest.raises(FhirServerError, match="leads to another host"):
        home.gather(make("Patient"))


def test_neither_logs_nor_errors_tell_of_tokens_queries_or_ids(
    site: Hospital, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    site.mistakes["Patient/SECRET-ID"] = [as_json(outcome("processing", diagnostics="SECRET-TEXT"), 422)]
    with Client(make("Patient")) as client:
        with pytest.raises(FhirServerError) as caught:
            client.send(Request(client.url("Patient/SECRET-ID?name=SECRET-NAME"), "read of a patient"))
        assert str(caught.value) == "FHIR server hospital, read of a patient: HTTP 422 (processing)."
        with pytest.raises(FhirServerError) as late:
            client.send(Request("http://127.0.0.1:9/SECRET-ID?name=SECRET-NAME", "read of a patient"))
        assert "127.0.0.1:9" not in str(late.value)
    said = caplog.text + str(caught.value) + repr(caught.value.__cause__) + str(late.value)
    assert "SECRET" not in said
    assert "Bearer" not in said
    assert not any(token in said for token in site.tokens)
