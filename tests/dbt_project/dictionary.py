"""docs/data_dictionary.md as the dbt project defines the features."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from resources import dbt

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "data_dictionary.md"
FOLDER = ROOT / "dbt_project" / "models" / "features"
WIDE = "person_feature"
_HEADING = """\
# Data dictionary of the features

Written by `pytest tests/dbt_project/test_dictionary.py --write-dictionary` from the definitions of the dbt project,
which are the one place where they are written; without that option the test compares. [features.md](features.md) says
how features as of a day are made, and what they can't know.

"""
_OF_WIDE = """\
Feature set version {version}. A definition that changes gets another version, and so does the set: rows of
different sets do not belong into one table. Units are UCUM. The window ends with the day `as_of`, which is counted;
`as_of` as a window means the state on that day.

| column | type | definition | unit | window | made of | version | since |
|---|---|---|---|---|---|---|---|
"""


def models() -> dict[str, dict[str, Any]]:
    """What the project says of each model of schema features, by name; scores are made in schema measures."""
    files = (path for path in sorted(FOLDER.rglob("*.yml")) if path.parent.name != "scores")
    found = (yaml.safe_load(path.read_text()).get("models", []) for path in files)
    return {model["name"]: model for listed in found for model in listed}


def about(column: dict[str, Any]) -> dict[str, Any]:
    """What a column's definition says beside type and text; empty: it is no feature."""
    found: dict[str, Any] = column.get("config", {}).get("meta", {})
    return found


def document() -> str:
    """The page."""
    found = models()
    return "\n".join(_lines(found)).rstrip() + "\n"


def _lines(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield from _HEADING.splitlines()
    wide = found.pop(WIDE)
    yield from (f"## {WIDE}", "", _text(wide), "")
    yield from _OF_WIDE.format(version=dbt.declared_variables()["feature_set_version"]).splitlines()
    for column in wide["columns"]:
        meta = about(column)
        parts = (meta.get(name, "") for name in ("unit", "window", "made_of", "version", "since"))
        yield _row(column["name"], column["data_type"], column["description"], *map(str, parts))
    yield ""
    for name, model in sorted(found.items()):
        yield from (f"## {name}", "", _text(model), "", "| column | type | definition |", "|---|---|---|")
        yield from (_row(one["name"], one["data_type"], one["description"]) for one in model["columns"])
        yield ""


def _text(model: dict[str, Any]) -> str:
    return " ".join(str(model["description"]).split())


def _row(name: str, *cells: str) -> str:
    return f"| `{name}` | {' | '.join(cells)} |"
