"""How commands speak: a report on stdout (text or one JSON object), all else on stderr, errors without content."""

import base64
import contextlib
import errno
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from resources.progress import Progress as ProgressCallback

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout, all else on stderr.")]

_errors = Console(stderr=True)


def report(value: Mapping[str, Any], *, as_json: bool, title: str) -> None:
    """Print a report: as one JSON object, or as tables with a row per figure."""
    if as_json:
        sys.stdout.write(json.dumps(value, default=str) + "\n")
        return
    console = Console()
    flat = {key: item for key, item in value.items() if not isinstance(item, Mapping | list)}
    if flat:
        _print_table(console, title, flat)
    for key, item in value.items():
        if isinstance(item, Mapping):
            _print_table(console, key if flat else f"{title}: {key}", item)
        elif isinstance(item, list):
            for entry in item:
                parts = (f"{name}={part}" for name, part in entry.items()) if isinstance(entry, Mapping) else (entry,)
                console.print(f"{key}:", *parts, soft_wrap=True, markup=False)


def _print_table(console: Console, title: str, rows: Mapping[str, Any]) -> None:
    table = Table(title=title.replace("_", " "), title_justify="left", show_header=False, box=None, padding=(0, 2))
    for key, value in rows.items():
        table.add_row(str(key), _plain(value))
    console.print(table)


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def as_text(content: bytes) -> dict[str, Any]:
    """Bytes for a JSON object: as text where they are UTF-8, else in base64."""
    try:
        return {"content": content.decode()}
    except UnicodeDecodeError:
        return {"content_base64": base64.b64encode(content).decode()}


def say(text: str) -> None:
    """A line for the person at the terminal, on stderr."""
    _errors.print(text, soft_wrap=True, highlight=False)


@contextlib.contextmanager
def progress() -> Iterator[ProgressCallback]:
    """Progress bars on stderr, one a stage; silent where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_errors, disable=not _errors.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def update(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield update


@contextlib.contextmanager
def failures(*, as_json: bool, unreadable: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn the errors of other rooms, whose texts carry no content, into a message and exit status 1.

    Args:
        as_json: whether to print one JSON object.
        unreadable: errors of the input, for which the exit status is 2, as it is for a command line that is wrong.
    """
    try:
        yield
    except typer.Exit:
        raise
    except (RuntimeError, ValueError, OSError) as error:
        text = _of_system(error) if isinstance(error, OSError) else str(error)
        if as_json:
            sys.stdout.write(json.dumps({"error": text, "kind": type(error).__name__}) + "\n")
        _errors.print(f"[bold red]{type(error).__name__}[/]: {escape(text)}", soft_wrap=True, highlight=False)
        raise typer.Exit(2 if isinstance(error, unreadable) else 1) from None


def _of_system(error: OSError) -> str:
    """What the system says of a fault, without the file: a file in an inbox may be named after a patient."""
    said = f"{error.strerror} ({errno.errorcode.get(error.errno or 0)})" if error.strerror else "a file can't be used"
    return f"{said}; which file is not said here, since it may be named after a patient."
