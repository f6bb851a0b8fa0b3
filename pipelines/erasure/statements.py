"""The SQL of erasure, by file name."""

from functools import cache
from pathlib import Path

_DIRECTORY = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> bytes:
    """Text of ``sql/<name>.sql``, as bytes because psycopg takes only literals as text."""
    return (_DIRECTORY / f"{name}.sql").read_bytes()
