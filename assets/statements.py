"""The SQL of checks and metadata, which lies in ``.sql`` files."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> bytes:
    """The statement in ``assets/sql/NAME.sql``."""
    return (files("assets") / "sql" / f"{name}.sql").read_bytes()
