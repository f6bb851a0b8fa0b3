"""``sanctum prove-egress``."""

from typing import Annotated

import typer

from assets.cli.output import Json, failures, progress, report
from pipelines.egress import CLEAN, Scope, prove_egress
from resources.settings import load_settings


def prove(
    scope: Annotated[
        Scope, typer.Option(help="all: the demo and more; build: to dbt; ingest: the loaders.")
    ] = Scope.ALL,
    patients: Annotated[int, typer.Option(min=1, max=10_000, help="People of the synthetic population.")] = 12,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the proof's folder and name it.")] = False,
    as_json: Json = False,
) -> None:
    """Run the demo with loopback only, traced, on input with planted texts; exit status 1 if anything gets out."""
    with failures(as_json=as_json), progress() as update:
        proof = prove_egress(load_settings(), scope, patients, update, keep=keep)
        report(proof.as_dict(), as_json=as_json, title="Does anything get out?")
        if proof.verdict != CLEAN:
            raise typer.Exit(1)
