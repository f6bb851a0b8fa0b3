"""Ingesting contents as files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.account import Account
from pipelines.hl7 import ingest_hl7
from resources.postgres import Database
from resources.settings import Settings

Ingest = Callable[..., Account]


@pytest.fixture
def ingest(settings: Settings, db: Database, tmp_path: Path) -> Ingest:
    """Ingest contents, each as a file of its own."""
    numbers = iter(range(10**6))

    def run(*contents: bytes) -> Account:
        directory = tmp_path / f"inbox-{next(numbers)}"
        directory.mkdir()
        for number, content in enumerate(contents):
            (directory / f"{number:04d}.hl7").write_bytes(content)
        account = ingest_hl7(settings, db, [directory])
        assert account.closes
        return account

    return run
