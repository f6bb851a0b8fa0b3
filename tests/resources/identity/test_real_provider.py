"""Tokens that a real provider issued over its own endpoints, on loopback, and what becomes of them."""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from typer.testing import CliRunner, Result

from assets.cli.main import app
from resources.identity import RefusedError, TokenError, identify_caller
from resources.identity.keys import MAXIMUM_AGE_SECONDS, MINIMUM_INTERVAL_SECONDS
from resources.identity.tokens import MAXIMUM_LENGTH, TokenVerifier
from resources.postgres import Role
from resources.settings import Settings, load_settings
from tests.resources.identity.conftest import Clock, without_content
from tests.resources.identity.provider_process import User, provider_process

AUDIENCE = "sanctum"
REDIRECT = "http://localhost/callback"
POLICY = """
rules:
  - when: {realm_access.roles: reviewer}
    role: reviewer
    care_sites: {claim: sites}
    care_teams: {claim: fhirUser}
    sensitivities: [HIV]
    purposes: [TREAT]
    requires_amr: [otp, hwk]
    maximum_seconds: 300
  - when: {groups: auditors}
    role: auditor
    purposes: [HCOMPL]
"""
NURSE = User(
    sub="nurse-5520",
    claims={
        "realm_access": {"roles": ["reviewer"]},
        "sites": ["Organization/123"],
        "fhirUser": "Practitioner/abc",
        "amr": ["pwd", "otp"],
    },
)
HURRIED = User(sub="nurse-5521", claims={**NURSE.claims, "amr": ["pwd"]})
PORTER = User(sub="porter-88", claims={"groups": ["porters"]})


@contextlib.contextmanager
def provider(port: int = 0, lifetime_seconds: int = 3600) -> Iterator[str]:
    """The provider's issuer; each start makes a new key."""
    with provider_process([NURSE, HURRIED, PORTER], port, lifetime_seconds) as taken:
        yield f"http://localhost:{taken}"


def sign_in(issuer: str, user: User, audience: str = AUDIENCE) -> str:
    """The ID token that the authorization code flow gives (OpenID Connect Core 1.0, section 3.1)."""
    endpoints = httpx.get(f"{issuer}/.well-known/openid-configuration").json()
    query = {"client_id": audience, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid", "state": "s"}
    agreed = httpx.post(endpoints["authorization_endpoint"], params=query, data={"sub": user.sub})
    code = parse_qs(urlsplit(agreed.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT}
    answer = httpx.post(endpoints["token_endpoint"], data=form, auth=(audience, "secret"))
    token = answer.json()["id_token"]
    assert isinstance(token, str)
    return token


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider() as address:
        yield address


@pytest.fixture
def hospital(issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an installation that takes this provider's tokens, in the environment for commands."""
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    monkeypatch.setenv("SANCTUM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SANCTUM_OIDC_ISSUER", issuer)
    monkeypatch.setenv("SANCTUM_OIDC_AUDIENCE", AUDIENCE)
    monkeypatch.setenv("SANCTUM_ACCESS_POLICY_FILE", str(path))
    return load_settings()


def test_the_provider_brings_no_web_framework_into_this_process(issuer: str) -> None:
    assert not {"oidc_provider_mock", "flask", "werkzeug"} & sys.modules.keys()


def test_a_token_gives_the_identity_of_its_rule(hospital: Settings, issuer: str) -> None:
    identity = identify_caller(hospital, sign_in(issuer, NURSE))
    assert (identity.subject, identity.issuer, identity.role) == (NURSE.sub, issuer, Role.REVIEWER)
    assert (identity.care_sites, identity.care_teams) == (("Organization/123",), ("Practitioner/abc",))
    assert identity.expires_at - datetime.now(UTC) <= timedelta(seconds=300)


def _claims_in(token: str) -> dict[str, Any]:
    claims = jwt.decode(token, options={"verify_signature": False})
    return {name: value for name, value in claims.items() if name not in ("amr", "aud")}


def test_without_the_rules_second_factor_or_any_rule_there_is_no_identity(hospital: Settings, issuer: str) -> None:
    for user, word in ((HURRIED, "multi-factor sign-in is needed"), (PORTER, "no rule")):
        token = sign_in(issuer, user)
        with pytest.raises(RefusedError, match=word) as caught:
            identify_caller(hospital, token)
        without_content(caught.value, token, _claims_in(token))


def test_a_token_for_another_service_and_an_expired_one_are_refused(hospital: Settings, issuer: str) -> None:
    with pytest.raises(TokenError, match="audience"):
        identify_caller(hospital, sign_in(issuer, NURSE, audience="the-cafeteria"))
    with provider(lifetime_seconds=-1) as hasty:
        token = sign_in(hasty, NURSE)
        with pytest.raises(TokenError, match="expired"):
            TokenVerifier(hasty, AUDIENCE).verify(token)
        with pytest.raises(TokenError):
            identify_caller(hospital, token)


def test_after_a_rotation_new_tokens_are_taken_and_replayed_ones_are_not() -> None:
    clock = Clock()
    with provider() as first:
        old = sign_in(first, NURSE)
        verifier = TokenVerifier(first, AUDIENCE, clock=clock)
        assert verifier.verify(old)["sub"] == NURSE.sub
    port = urlsplit(first).port
    assert port is not None
    with provider(port) as second:
        assert second == first
        new = sign_in(second, NURSE)
        # The old keys are believed for a while, and the provider is not asked again at once.
        assert verifier.verify(old)["sub"] == NURSE.sub
        with pytest.raises(TokenError, match="signature"):
            verifier.verify(new)
        clock.now += MINIMUM_INTERVAL_SECONDS
        assert verifier.verify(new)["sub"] == NURSE.sub
        with pytest.raises(TokenError, match="signature") as caught:
            verifier.verify(old)
        without_content(caught.value, old, _claims_in(old))


def test_after_a_rotation_that_no_new_token_showed_replayed_ones_are_refused_in_time() -> None:
    clock = Clock()
    with provider() as first:
        old = sign_in(first, NURSE)
        verifier = TokenVerifier(first, AUDIENCE, clock=clock)
        verifier.verify(old)
    with provider(urlsplit(first).port or 0):
        clock.now += MAXIMUM_AGE_SECONDS - 1
        verifier.verify(old)
        clock.now += 1
        with pytest.raises(TokenError, match="signature"):
            verifier.verify(old)


def whoami(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["whoami", *arguments], input=stdin)


def test_whoami_says_who_by_a_token_from_a_file_or_stdin_and_never_prints_it(
    hospital: Settings, issuer: str, tmp_path: Path
) -> None:
    token = sign_in(issuer, NURSE)
    path = tmp_path / "token"
    path.write_text(token + "\n")
    by_file = whoami("--token-file", str(path), "--json")
    by_stdin = whoami("--token-file", "-", "--json", stdin=token)
    as_text = whoami("--token-file", str(path))
    for result in (by_file, by_stdin, as_text):
        assert result.exit_code == 0
        assert not any(part in result.output for part in token.split("."))
    value = json.loads(by_file.stdout)
    expires = datetime.fromisoformat(value.pop("expires_at"))
    assert 0 < expires.timestamp() - time.time() <= 300
    assert value == {
        "subject": NURSE.sub,
        "issuer": issuer,
        "role": "sanctum_reviewer",
        "care_sites": ["Organization/123"],
        "care_teams": ["Practitioner/abc"],
        "everyone": False,
        "sensitivities": ["HIV"],
        "purposes": ["TREAT"],
        "may_break_glass": False,
    }
    assert json.loads(by_stdin.stdout)["subject"] == NURSE.sub
    assert "Organization/123" in as_text.stdout


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xff\xfe\x00", "something else"),
        (b"a" * (MAXIMUM_LENGTH + 1), "longer"),
        (b"a" * 1_000_000, "longer"),
        (b"one two", "no signed"),
    ],
)
def test_whoami_refuses_a_file_without_a_token(hospital: Settings, tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    result = whoami("--token-file", str(path), "--json")
    assert result.exit_code == 1
    assert word in json.loads(result.stdout)["error"]


def test_whoami_without_a_token_where_one_is_needed_or_from_no_file_fails(hospital: Settings, tmp_path: Path) -> None:
    without = whoami("--json")
    assert without.exit_code == 1
    assert "--token-file" in json.loads(without.stdout)["error"]
    assert whoami("--token-file", str(tmp_path / "missing"), "--json").exit_code == 1


def test_without_a_provider_the_caller_is_this_machines_user_and_a_token_is_no_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANCTUM_HOME", str(tmp_path))
    assert json.loads(whoami("--json").stdout)["subject"].startswith("os-user:")
    assert "os-user:" in whoami().stdout
    with pytest.raises(TokenError, match="SANCTUM_OIDC_ISSUER"):
        identify_caller(load_settings(), "e30.e30.AA")


def test_half_a_configuration_lets_nobody_in(issuer: str, tmp_path: Path) -> None:
    for setting in ("oidc_audience", "oidc_jwks_url"):
        with pytest.raises(TokenError, match="SANCTUM_OIDC_ISSUER"):
            identify_caller(load_settings(home=tmp_path, **{setting: "x"}), None)
    with pytest.raises(RefusedError, match="a token is needed"):
        identify_caller(load_settings(home=tmp_path, oidc_issuer=""), None)
    for audience, word in ((None, "SANCTUM_OIDC_AUDIENCE is not set"), ("", "SANCTUM_OIDC_AUDIENCE is empty")):
        with pytest.raises(TokenError, match=word):
            identify_caller(load_settings(home=tmp_path, oidc_issuer=issuer, oidc_audience=audience), "e30.e30.AA")
