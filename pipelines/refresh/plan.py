"""What a refresh runs: the models and tests of dbt's manifest in their order, and how each table takes rows over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any


class PlanError(RuntimeError):
    """The project does not say how a refresh changes a table."""


@dataclass(frozen=True)
class Model:
    """A model that a refresh makes of its persons' records.

    Attributes:
        name: of the table, and of the temporary one with the persons' rows.
        schema: of the table.
        query: what the temporary table is made of.
        by: the column that says whose a row is; None: the table only grows, or is made whole.
        adds: of a table that only grows, the columns by which a row is new.
        also: a table that is a copy of this one, such as access.person_scope.
        after: name of the statement that follows once all rows are in, in place of the model's own post-hook.
        reads: models it is made of.
    """

    name: str
    schema: str
    query: str
    by: str | None
    adds: tuple[str, ...]
    also: tuple[str, str] | None
    after: str | None
    reads: tuple[str, ...]

    @property
    def table(self) -> str:
        """``schema.name``."""
        return f"{self.schema}.{self.name}"

    @property
    def is_whole(self) -> bool:
        """Made anew of everybody, after the others' rows are taken over."""
        return self.by is None and not self.adds


@dataclass(frozen=True)
class Check:
    """A dbt test: its query gives the rows that are wrong.

    Attributes:
        name: as dbt names it.
        is_fatal: a wrong row stops the refresh; else it warns.
    """

    name: str
    query: str
    is_fatal: bool


@dataclass(frozen=True)
class Plan:
    """Models, each after those it reads, and the tests of what they make."""

    models: tuple[Model, ...]
    checks: tuple[Check, ...]

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "Plan":
        """The plan of a manifest that was compiled for a refresh.

        Raises:
            PlanError: a model's ``meta.refresh`` is none of those that dbt_project.yml describes.
        """
        nodes = {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}
        made = {key: model for key, node in nodes.items() if (model := _model(node, nodes)) is not None}
        order = TopologicalSorter({key: node["depends_on"]["nodes"] for key, node in nodes.items()}).static_order()
        models = tuple(made[key] for key in order if key in made)
        whole = {key for key, model in made.items() if model.is_whole}
        return cls(models, tuple(_checks(manifest, made.keys() - whole, whole)))


def _model(node: Mapping[str, Any], nodes: Mapping[str, Any]) -> Model | None:
    if _is_kept(node):
        return None
    how = dict(node["config"]["meta"].get("refresh", {}))
    by, adds = how.pop("by", None), tuple(how.pop("adds", ()))
    also, after, whole = how.pop("also", None), how.pop("after", None), how.pop("whole", False)
    if how or (by is not None) + bool(adds) + whole != 1 or (also and by is None):
        raise PlanError(f"model {node['name']}: meta.refresh must have one of by, adds, kept and whole")
    return Model(
        name=node["alias"],
        schema=node["config"]["schema"],
        query=node["compiled_code"],
        by=by,
        adds=adds,
        also=tuple(also.split(".")) if also else None,
        after=after,
        reads=tuple(nodes[key]["alias"] for key in node["depends_on"]["nodes"] if key in nodes),
    )


def _is_kept(node: Mapping[str, Any]) -> bool:
    """Whether a model, or a test, is of a build of everybody alone."""
    return bool(node["config"].get("meta", {}).get("refresh") == {"kept": True})


def _checks(manifest: Mapping[str, Any], made: set[str], whole: set[str]) -> Iterator[Check]:
    for node in manifest["nodes"].values():
        read = set(node["depends_on"].get("nodes", ()))
        if node["resource_type"] == "test" and read & made and not read & whole and not _is_kept(node):
            yield Check(node["name"], node["compiled_code"], node["config"]["severity"].lower() == "error")
