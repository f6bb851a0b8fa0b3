"""The commands."""

import os
import sys
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from assets.cli.access import consent, glass
from assets.cli.audit import audit_log
from assets.cli.coverage import coverage
from assets.cli.egress import prove
from assets.cli.erasure import erase
from assets.cli.features import features
from assets.cli.fhir_server import ServerName, fhir_server
from assets.cli.hl7 import hl7
from assets.cli.home import ensure_vocabulary, ready
from assets.cli.identity import Purpose, TokenFile, caller, whoami
from assets.cli.measures import measures
from assets.cli.mllp import mllp
from assets.cli.output import Json, failures, progress, report, say
from assets.cli.quality import quality
from assets.cli.quarantine import quarantine
from assets.cli.retention import retention
from assets.cli.trace import trace
from assets.cli.vocabulary import vocab
from pipelines.refresh import WholeBuildNeededError, refresh_persons
from resources import dbt, warehouse
from resources.postgres import Role, database, running_socket_directory, stop_embedded
from resources.settings import Settings, load_settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="FHIR and HL7 v2 to OMOP, features, embeddings and evidence-backed care-gap decisions, inside your own walls.",
)
ingest = typer.Typer(no_args_is_help=True, help="Land files and load them into bronze.")
app.add_typer(ingest, name="ingest")
app.add_typer(fhir_server, name="fhir-server")
app.add_typer(vocab, name="vocab")
app.add_typer(hl7, name="hl7")
app.add_typer(measures, name="measures")
app.add_typer(quarantine, name="quarantine")
app.command()(features)
app.command()(quality)
app.command()(trace)
app.add_typer(audit_log, name="audit")
app.command()(whoami)
app.add_typer(glass, name="break-glass")
app.add_typer(consent, name="consent")
app.command()(erase)
app.add_typer(retention, name="retention")
app.command("prove-egress")(prove)
app.command()(mllp)
app.command()(coverage)

Sources = Annotated[
    list[str], typer.Argument(help="Files, folders, or URLs (s3://, file://); gzip is accepted.", metavar="PATH…")
]
Day = Annotated[datetime | None, typer.Option("--as-of", formats=["%Y-%m-%d"], help="Day features are computed for.")]


def main() -> None:
    """Entry point of ``sanctum``."""
    app()


def _day(value: datetime | None) -> date | None:
    return None if value is None else value.date()


@app.command()
def up(as_json: Json = False) -> None:
    """Start this home's PostgreSQL, migrate it and make sure a vocabulary is there."""
    with failures(as_json=as_json):
        settings = load_settings()
        prepared = warehouse.prepare(settings)
        starter = ensure_vocabulary(settings)
        report(
            {"home": str(settings.home), "revision": prepared.revision, "vocabulary_concepts": starter},
            as_json=as_json,
            title="Sanctum is up",
        )


@app.command()
def down(as_json: Json = False) -> None:
    """Stop this home's PostgreSQL."""
    with failures(as_json=as_json):
        stopped = stop_embedded(load_settings())
        report({"stopped": stopped}, as_json=as_json, title="Sanctum is down")


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether the database is up and what is in it."""
    with failures(as_json=as_json):
        settings = load_settings()
        embedded = not settings.names_a_server
        if embedded and running_socket_directory(settings) is None:
            report({"home": str(settings.home), "running": False}, as_json=as_json, title="Status")
            return
        from pipelines.lineage.mappings import mappings_in_bronze

        counts = warehouse.row_counts(database(settings))
        mappings = mappings_in_bronze(database(settings))
        report(
            {"home": str(settings.home), "running": True, "embedded": embedded, "rows": counts, "mappings": mappings},
            as_json=as_json,
            title="Status",
        )


@app.command()
def dsn(
    role: Annotated[Role, typer.Option(help="Login role to connect as.")] = Role.OWNER, as_json: Json = False
) -> None:
    """Print a connection string without its password, as in: psql "$(sanctum dsn --role sanctum_transform)".

    Where the server asks for one, psql reads it from the file that PGPASSFILE names, or asks.
    """
    with failures(as_json=as_json):
        text = database(load_settings()).public_dsn(role)
        if as_json:
            report({"role": role.value, "dsn": text}, as_json=True, title="")
        else:
            sys.stdout.write(text + "\n")


@ingest.command("fhir")
def ingest_fhir(sources: Sources, as_json: Json = False) -> None:
    """Load FHIR R4 (NDJSON or bundles); report what was read, loaded, excluded and quarantined."""
    from pipelines import fhir
    from pipelines.object_store import to_source

    with failures(as_json=as_json), progress() as update:
        settings = ready()
        account = fhir.ingest_fhir(settings, database(settings), map(to_source, sources), update)
        report(account.as_dict(), as_json=as_json, title="FHIR")


@ingest.command("server")
def ingest_server(
    name: ServerName,
    restart: Annotated[bool, typer.Option("--restart", help="Give up the export that an earlier run left.")] = False,
    as_json: Json = False,
) -> None:
    """Ask a FHIR server for what changed and load it; report what it gave, and what it did that it should not."""
    from pipelines import fhir_server as servers

    with failures(as_json=as_json), progress() as update:
        settings = load_settings()
        server = servers.find_server(settings, name)
        settings = ready()
        outcome = servers.ingest_server(settings, database(settings), server, update, restart=restart)
        report(outcome.as_dict(), as_json=as_json, title="FHIR server")


@ingest.command("hl7")
def ingest_hl7(sources: Sources, as_json: Json = False) -> None:
    """Load HL7 v2 messages; report what was read, loaded, excluded and quarantined."""
    from pipelines import hl7
    from pipelines.object_store import to_source

    with failures(as_json=as_json), progress() as update:
        settings = ready()
        account = hl7.ingest_hl7(settings, database(settings), map(to_source, sources), update)
        report(account.as_dict(), as_json=as_json, title="HL7 v2")


@app.command()
def build(
    as_of: Day = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only persons of whom bronze changed; everybody where only that will do.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Build omop, measures and features with dbt, and run their tests."""
    with failures(as_json=as_json):
        settings = ready()
        if changed and as_of:
            raise typer.BadParameter("a build of those who changed is for today or SANCTUM_AS_OF", param_hint="--as-of")
        told = _build_changed(settings) if changed else None
        if told is None:
            result = dbt.build(settings, database(settings), as_of=_day(as_of))
            told = {"nodes": result.counts, "warned": list(result.warned)}
        report(told, as_json=as_json, title="dbt build")


def _build_changed(settings: Settings) -> dict[str, Any] | None:
    """What a refresh did; None: a build of everybody is needed."""
    try:
        done = refresh_persons(settings, database(settings))
    except WholeBuildNeededError as error:
        say(f"everybody is built: {error}")
        return None
    return {
        "persons": done.persons,
        "rows": sum(done.rows.values()),
        "warned": sorted(done.warned),
        "seconds": {part: round(seconds, 3) for part, seconds in done.seconds.items()},
    }


@app.command()
def embed(as_json: Json = False) -> None:
    """Cut new and changed notes into sentences and embed them."""
    from inference.embedding import embed_notes

    with failures(as_json=as_json), progress() as update:
        settings = load_settings()
        report(asdict(embed_notes(settings, database(settings), update)), as_json=as_json, title="Embedding")


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What to look for.")],
    person: Annotated[int, typer.Option("--person", help="person_id as in omop.person.")],
    limit: Annotated[int, typer.Option(min=1, max=100)] = 5,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Find the sentences of one person's notes nearest to a text. The claim and the read are audited."""
    from inference.retrieval import search as search_notes

    with failures(as_json=as_json):
        settings = load_settings()
        who = caller(settings, token_file)
        hits = search_notes(settings, database(settings), who, person, text, limit=limit, purpose=purpose)
        report({"person_id": person, "hits": [asdict(hit) for hit in hits]}, as_json=as_json, title="Search")


@app.command()
def gaps(
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20, token_file: TokenFile = None, as_json: Json = False
) -> None:
    """List open care gaps of the persons you may see. The read is audited."""
    with failures(as_json=as_json):
        settings = load_settings()
        found = warehouse.open_care_gaps(settings, database(settings), caller(settings, token_file), limit)
        report({"gaps": found}, as_json=as_json, title="Open care gaps")


@app.command()
def adjudicate(
    limit: Annotated[int | None, typer.Option(min=1, help="Ask about this many gaps at most.")] = None,
    as_json: Json = False,
) -> None:
    """Ask the language model about every open care gap whose person has documents."""
    from inference.adjudication import adjudicate as adjudicate_gaps

    with failures(as_json=as_json), progress() as update:
        settings = load_settings()
        result = adjudicate_gaps(settings, database(settings), update, limit=limit)
        report(asdict(result), as_json=as_json, title="Adjudication")


@app.command()
def demo(
    input_directory: Annotated[
        Path | None, typer.Option("--input", help="Folder of FHIR NDJSON instead of the synthetic population.")
    ] = None,
    patients: Annotated[int, typer.Option(min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """Run the whole chain as the Dagster job ``nightly`` and show what came of it."""
    from assets.demo import run_demo

    with failures(as_json=as_json), progress() as update:
        outcome = run_demo(load_settings(), input_directory, patients, update)
        report(outcome.as_dict(), as_json=as_json, title="Demo")
        if outcome.nothing_new:
            say("Nothing new: every file was loaded before, no sentence was embedded, the model was asked nothing.")
        say("See it: make dev, then open http://127.0.0.1:3000/asset-groups")
        if not outcome.succeeded:
            raise typer.Exit(1)


@app.command()
def dev(port: Annotated[int, typer.Option(min=1, max=65535)] = 3000) -> None:
    """Serve the Dagster UI and daemon on loopback until interrupted."""
    from resources import dagster

    with failures(as_json=False):
        settings = ready()
        command = dagster.dev_command(port)
        environment: dict[str, Any] = {**os.environ, **dagster.environment(settings, database(settings))}
    os.execve(command[0], command, environment)
