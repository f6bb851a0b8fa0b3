"""Ingesting contents as files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.account import Account
from pipelines.fhir import ingest_fhir
from resources.postgres import Database
from resources.settings import Settings
from tests.pipelines.fhir.synthetic import write

Ingest = Callable[..., Account]


@pytest.fixture
def ingest(settings: Settings, db: Database, tmp_path: Path) -> Ingest:
    """Ingest contents by file name; the account must close."""
    numbers = iter(range(10**6))

    def run(contents: dict[str, bytes]) -> Account:
        directory = tmp_path / f"inbox-{next(numbers)}"
        for name, content in contents.items():
            write(directory / name, content)
        account = ingest_fhir(settings, db, [directory])
        assert account.closes
        return account

    return run
