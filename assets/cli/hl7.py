"""``sanctum hl7``: HL7 v2 messages, apart from loading them."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from assets.cli.output import Json, failures, report

hl7 = typer.Typer(no_args_is_help=True, help="HL7 v2 messages.")


@hl7.callback()
def _group() -> None:
    """Keep ``check`` a command of its own."""


@hl7.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files of messages; gzip is accepted.", metavar="FILE…")],
    as_json: Json = False,
) -> None:
    """Say how far messages keep to the standard, by place and hashed number; nothing is loaded, nothing is quoted."""
    from pipelines.hl7.conformance import check as checked

    with failures(as_json=as_json):
        messages = []
        outcomes: Counter[str] = Counter()
        findings: Counter[str] = Counter()
        for number, path in enumerate(files, start=1):
            for one in checked(path):
                outcomes[one.outcome] += 1
                findings.update(one.findings)
                messages.append(
                    {
                        "file": number,
                        "byte_offset": one.byte_offset,
                        "control_id_sha256": one.control_id_sha256,
                        "type": one.message_type,
                        "outcome": one.outcome,
                        "findings": ", ".join(one.findings),
                    }
                )
        value = {
            "messages": sum(outcomes.values()),
            "outcomes": dict(outcomes),
            "findings": dict(findings.most_common()),
        }
        report({**value, "message": messages}, as_json=as_json, title="Conformance")
