"""Keeps content out of Dagster's event log: errors by class and place, progress by counts."""

import contextlib
import time
import traceback
from collections.abc import Iterator

import dagster as dg
import psycopg

from resources.postgres import error_summary
from resources.progress import Progress

_ROOMS = ("pipelines.", "inference.", "resources.", "assets.")
_SECONDS_BETWEEN_LINES = 5.0


class StepError(RuntimeError):
    """A step failed; the text carries no row values and no input."""


@contextlib.contextmanager
def content_free_errors() -> Iterator[None]:
    """Let no text through that a library wrote: Dagster stores an error with everything that led to it.

    Errors of our own classes keep their text, which by the house rules names no content.

    Raises:
        StepError: in place of whatever was raised.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - what it is decides what may be said of it
        # Without "from None" Dagster would store the original too.
        raise StepError(_summary(error)) from None


def _summary(error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, psycopg.Error):
        return error_summary(error)
    if type(error).__module__.startswith(_ROOMS):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{name} in {place.name}, line {place.lineno}; its text is withheld because it may carry content."


def log_progress(context: dg.AssetExecutionContext) -> Progress:
    """A progress callback that writes counts to the run's log every few seconds."""
    written: dict[str, float] = {}

    def update(stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if done == total or now - written.get(stage, 0.0) >= _SECONDS_BETWEEN_LINES:
            written[stage] = now
            context.log.info(f"{stage}: {done:,}" + (f" of {total:,}" if total is not None else ""))

    return update
