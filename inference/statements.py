"""The SQL of this room, by file name."""

from functools import cache
from pathlib import Path

_DIRECTORY = Path(__file__).parent / "sql"


@cache
def statement(name: str) -> str:
    """Text of ``sql/<name>.sql``."""
    return (_DIRECTORY / f"{name}.sql").read_text()
