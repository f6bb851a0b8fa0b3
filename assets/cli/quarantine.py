"""``sanctum quarantine``: what could not be used, where it lies, and reading it again."""

import sys
from typing import Annotated

import typer

from assets.cli.home import ready
from assets.cli.identity import Purpose, TokenFile, caller
from assets.cli.output import Json, as_text, failures, progress, report
from resources.postgres import database
from resources.settings import load_settings

quarantine = typer.Typer(no_args_is_help=True, help="Records that could not be used.")

Reason = Annotated[str | None, typer.Option("--reason", help="Only records that are there for this reason.")]
Content = Annotated[bool, typer.Option("--content", help="Print the landed bytes too: PHI. The read is audited.")]


@quarantine.command("list")
def quarantine_list(
    reason: Reason = None,
    source_system: Annotated[str | None, typer.Option(help="Only records of this source system.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Records a page.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="KEY", help="The last key of the page before.")] = None,
    as_json: Json = False,
) -> None:
    """Count what is in quarantine by reason, type and source system, and list the records' keys."""
    from pipelines import lineage

    with failures(as_json=as_json):
        found = lineage.find(
            database(load_settings()), reason=reason, source_system=source_system, limit=limit, after=after
        )
        total = sum(group["records"] for group in found.groups)
        value = {"records_in_quarantine": total, "counts": found.groups, "records": found.records}
        report({**value, "next": found.next_key}, as_json=as_json, title="Quarantine")


@quarantine.command("show")
def quarantine_show(
    key: Annotated[str, typer.Argument(metavar="KEY", help="A key that 'sanctum quarantine list' printed.")],
    content: Content = False,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say where a record lies, why it can't be used, which loads read it, and what to do."""
    from pipelines import lineage

    with failures(as_json=as_json):
        settings = load_settings()
        reader = caller(settings, token_file) if content else None
        found = lineage.show(settings, database(settings), key, reader=reader, purpose=purpose)
        value = {**found.about, "loads": found.loads}
        if as_json and found.content is not None:
            value |= as_text(found.content)
        report(value, as_json=as_json, title="Record")
        if found.content is not None and not as_json:
            sys.stdout.flush()
            sys.stdout.buffer.write(found.content + b"\n")


@quarantine.command("replay")
def quarantine_replay(reason: Reason = None, as_json: Json = False) -> None:
    """Read again from landing what is in quarantine, as after an update; nothing is loaded twice."""
    from pipelines import lineage

    with failures(as_json=as_json), progress() as update:
        settings = ready()
        found = lineage.replay(settings, database(settings), update, reason=reason)
        report(found, as_json=as_json, title="Replay")
