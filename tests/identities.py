"""Callers for tests, as an access policy would have made them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from resources.identity import Identity
from resources.postgres import Database, Role


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


def all_labels(db: Database) -> tuple[str, ...]:
    """Every label that hides rows."""
    with db.connect(Role.TRANSFORM) as connection:
        found = connection.execute("SELECT code FROM access.sensitivity WHERE hides_rows ORDER BY 1").fetchall()
    return tuple(code for (code,) in found)
