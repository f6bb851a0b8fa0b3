"""Callers who may and who may not see landed bytes."""

import pytest

from resources.identity import Identity
from resources.postgres import Database
from tests.identities import all_labels, identity


@pytest.fixture
def officer(db: Database) -> Identity:
    """A reviewer who sees everyone and everything."""
    return identity(subject="steward", everyone=True, sensitivities=all_labels(db))
