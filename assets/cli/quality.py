"""``sanctum quality``: what the checks of schema omop found."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from assets.cli.home import ready
from assets.cli.output import Json, failures, report
from resources.postgres import database


def quality(
    *,
    every: Annotated[bool, typer.Option("--all", help="Every check, not only those that failed.")] = False,
    as_json: Json = False,
) -> None:
    """Say how many checks of schema omop the last build passed, and which it did not."""
    from pipelines.quality import CheckResult, read_results

    def told(result: CheckResult) -> dict[str, Any]:
        values = asdict(result) | {"violated_percent": round(result.violated_percent, 2)}
        return values if as_json else {name: value for name, value in values.items() if value is not None}

    with failures(as_json=as_json):
        found = read_results(database(ready()))
        chosen = [told(result) for result in found.results if every or result.is_failed]
        value = {"checked_at": found.checked_at, "categories": found.counts(), "checks" if every else "failed": chosen}
        report(value, as_json=as_json, title="Quality")
