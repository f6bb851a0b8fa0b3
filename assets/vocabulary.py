"""Group ``vocab``: the OMOP vocabulary in use; the shipped starter where a site has loaded none."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import dagster as dg

from assets.checks import check_spec, count, none_of
from assets.content_free import content_free_errors
from assets.metadata import CLINICAL_INFORMATICS, table_metadata, table_spec
from resources.postgres import Role, database
from resources.settings import Settings

# Table: what it is, its check, the check's description.
_TABLES = {
    "concept": (
        "Concepts of the OMOP vocabulary.",
        "concepts_without_code",
        "Every concept has a code and a vocabulary.",
    ),
    "concept_relationship": (
        "Relationships between concepts, 'Maps to' among them.",
        "relationships_without_concepts",
        "Both ends of every relationship are concepts.",
    ),
    "concept_ancestor": (
        "The hierarchy of concepts, closed over its levels.",
        "ancestors_without_concepts",
        "Both ends of every pair are concepts.",
    ),
    "value_set_member": (
        "Members of the value sets a site has loaded.",
        "value_set_members_without_code",
        "Every member has a system and a code.",
    ),
    "source_to_concept_map": (
        "A site's own codes and the standard concepts they stand for.",
        "site_codes_without_target",
        "Every code in force leads to a concept that is standard in this release.",
    ),
}


@dg.multi_asset(
    name="load_vocabulary",
    specs=[
        table_spec("vocab", table, kinds={"python", "postgres"}, description=what, owners=[CLINICAL_INFORMATICS])
        for table, (what, _, _) in _TABLES.items()
    ],
    check_specs=[check_spec(("vocab", table), check, text) for table, (_, check, text) in _TABLES.items()],
    pool="warehouse",
)
def vocabulary(settings: dg.ResourceParam[Settings]) -> Iterator[dg.MaterializeResult[None]]:
    """Make sure that a vocabulary is loaded; one that a site has loaded is left as it is.

    The metadata have its report: which release is in force, and what that changed.
    """
    from pipelines.vocabulary import ensure_starter, report

    with content_free_errors():
        warehouse = database(settings)
        told = report(warehouse, changed=ensure_starter(warehouse).changed)
        released: dict[str, Any] = {
            "changed": told.changed,
            "release": told.release,
            "report": dg.MetadataValue.json(asdict(told)),
            **{f"concepts_{change}": concepts for change, concepts in told.changes.items()},
        }
        for table, (_, check, _) in _TABLES.items():
            yield dg.MaterializeResult(
                asset_key=("vocab", table),
                metadata={**released, **table_metadata(warehouse, Role.INGEST, "vocab", table)},
                check_results=[none_of(("vocab", table), check, count(warehouse, Role.INGEST, check))],
            )
