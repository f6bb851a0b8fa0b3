"""``sanctum vocab``: load a vocabulary, value sets, a site's own codes, and say what a release changed."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assets.cli.home import ready
from assets.cli.output import Json, failures, progress, report
from resources import warehouse
from resources.postgres import database
from resources.settings import load_settings

vocab = typer.Typer(no_args_is_help=True, help="The OMOP vocabulary.")


@vocab.command("load")
def load(
    directory: Annotated[Path, typer.Argument(help="Folder or zip of an Athena download.")], as_json: Json = False
) -> None:
    """Load an Athena download beside the vocabulary in use, switch to it at once, and say what it changed."""
    from pipelines.vocabulary import load_vocabulary

    with failures(as_json=as_json), progress() as update:
        settings = load_settings()
        warehouse.ready(settings)
        loaded = load_vocabulary(database(settings), directory, update)
        report(asdict(loaded), as_json=as_json, title="Vocabulary")


@vocab.command("map")
def load_map(
    file: Annotated[Path, typer.Argument(help="A source_to_concept_map as CSV.")], as_json: Json = False
) -> None:
    """Make a file the site's own codes, in place of those it gave before; dbt maps by it from its next run on."""
    from pipelines.vocabulary import load_site_map

    with failures(as_json=as_json):
        settings = ready()
        report(asdict(load_site_map(database(settings), file)), as_json=as_json, title="Site codes")


@vocab.command("load-valuesets")
def load_valuesets(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="FHIR ValueSets with their expansions, Bundles of them (of a measure, too) or NDJSON, or CSV with "
            "oid, name, system, code, display; files or folders, gzip or not.",
            metavar="PATH…",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make value sets those of the files, all or none; measures count by them from the next build on."""
    from pipelines.vocabulary import load_value_sets

    with failures(as_json=as_json):
        settings = ready()
        loaded = load_value_sets(database(settings), paths, dry_run=dry_run)
        report(asdict(loaded), as_json=as_json, title="Value sets")


@vocab.command("report")
def show(as_json: Json = False) -> None:
    """Say what is loaded, what its release changed, and how many rows of the last build that concerns."""
    from pipelines.vocabulary import report as vocabulary_report

    with failures(as_json=as_json):
        settings = ready()
        report(asdict(vocabulary_report(database(settings))), as_json=as_json, title="Vocabulary")
