"""A policy file gives what it says, in its order, and nothing else; a wrong one is refused with the place."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from resources.identity import PolicyError, RefusedError, load_policy
from resources.identity.policy import DEFAULT_SECONDS, Policy
from resources.identity.policy_file import PolicyDocument
from resources.postgres import Role
from resources.settings import Settings, load_settings

ISSUER = "https://idp.hospital.example"
GRANTS = "role: reviewer, purposes: [TREAT]"


def settings_with(tmp_path: Path, policy: str | None, *, issuer: str | None = ISSUER) -> Settings:
    path = None
    if policy is not None:
        path = tmp_path / "policy.yaml"
        path.write_text(policy)
    return load_settings(home=tmp_path, oidc_issuer=issuer, oidc_audience="sanctum", access_policy_file=path)


def policy_of(tmp_path: Path, text: str) -> Policy:
    return load_policy(settings_with(tmp_path, text))


def claims_of(**claims: object) -> dict[str, Any]:
    return {"iss": ISSUER, "sub": "subject-7f3a", "exp": int(time.time()) + 600, **claims}


def refusal(policy: Policy, **claims: object) -> str:
    with pytest.raises(RefusedError) as caught:
        policy.identify(claims_of(**claims))
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_rule_gives_every_part_of_an_identity(tmp_path: Path) -> None:
    policy = policy_of(
        tmp_path,
        """
        rules:
          - when: {groups: [ward-9, ward-10], department: cardiology}
            role: reviewer
            care_sites: [Organization/123, Location/9]
            care_teams: CareTeam/7
            sensitivities: [HIV]
            purposes: [TREAT, HOPERAT]
            may_break_glass: true
            maximum_seconds: 60
        """,
    )
    before = datetime.now(UTC)
    identity = policy.identify(claims_of(groups=["porters", "ward-10"], department="cardiology"))
    assert (identity.subject, identity.issuer, identity.role) == ("subject-7f3a", ISSUER, Role.REVIEWER)
    assert (identity.care_sites, identity.care_teams) == (("Organization/123", "Location/9"), ("CareTeam/7",))
    assert (identity.everyone, identity.sensitivities, identity.may_break_glass) == (False, ("HIV",), True)
    assert identity.purposes == ("TREAT", "HOPERAT")
    assert before + timedelta(seconds=60) <= identity.expires_at <= datetime.now(UTC) + timedelta(seconds=60)


def test_what_a_rule_does_not_grant_is_not_there(tmp_path: Path) -> None:
    claims = claims_of(a=1, everyone=True, sensitivities=["HIV"], role="auditor", care_sites=["Organization/1"])
    identity = policy_of(tmp_path, f"rules: [{{when: {{a: 1}}, {GRANTS}}}]").identify(claims)
    assert (identity.role, identity.everyone, identity.may_break_glass) == (Role.REVIEWER, False, False)
    assert (identity.care_sites, identity.care_teams, identity.sensitivities) == ((), (), ())


def test_the_token_expires_an_identity_before_a_longer_limit_does(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, f"rules: [{{when: {{a: 1}}, {GRANTS}, maximum_seconds: 86400}}]")
    claims = claims_of(a=1)
    assert policy.identify(claims).expires_at == datetime.fromtimestamp(claims["exp"], UTC)


def test_the_first_rule_that_fits_decides(tmp_path: Path) -> None:
    rules = "rules: [{when: {a: 1}, role: auditor, purposes: [HCOMPL]}, {when: {b: 1}, role: infer, purposes: [TREAT]}]"
    policy = policy_of(tmp_path, rules)
    assert policy.identify(claims_of(a=1, b=1)).role is Role.AUDITOR
    assert policy.identify(claims_of(b=1)).role is Role.INFER
    assert "no rule" in refusal(policy, c=1)


@pytest.mark.parametrize(
    ("when", "claims", "fits"),
    [
        ("{groups: ward-9}", {"groups": ["ward-9"]}, True),
        ("{groups: ward-9}", {"groups": "ward-9"}, True),
        ("{groups: ward-9}", {"groups": "ward-90"}, False),
        ("{groups: ward-9}", {"groups": ["ward-90", "Ward-9", "ward-9 "]}, False),
        ("{groups: ward-9}", {"groups": {"ward-9": True}}, False),
        ("{groups: ward-9}", {"groups": [["ward-9"]]}, False),
        ("{groups: ward-9}", {"groups": []}, False),
        ("{groups: ward-9}", {}, False),
        ("{realm_access.roles: nurse}", {"realm_access": {"roles": ["nurse"]}}, True),
        ("{realm_access.roles: nurse}", {"realm_access": ["nurse"]}, False),
        ("{realm_access.roles: nurse}", {"realm_access": [{"roles": "nurse"}]}, False),
        ("{'https://hospital.example/roles': nurse}", {"https://hospital.example/roles": ["nurse"]}, True),
        ("{scope: sanctum.review}", {"scope": "openid sanctum.review"}, True),
        ("{scope: sanctum.review}", {"scope": "openid sanctum.reviewer"}, False),
        ("{groups: ward-9}", {"groups": "porters ward-9"}, False),
        ("{email_verified: true}", {"email_verified": True}, True),
        ("{email_verified: true}", {"email_verified": 1}, False),
        ("{email_verified: true}", {"email_verified": "true"}, False),
        ("{level: 1}", {"level": 1}, True),
        ("{level: 1}", {"level": True}, False),
        ("{level: 1}", {"level": 1.0}, False),
        ("{level: 0}", {"level": None}, False),
        ("{a: 1, b: 2}", {"a": 1}, False),
        ("{a: 1, b: 2}", {"a": 1, "b": 2}, True),
    ],
)
def test_conditions(tmp_path: Path, when: str, claims: dict[str, Any], fits: bool) -> None:
    policy = policy_of(tmp_path, f"rules: [{{when: {when}, {GRANTS}}}]")
    if fits:
        assert policy.identify(claims_of(**claims)).role is Role.REVIEWER
    else:
        assert "no rule" in refusal(policy, **claims)


def test_sites_and_teams_are_taken_from_claims(tmp_path: Path) -> None:
    policy = policy_of(
        tmp_path,
        f"""
        rules:
          - when: {{a: 1}}
            {GRANTS.replace(", ", chr(10) + "            ")}
            care_sites: {{claim: hospital.sites}}
            care_teams: [CareTeam/7, {{claim: fhirUser, base: "https://ehr.example/fhir/"}}, {{claim: teams}}]
        """,
    )
    claims = {
        "hospital": {"sites": ["Location/9", "Location/9"]},
        "fhirUser": "https://ehr.example/fhir/Practitioner/a",
    }
    identity = policy.identify(claims_of(a=1, **claims))
    assert identity.care_sites == ("Location/9",)
    assert identity.care_teams == ("CareTeam/7", "Practitioner/a")
    stranger = policy.identify(claims_of(a=1, fhirUser="https://evil.example/fhir/Practitioner/a", teams="CareTeam/8"))
    assert stranger.care_sites == ()
    assert stranger.care_teams == ("CareTeam/7", "https://evil.example/fhir/Practitioner/a", "CareTeam/8")
    for wrong in (4711, None, True, "", ["CareTeam/1", 4711], {"CareTeam/1": 1}, "CareTeam/1\0", [["CareTeam/1"]]):
        text = refusal(policy, a=1, teams=wrong)
        assert "care_teams of rule 1" in text
        assert "CareTeam/1" not in text
        assert "4711" not in text


def test_multi_factor_sign_in_is_needed_where_a_rule_says_so(tmp_path: Path) -> None:
    policy = policy_of(
        tmp_path,
        f"rules: [{{when: {{a: 1}}, {GRANTS}, requires_amr: [mfa, hwk]}}, {{when: {{a: 1}}, {GRANTS}}}]",
    )
    for amr in (["pwd", "mfa"], ["hwk"], "mfa"):
        assert policy.identify(claims_of(a=1, amr=amr)).role is Role.REVIEWER
    for without in ({}, {"amr": ["pwd"]}, {"amr": []}, {"amr": None}, {"amr": ["MFA"]}, {"amr": "pwd mfa"}):
        assert "multi-factor sign-in is needed" in refusal(policy, a=1, **without)


@pytest.mark.parametrize("subject", ["service:adjudicator", "os-user:0"])
def test_a_token_can_not_pass_for_a_service_or_a_local_user(tmp_path: Path, subject: str) -> None:
    text = refusal(policy_of(tmp_path, f"rules: [{{when: {{a: 1}}, {GRANTS}}}]"), a=1, sub=subject)
    assert "sub" in text
    assert subject not in text


def test_the_packaged_policy(tmp_path: Path) -> None:
    policy = load_policy(settings_with(tmp_path, None, issuer=None))
    embedder, adjudicator, local = policy.service("embedder"), policy.service("adjudicator"), policy.local_user()
    assert (embedder.subject, embedder.role, embedder.everyone) == ("service:embedder", Role.EMBED, True)
    assert (adjudicator.subject, adjudicator.role) == ("service:adjudicator", Role.INFER)
    assert (adjudicator.everyone, adjudicator.sensitivities) == (True, ("42CFRPart2",))
    assert (adjudicator.purposes[0], adjudicator.may_break_glass) == ("HQUALIMP", False)
    assert (local.subject, local.role) == (f"os-user:{os.getuid()}", Role.REVIEWER)
    assert (local.everyone, local.sensitivities, local.may_break_glass) == (True, (), True)
    assert len({embedder.issuer, local.issuer, ISSUER}) == 3
    assert timedelta(0) < local.expires_at - datetime.now(UTC) <= timedelta(seconds=DEFAULT_SECONDS)
    with pytest.raises(RefusedError, match="adjudicator, embedder"):
        policy.service("nobody")
    assert "SANCTUM_ACCESS_POLICY_FILE" in refusal(policy, groups=["administrators"])


def test_a_sites_policy_replaces_rules_and_local_users_and_the_services_it_names(tmp_path: Path) -> None:
    text = "services: {embedder: {role: embed, purposes: [HSYSADMIN], maximum_seconds: 5}}"
    policy = load_policy(settings_with(tmp_path, text, issuer=None))
    assert (policy.service("embedder").everyone, policy.service("embedder").purposes) == (False, ("HSYSADMIN",))
    assert policy.service("embedder").expires_at <= datetime.now(UTC) + timedelta(seconds=5)
    assert policy.service("adjudicator").everyone
    with pytest.raises(RefusedError, match="no section local"):
        policy.local_user()


def test_local_users_are_nobody_where_a_provider_is_set(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="a token is needed"):
        load_policy(settings_with(tmp_path, None)).local_user()
    local = "local: {role: infer, everyone: true, purposes: [TREAT]}"
    with pytest.raises(RefusedError, match="a token is needed"):
        load_policy(settings_with(tmp_path, local)).local_user()
    assert load_policy(settings_with(tmp_path, local, issuer=None)).local_user().role is Role.INFER


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("rulse: []", "?: Extra inputs"),
        (f"rules: [{{when: {{a: 1}}, {GRANTS}, everybody: true}}]", "rules.0.?: Extra inputs"),
        (f"rules: [{{when: {{}}, {GRANTS}}}]", "rules.0.when"),
        (f"rules: [{{when: {{a: []}}, {GRANTS}}}]", "rules.0.when.?"),
        (f"rules: [{{when: {{a: 1.5}}, {GRANTS}}}]", "rules.0.when.?"),
        (f"rules: [{{when: {{a: {{b: c}}}}, {GRANTS}}}]", "rules.0.when.?"),
        (f"rules: [{{when: {{a: }}, {GRANTS}}}]", "rules.0.when.?"),
        (f"rules: [{{{GRANTS}}}]", "rules.0.when"),
        ("rules: [{when: {a: 1}, purposes: [TREAT]}]", "rules.0.role"),
        ("rules: [{when: {a: 1}, role: owner, purposes: [TREAT]}]", "rules.0.role"),
        ("rules: [{when: {a: 1}, role: sanctum_eraser, purposes: [TREAT]}]", "rules.0.role"),
        ("rules: [{when: {a: 1}, role: reviewer}]", "rules.0.purposes"),
        ("rules: [{when: {a: 1}, role: reviewer, purposes: []}]", "rules.0.purposes"),
        ("rules: [{when: {a: 1}, role: reviewer, purposes: [treatment]}]", "rules.0.purposes"),
        (f"rules: [{{when: {{a: 1}}, {GRANTS}, everyone: 'yes'}}]", "rules.0.everyone"),
        (f"rules: [{{when: {{a: 1}}, {GRANTS}, may_break_glass: 1}}]", "rules.0.may_break_glass"),
        (f"rules: [{{when: {{a: 1}}, {GRANTS}, maximum_seconds: 0}}]", "rules.0.maximum_seconds"),
        (f"rules: [{{when: {{a: 1}}, {GRANTS}, care_sites: [7]}}]", "rules.0.care_sites"),
        (f"rules: [{{when: {{a: 1}}, {GRANTS}, care_sites: [{{claims: x}}]}}]", "rules.0.care_sites"),
        (f"rules: [{{when: {{a: 1}}, {GRANTS}, care_sites: }}]", "rules.0.care_sites"),
        (f"services: {{x: {{{GRANTS}, care_teams: {{claim: teams}}}}}}", "services.?.care_teams"),
        (f"services: {{x: {{{GRANTS}, when: {{a: 1}}}}}}", "services.?.when"),
        ("local: []", "local"),
        ("[]", "the file"),
        ("", "the file"),
        ("rules: [\nrules: {", "line 2"),
        (f"local: {{{GRANTS},\n everyone: false,\n everyone: true}}", "line 3"),
        ("{[1, 2]: 3}", "line 1"),
        ("rules: !!python/object/apply:os.system [true]", "line 1"),
        ("\x00", "no YAML"),
    ],
)
def test_a_wrong_policy_is_refused_with_the_place(tmp_path: Path, text: str, place: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy_of(tmp_path, text)
    assert place in str(caught.value)
    assert "policy.yaml" in str(caught.value)


def test_a_policy_that_is_not_there_or_that_anybody_may_write_is_refused(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, "rules: []")
    (tmp_path / "policy.yaml").chmod(0o666)
    with pytest.raises(PolicyError, match="chmod o-w"):
        load_policy(settings)
    (tmp_path / "policy.yaml").unlink()
    with pytest.raises(PolicyError, match="SANCTUM_ACCESS_POLICY_FILE"):
        load_policy(settings)
    (tmp_path / "policy.yaml").mkdir()
    with pytest.raises(PolicyError, match="can't be read"):
        load_policy(settings)


NAMES = ("groups", "role", "realm_access", "roles", "realm_access.roles", "scope", "amr")
WORDS = ("nurse", "clerk", "mfa", "", "nurse clerk", "auditor")
SCALARS = st.sampled_from(WORDS) | st.booleans() | st.integers(0, 2) | st.floats(0, 2) | st.none()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
)
CONDITIONS = st.dictionaries(
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(WORDS) | st.booleans() | st.integers(0, 2), min_size=1, max_size=2),
    min_size=1,
    max_size=2,
)


def _holds(claims: dict[str, Any], name: str, wanted: list[Any]) -> bool:
    """The condition written again, by cases."""
    if name in claims:
        value = claims[name]
    elif name == "realm_access.roles" and isinstance(claims.get("realm_access"), dict):
        value = claims["realm_access"].get("roles", [])
    else:
        return False
    if name == "scope" and isinstance(value, str):
        value = value.split(" ")
    there = value if isinstance(value, list) else [value]
    return any((type(a), a) == (type(b), b) for a in there for b in wanted)


@hypothesis_settings(max_examples=300, deadline=None)
@given(claims=st.dictionaries(st.sampled_from(NAMES), VALUES), conditions=st.lists(CONDITIONS, max_size=3))
def test_claims_give_the_role_of_the_first_rule_they_satisfy_and_else_none(
    claims: dict[str, Any], conditions: list[dict[str, Any]]
) -> None:
    roles = ("reviewer", "auditor", "infer")
    rules = list(zip(conditions, roles, strict=False))
    document = {"rules": [{"when": when, "role": role, "purposes": ["TREAT"]} for when, role in rules]}
    policy = Policy(PolicyDocument.model_validate(document).rules, {}, None, token_needed=True)
    expected = next((role for when, role in rules if all(_holds(claims, *each) for each in when.items())), None)
    if expected is None:
        assert "no rule" in refusal(policy, **claims)
    else:
        assert policy.identify(claims_of(**claims)).role is Role(f"sanctum_{expected}")
