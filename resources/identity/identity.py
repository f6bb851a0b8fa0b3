"""What is known of a caller, and the errors that say why one is not known."""

from dataclasses import dataclass
from datetime import datetime

from resources.postgres import Role

CALLER_ROLES = frozenset({Role.INFER, Role.REVIEWER, Role.EMBED, Role.AUDITOR})


class IdentityError(RuntimeError):
    """There is no identity. The text says why and what to do; it never has a token, a claim's value or a secret."""


class TokenError(IdentityError):
    """A token, or the provider's answer when its keys were asked for, failed the check that the text names."""


class PolicyError(IdentityError):
    """The policy file can't be used; the text names the place in it."""


class RefusedError(IdentityError):
    """The policy gives this caller nothing."""


@dataclass(frozen=True)
class Identity:
    """A caller and what the policy grants.

    Attributes:
        subject: who: a token's ``sub``, ``service:NAME`` or ``os-user:UID``.
        issuer: who says so: a token's ``iss``, or a URN of Sanctum's own for services and this machine's users.
        role: login role the database is opened as: infer, reviewer, embed or auditor.
        care_sites: sites whose persons it sees, such as ``Organization/123``.
        care_teams: teams whose persons it sees, such as ``CareTeam/7`` or ``Practitioner/abc``.
        everyone: whether it sees all persons.
        sensitivities: labels of sensitive records it may see, such as ``42CFRPart2``.
        purposes: purposes of use it may state (HL7 v3 PurposeOfUse); the first is the default.
        may_break_glass: whether it may open a person's record in an emergency.
        expires_at: instant from which it is no longer valid; has a time zone.

    Raises:
        ValueError: the role is none of a caller's, or ``expires_at`` has no time zone.
    """

    subject: str
    issuer: str
    role: Role
    care_sites: tuple[str, ...]
    care_teams: tuple[str, ...]
    everyone: bool
    sensitivities: tuple[str, ...]
    purposes: tuple[str, ...]
    may_break_glass: bool
    expires_at: datetime

    def __post_init__(self) -> None:
        if self.role not in CALLER_ROLES:
            raise ValueError(f"no caller may have the role {self.role.value}")
        if self.expires_at.tzinfo is None:
            raise ValueError("expires_at has no time zone")
