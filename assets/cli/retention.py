"""``sanctum retention``: how long what is kept, and removing what is due."""

from dataclasses import asdict

import typer

from assets.cli.identity import TokenFile, officer
from assets.cli.output import Json, failures, report
from resources.postgres import database
from resources.settings import load_settings

retention = typer.Typer(invoke_without_command=True, help="How long each store is kept, and what is due.")


@retention.callback()
def show(context: typer.Context, as_json: Json = False) -> None:
    """Say of each class how many rows it has, the oldest, and how many are due."""
    if context.invoked_subcommand is not None:
        return
    from pipelines.retention import classes

    with failures(as_json=as_json):
        found = classes(database(load_settings()))
        report({"classes": [asdict(one) for one in found]}, as_json=as_json, title="Retention")


@retention.command()
def purge(token_file: TokenFile = None, as_json: Json = False) -> None:
    """Delete what is due where that is safe: released quarantine records and superseded answers; never audit events."""
    from pipelines.retention import purge as purge_due

    with failures(as_json=as_json):
        settings = load_settings()
        deleted = purge_due(database(settings), officer(settings, token_file).subject)
        report({"deleted": deleted}, as_json=as_json, title="Purge")
