"""Callers who may and who may not see landed bytes."""

import pytest

from resources.identity import Identity
from resources.postgres import Database, Role
from tests.identities import identity


def all_labels(db: Database) -> tuple[str, ...]:
    """Every label that hides rows."""
    with db.connect(Role.TRANSFORM) as connection:
        found = connection.execute("SELECT code FROM access.sensitivity WHERE hides_rows ORDER BY 1").fetchall()
    return tuple(code for (code,) in found)


@pytest.fixture
def officer(db: Database) -> Identity:
    """A reviewer who sees everyone and everything."""
    return identity(subject="steward", everyone=True, sensitivities=all_labels(db))
