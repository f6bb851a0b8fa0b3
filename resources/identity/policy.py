"""Which claims give which identity: rules of a YAML file, tried in their order."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from resources.identity.claims import satisfies, taken
from resources.identity.identity import Identity, PolicyError, RefusedError
from resources.identity.policy_file import Grants, LocalGrants, PolicyDocument, Rule, read_policy
from resources.identity.tokens import expiry
from resources.postgres import Role
from resources.settings import Settings

DEFAULT_POLICY = Path(__file__).with_name("default_policy.yaml")
# Issuers of identities that no token stands for; no provider's issuer is a URN.
SERVICE_ISSUER = "urn:sanctum:service"
LOCAL_ISSUER = "urn:sanctum:local-user"
# Those identities expire too, after this if the policy says nothing.
DEFAULT_SECONDS = 24 * 60 * 60

_SERVICE_PREFIX = "service:"
_LOCAL_PREFIX = "os-user:"
# Purpose of use as HL7 v3 codes it: compliance with law and policy.
_COMPLIANCE = "HCOMPL"


@dataclass(frozen=True)
class Policy:
    """The rules, services and local users in force.

    Attributes:
        rules: tried in order; the first that a token satisfies decides.
        services: Sanctum's own processes, by name.
        local: what this machine's users get, or None if they get nothing.
        token_needed: whether callers come with a token, so that being a user of this machine is not enough.
    """

    rules: tuple[Rule, ...]
    services: Mapping[str, LocalGrants]
    local: LocalGrants | None
    token_needed: bool

    def identify(self, claims: Mapping[str, Any]) -> Identity:
        """The identity that verified claims give, by the first rule whose ``when`` they satisfy.

        Args:
            claims: what ``TokenVerifier.verify`` returned.

        Raises:
            RefusedError: no rule fits; or the one that fits asks for multi-factor sign-in, or for claims that are
                not texts; or the subject would pass for a service or a local user.
        """
        if claims["sub"].startswith((_SERVICE_PREFIX, _LOCAL_PREFIX)):
            raise RefusedError("the token's subject (sub) begins like a service's or a local user's of Sanctum")
        for number, rule in enumerate(self.rules, start=1):
            if all(satisfies(claims, name, wanted) for name, wanted in rule.when.items()):
                return _identity_by_rule(claims, rule, number)
        hint = "" if self.rules else "; it has no rules: name a file in SANCTUM_ACCESS_POLICY_FILE"
        raise RefusedError(f"no rule of the access policy fits the token{hint}")

    def service(self, name: str) -> Identity:
        """The identity of one of Sanctum's own processes.

        Raises:
            RefusedError: the policy names no such service.
        """
        grants = self.services.get(name)
        if grants is None:
            raise RefusedError(
                f"the access policy names no service {name}; it names: {', '.join(sorted(self.services))}"
            )
        return _identity_without_token(_SERVICE_PREFIX + name, SERVICE_ISSUER, grants)

    def local_user(self) -> Identity:
        """The identity of the operating system's user who runs this process.

        Raises:
            RefusedError: a token is needed, or the policy gives local users nothing.
        """
        if self.token_needed:
            raise RefusedError("a token is needed, since SANCTUM_OIDC_ISSUER is set: give it with --token-file")
        if self.local is None:
            raise RefusedError("the access policy has no section local: this machine's users may do nothing")
        return _identity_without_token(f"{_LOCAL_PREFIX}{os.getuid()}", LOCAL_ISSUER, self.local)


def load_policy(settings: Settings) -> Policy:
    """The packaged policy, with the site's policy file in place of its rules, local users and services of its name.

    Raises:
        PolicyError: the file can't be read, others may write it, or it is wrong; the text says where.
    """
    default = read_policy(DEFAULT_POLICY)
    site = default if settings.access_policy_file is None else _site_policy(settings.access_policy_file)
    return Policy(
        rules=site.rules,
        services={**default.services, **site.services},
        local=site.local,
        token_needed=settings.oidc_issuer is not None,
    )


def _site_policy(path: Path) -> PolicyDocument:
    try:
        everyone_may_write = path.stat().st_mode & 0o002
    except OSError as error:
        raise PolicyError(f"SANCTUM_ACCESS_POLICY_FILE {path} can't be read ({type(error).__name__})") from None
    if everyone_may_write:
        raise PolicyError(f"SANCTUM_ACCESS_POLICY_FILE {path} may be written by every user of this machine: chmod o-w")
    return read_policy(path)


def _identity_by_rule(claims: Mapping[str, Any], rule: Rule, number: int) -> Identity:
    if rule.requires_amr and not satisfies(claims, "amr", rule.requires_amr):
        raise RefusedError(
            f"multi-factor sign-in is needed: rule {number} of the access policy wants one of "
            f"{', '.join(rule.requires_amr)} in the token's amr; sign in again with a second factor"
        )
    until = expiry(claims)
    if rule.maximum_seconds is not None:
        until = min(until, datetime.now(UTC) + timedelta(seconds=rule.maximum_seconds))
    return _identity(
        claims["sub"],
        claims["iss"],
        rule,
        care_sites=taken(claims, rule.care_sites, f"care_sites of rule {number}"),
        care_teams=taken(claims, rule.care_teams, f"care_teams of rule {number}"),
        expires_at=until,
    )


def _identity_without_token(subject: str, issuer: str, grants: LocalGrants) -> Identity:
    seconds = DEFAULT_SECONDS if grants.maximum_seconds is None else grants.maximum_seconds
    return _identity(
        subject,
        issuer,
        grants,
        care_sites=grants.care_sites,
        care_teams=grants.care_teams,
        expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
    )


def _identity(
    subject: str,
    issuer: str,
    grants: Grants,
    *,
    care_sites: tuple[str, ...],
    care_teams: tuple[str, ...],
    expires_at: datetime,
) -> Identity:
    return Identity(
        subject=subject,
        issuer=issuer,
        role=Role[grants.role.upper()],
        care_sites=care_sites,
        care_teams=care_teams,
        everyone=grants.everyone,
        sensitivities=grants.sensitivities,
        purposes=grants.purposes,
        may_break_glass=grants.may_break_glass,
        expires_at=expires_at,
    )


def as_auditor(identity: Identity) -> Identity:
    """The auditor that a caller of the compliance office's commands is: by policy, or as this machine's user.

    Raises:
        RefusedError: the policy makes this caller no auditor.
    """
    if identity.role is Role.AUDITOR:
        return identity
    if identity.issuer != LOCAL_ISSUER:
        raise RefusedError("this command is for auditors, and the access policy gives this caller another role")
    # Who reads the files of this machine's home reads the log anyhow; as an auditor it sees no person's rows.
    return replace(
        identity,
        role=Role.AUDITOR,
        care_sites=(),
        care_teams=(),
        everyone=False,
        sensitivities=(),
        purposes=(_COMPLIANCE,),
        may_break_glass=False,
    )
