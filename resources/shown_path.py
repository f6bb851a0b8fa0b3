"""A path as a report may show it: without the parts that say what must not be said."""

import os
from collections.abc import Callable
from pathlib import PurePath


def shown_path(path: PurePath, tells: Callable[[bytes], object], instead: str) -> str:
    """The path with other words in place of each part that tells, or of all of it if parts tell only together.

    Args:
        path: relative; nothing above it is shown.
        tells: whether bytes of a path say what must not be said.
        instead: what to put there.
    """
    parts = [instead if tells(os.fsencode(part)) else _printable(part) for part in path.parts or (".",)]
    shown = "/".join(parts)
    return instead if tells(shown.encode()) else shown


def _printable(part: str) -> str:
    """A name that is no UTF-8 could not be printed."""
    return os.fsencode(part).decode("utf-8", "replace")
