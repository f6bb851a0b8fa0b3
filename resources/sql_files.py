"""SQL that lies in ``.sql`` files beside the code."""

from collections.abc import Callable
from functools import cache
from pathlib import Path


def statements(module_file: str) -> Callable[[str], bytes]:
    """A function that gives the text of ``sql/<name>.sql`` beside a module; each file is read once.

    The text comes as bytes because psycopg takes only literals as text.

    Args:
        module_file: ``__file__`` of the module beside which the folder ``sql`` lies.
    """
    directory = Path(module_file).parent / "sql"

    @cache
    def statement(name: str) -> bytes:
        """Text of ``sql/<name>.sql``."""
        return (directory / f"{name}.sql").read_bytes()

    return statement
