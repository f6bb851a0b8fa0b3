"""Checks that count what must not be there."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from psycopg import sql

from assets.statements import statement
from pipelines.landing import landed_path
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings


def check_spec(key: tuple[str, str], name: str, description: str, *, blocking: bool = False) -> dg.AssetCheckSpec:
    """A check that is evaluated in the step that writes its asset."""
    return dg.AssetCheckSpec(name, asset=list(key), description=description, blocking=blocking)


def none_of(key: tuple[str, str], name: str, found: int, **metadata: Any) -> dg.AssetCheckResult:
    """Passes if nothing was found."""
    return dg.AssetCheckResult(
        passed=found == 0, check_name=name, asset_key=dg.AssetKey(key), metadata={"found": found, **metadata}
    )


def count(
    database: Database,
    role: Role,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    **identifiers: str,
) -> int:
    """The number that the statement ``name`` gives; identifiers fill its ``{…}``."""
    query = sql.SQL(statement(name).decode()).format(**{k: sql.Identifier(v) for k, v in identifiers.items()})
    with without_row_values(), database.connect(role) as connection:
        row = connection.execute(query, parameters).fetchone()
    return int(row[0]) if row else 0


def missing_bytes(settings: Settings, database: Database, kinds: list[str]) -> int:
    """Landed contents whose file is gone or has another length than it had."""
    with without_row_values(), database.connect(Role.INGEST) as connection:
        rows = connection.execute(statement("landed_files"), {"kinds": kinds}).fetchall()
    paths = ((landed_path(settings, sha256), length) for sha256, length in rows)
    return sum(not path.is_file() or path.stat().st_size != length for path, length in paths)
