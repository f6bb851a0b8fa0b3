"""What the table of coverage says of itself: percentages that Dagster plots from build to build."""

from collections.abc import Iterable, Iterator
from typing import Any

import dagster as dg

from pipelines.coverage import NotBuiltError, page, read_coverage
from resources.postgres import Database

COVERAGE = dg.AssetKey(["quality", "mapping_coverage"])


def with_coverage(events: Iterable[Any], database: Database) -> Iterator[Any]:
    """The events of a build; that of the table of coverage, which by now is made, with its figures.

    Figures and names of vocabularies alone, never a code: see ``pipelines.coverage``.
    """
    for event in events:
        if isinstance(event, dg.Output) and event.output_name == COVERAGE.to_python_identifier():
            yield event.with_metadata({**event.metadata, **coverage_metadata(database)})
        else:
            yield event


def coverage_metadata(database: Database) -> dict[str, Any]:
    """Shares in per cent as numbers, which Dagster plots, and the whole as a page; nothing where there are no rows."""
    try:
        report = read_coverage(database)
    except NotBuiltError:
        return {}
    return {**report.percentages(), "coverage": dg.MetadataValue.md(page(report))}
