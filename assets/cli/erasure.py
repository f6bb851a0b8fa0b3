"""``sanctum erase``: one person, from every store."""

import sys
from typing import Annotated

import typer

from assets.cli.identity import TokenFile, officer
from assets.cli.output import Json, failures, progress, report
from resources.postgres import database
from resources.settings import load_settings


def erase(
    person: Annotated[int, typer.Argument(help="person_id as in omop.person.", metavar="PERSON_ID")],
    reason_code: Annotated[
        str,
        typer.Option("--reason-code", help="data-subject-request, loaded-in-error, retention-expired or court-order."),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report what would go and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Erase one person from every store and prove it; run again, it finishes what was interrupted.

    Exit status 1 if anything of the person is left, or a table or a folder can't be searched: the report names it.
    """
    from pipelines.erasure import REASON_CODES, ErasureError, preview
    from pipelines.erasure import erase as erase_person

    with failures(as_json=as_json), progress() as update:
        settings = load_settings()
        if reason_code not in REASON_CODES:
            raise ErasureError(f"--reason-code is one of {', '.join(REASON_CODES)}")
        subject = officer(settings, token_file).subject
        if dry_run:
            found = preview(settings, database(settings), person)
        else:
            if not yes:
                _confirm(person)
            found = erase_person(settings, database(settings), person, reason_code, subject, update)
        report(found.as_dict(), as_json=as_json, title="Erasure")
        if found.state == "erased":
            raise typer.Exit(1)


def _confirm(person: int) -> None:
    if not sys.stdin.isatty():
        raise ValueError("nobody can be asked here: say --yes to erase, or --dry-run to see what would go")
    if not typer.confirm(f"Erase person {person} from every store, for good?", err=True):
        raise typer.Exit(1)
