"""Callers for tests, as an access policy would have made them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from resources.identity import Identity
from resources.postgres import Role


def identity(role: Role = Role.REVIEWER, subject: str = "dr-who", **grants: Any) -> Identity:
    """A caller of that role who sees nobody unless the grants say so."""
    nothing: dict[str, Any] = {
        "issuer": "https://idp.example",
        "care_sites": (),
        "care_teams": (),
        "everyone": False,
        "sensitivities": (),
        "purposes": ("TREAT",),
        "may_break_glass": False,
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
    }
    return Identity(subject=subject, role=role, **{**nothing, **grants})
