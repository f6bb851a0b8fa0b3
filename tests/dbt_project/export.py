"""A public export that nobody here wrote, and what it was made into."""

import gzip
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from pipelines.account import Account
from resources.postgres import Database, Role
from tests.dbt_project.routing_records import Vocabulary

AS_OF = date(2026, 10, 31)


@dataclass(frozen=True)
class Export:
    """The export as it is on the disk, its account, what it was made into, and the vocabulary it was made with."""

    files: dict[str, Path]
    account: Account
    database: Database
    vocabulary: Vocabulary

    def lines(self, kind: str) -> list[bytes]:
        """Its resources of a type, as they are."""
        return _lines(self.files[kind])

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """Its resources of a type."""
        return [orjson.loads(line) for line in self.lines(kind)]

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows that a query of the transforming role gives."""
        with self.database.connect(Role.TRANSFORM) as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()


@cache
def _lines(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()
