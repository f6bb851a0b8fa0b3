"""``sanctum trace``: from a row to the landed records it came from."""

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assets.cli.identity import Purpose, TokenFile, caller
from assets.cli.output import Json, as_text, failures, report
from resources.postgres import database
from resources.settings import load_settings

if TYPE_CHECKING:
    from pipelines.lineage import Source


def trace(
    table: Annotated[str, typer.Argument(help="Such as condition_occurrence, omop.note or bronze.measurement.")],
    row_id: Annotated[int, typer.Argument(metavar="ID", help="The row's key, such as its condition_occurrence_id.")],
    content: Annotated[bool, typer.Option("--content", help="Print the landed records too: PHI.")] = False,
    purpose: Purpose = None,
    token_file: TokenFile = None,
    as_json: Json = False,
) -> None:
    """Say which landed records a row came from: load, file, line, resource and version. The read is audited."""
    from pipelines import lineage

    with failures(as_json=as_json):
        settings = load_settings()
        who = caller(settings, token_file)
        found = lineage.trace(settings, database(settings), who, table, row_id, purpose=purpose, content=content)
        places = [{**source.about, "person_id": source.person_id} for source in found.sources]
        if as_json:
            told = [{**place, **_value(source)} for place, source in zip(places, found.sources, strict=True)]
            report({"table": found.table, "id": row_id, "sources": told}, as_json=True, title="")
            return
        for number, (place, source) in enumerate(zip(places, found.sources, strict=True), start=1):
            known = {name: value for name, value in place.items() if value is not None}
            report(known, as_json=False, title=f"Source {number} of {len(places)} of {found.table} {row_id}")
            if content:
                sys.stdout.write(_text(source) + "\n")


def _value(source: "Source") -> dict[str, Any]:
    """The content for a JSON object; nothing if it was not asked for or was erased."""
    if source.content is None:
        return {}
    return {"content": source.content} if isinstance(source.content, Mapping) else as_text(source.content)


def _text(source: "Source") -> str:
    if source.content is None:
        return "This record was erased."
    if isinstance(source.content, Mapping):
        return json.dumps(source.content, indent=2, ensure_ascii=False)
    return source.content.decode(errors="backslashreplace").replace("\r\n", "\n").replace("\r", "\n")
