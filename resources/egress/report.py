"""The report of a proof, as JSON and as Markdown; it names places and kinds, never a planted text."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_report(folder: Path, name: str, content: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write ``name.md`` and ``name.json`` into ``folder``; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    markdown, as_json = folder / f"{name}.md", folder / f"{name}.json"
    as_json.write_text(json.dumps(content, indent=2) + "\n")
    markdown.write_text(to_markdown(content))
    return markdown, as_json


def to_markdown(content: Mapping[str, Any]) -> str:
    """A heading for each part of the report, a table for each list of objects."""
    lines = [f"# {content['title']}", "", f"**Verdict: {content['verdict']}**", ""]
    for key, value in content.items():
        if key in ("title", "verdict"):
            continue
        lines += [f"## {_words(key)}", "", *_body(value), ""]
    return "\n".join(lines)


def _body(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"- {_words(str(key))}: {_plain(part)}" for key, part in value.items()] or ["None."]
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            return ["None."]
        return _table(value) if isinstance(value[0], Mapping) else [f"- {_plain(part)}" for part in value]
    return [_plain(value)]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    columns = list(rows[0])
    head = [f"| {' | '.join(_words(column) for column in columns)} |", f"|{'---|' * len(columns)}"]
    return head + [f"| {' | '.join(_plain(row[column]).replace('|', '/') for column in columns)} |" for row in rows]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_plain(part) for part in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize() if name.islower() else name
