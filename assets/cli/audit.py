"""``sanctum audit``: verify, sign, who, export."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
import typer

from assets.cli.identity import TokenFile, officer
from assets.cli.output import Json, failures, report
from resources import audit
from resources.postgres import database
from resources.settings import load_settings

audit_log = typer.Typer(no_args_is_help=True, help="The audit log.")


@audit_log.command("verify")
def audit_verify(
    public_key: Annotated[
        Path | None, typer.Option(help="Your own copy of the public keys (PEM), in place of those beside the key.")
    ] = None,
    heads: Annotated[
        Path | None, typer.Option(help="Your own copy of the file of signed heads, in place of the home's.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute every hash of the audit log anew and compare it with every signed head.

    Exit status 1 names the first altered or missing event of each chain, and signed heads altered or missing.
    """
    with failures(as_json=as_json):
        settings = load_settings()
        result = audit.verify(settings, database(settings), public_key=public_key, heads=heads)
        # Lists have a line for each entry.
        found = {name: list(part) if isinstance(part, tuple) else part for name, part in asdict(result).items()}
        report(found, as_json=as_json, title="Audit log")
        if not result.is_whole:
            raise typer.Exit(1)


@audit_log.command("sign")
def audit_sign(
    restore: Annotated[
        bool, typer.Option("--restore", help="First put back into the table the heads that only the file has.")
    ] = False,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Sign the ends of all chains; the job nightly does it too."""
    with failures(as_json=as_json):
        settings = load_settings()
        restored = audit.restore(settings, database(settings), officer(settings, token_file)) if restore else ()
        head = audit.sign(settings, database(settings))
        report(
            {
                "number": head.number,
                "signed_at": head.signed_at,
                "events": sum(end.sequence for end in head.ends),
                "sha256": head.sha256,
                "key_sha256": head.key_sha256,
                "restored": list(restored),
            },
            as_json=as_json,
            title="Signed head",
        )


@audit_log.command("who")
def audit_who(
    person: Annotated[int, typer.Argument(help="person_id as in omop.person.")],
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say who did what with one person's data, when and why. Asking is audited."""
    with failures(as_json=as_json):
        settings = load_settings()
        events = audit.events_of(settings, database(settings), officer(settings, token_file), person)
        report({"person_id": person, "events": events}, as_json=as_json, title="Audit log")


@audit_log.command("export")
def audit_export(
    fhir: Annotated[bool, typer.Option("--fhir", help="As FHIR R4 AuditEvent, one resource a line (NDJSON).")] = False,
    person: Annotated[int | None, typer.Option(help="Only this person's events.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only events of this day (UTC) and later.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="File to write (mode 0600); default: stdout.")] = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Export the audit log. The export is audited. With --json the report needs --output."""
    from pipelines.fhir.audit_event import audit_event

    with failures(as_json=as_json):
        if not fhir:
            raise ValueError("say --fhir: there is no other format")
        if as_json and output is None:
            raise ValueError("--json needs --output: the events would be on stdout too")
        settings = load_settings()
        start = since.replace(tzinfo=UTC) if since else None
        events = audit.export(
            settings, database(settings), officer(settings, token_file), person_id=person, since=start
        )
        written = 0
        with _destination(output) as stream:
            for event in events:
                stream.write(orjson.dumps(audit_event(event, settings.source_system)) + b"\n")
                written += 1
        if output is not None:
            report({"events": written, "output": str(output)}, as_json=as_json, title="Export")


@contextmanager
def _destination(output: Path | None) -> Iterator[BinaryIO]:
    """stdout, or a file that is there under its name only when it is whole."""
    if output is None:
        yield sys.stdout.buffer
        return
    temporary = output.with_name(f".{output.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
        temporary.replace(output)
    finally:
        temporary.unlink(missing_ok=True)
