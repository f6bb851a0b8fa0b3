"""How long work tells how far it is: a callback that gets counts, never content."""

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""Called with the stage's name, how many items are done, and how many there are (None: unknown)."""
