"""``sanctum coverage``: how much of what sources wrote leads to a standard concept."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.cli.home import ready
from assets.cli.output import Json, failures, report
from resources.postgres import database

if TYPE_CHECKING:
    from pipelines.coverage import Counts, CoverageReport

_STDOUT = Path("-")


def coverage(
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE|-", help="Write it as a page in Markdown; - for stdout.")
    ] = None,
    unmapped: Annotated[
        int,
        typer.Option(
            "--unmapped",
            metavar="N",
            min=0,
            max=10_000,
            help="List the N codes without a concept that cost most rows, as sources wrote them: they may hold PHI.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Say how many rows and codes of the last build have a standard concept, by domain, field and vocabulary."""
    from pipelines import coverage as found

    with failures(as_json=as_json):
        if page == _STDOUT and (as_json or unmapped):
            raise typer.BadParameter("the page on stdout leaves no room for --json and --unmapped", param_hint="--page")
        warehouse = database(ready())
        told = found.read_coverage(warehouse)
        if page == _STDOUT:
            sys.stdout.write(found.page(told))
            return
        if page is not None:
            page.write_text(found.page(told), encoding="utf-8")
        value = told.as_dict() if as_json else _tables(told)
        if unmapped:
            value["unmapped"] = found.unmapped_codes(warehouse, unmapped)
        report(value, as_json=as_json, title="Coverage")


def _tables(told: "CoverageReport") -> dict[str, Any]:
    """For a person at the terminal: a line for each domain, and for each field and vocabulary."""
    return {
        "as_of": told.as_of,
        "vocabulary_release": told.vocabulary_release,
        "what happened, by domain": {
            **{domain: _line(counts) for domain, counts in told.by_domain().items()},
            "all": _line(told.everything()),
        },
        "by field and vocabulary": {f"{one.name}: {one.vocabulary}": _line(one) for one in told.fields},
    }


def _line(counts: "Counts") -> str:
    parts = (
        (counts.rows_mapped, counts.rows, "rows", counts.rows_percent),
        (counts.codes_mapped, counts.codes, "codes", counts.codes_percent),
    )
    return ", ".join(
        f"{mapped:,} of {of:,} {what} ({share:.1f} %)" for mapped, of, what, share in parts if share is not None
    )
