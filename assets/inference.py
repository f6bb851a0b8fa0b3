"""Group ``inference``: the language model's decisions about open care gaps."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.checks import check_spec, count, none_of
from assets.content_free import content_free_errors, log_progress
from assets.metadata import CLINICAL_INFORMATICS, table_metadata, table_spec
from assets.model_call import call
from resources.postgres import Role, database
from resources.settings import Settings

ADJUDICATION = ("inference", "adjudication")


@dg.multi_asset(
    name="adjudicate_care_gaps",
    specs=[
        table_spec(
            *ADJUDICATION,
            deps=(["features", "care_gap"], ["retrieval", "document_chunk"], ["models", "language_model"]),
            kinds={"python", "postgres", "vllm"},
            description="For each open gap, the model's decision and the sentences it cites.",
            owners=[CLINICAL_INFORMATICS],
        )
    ],
    check_specs=[
        check_spec(ADJUDICATION, "unfounded_adjudications", "Every decision cites sentences of its own prompt."),
        check_spec(
            ADJUDICATION, "unlabelled_adjudications", "Every decision carries the labels of its prompt's sentences."
        ),
        check_spec(ADJUDICATION, "undecided_gaps", "Every open gap whose person has documents has a decision."),
    ],
    pool="models",
)
def adjudication(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Ask the model about every open gap it has not decided on the same sentences."""
    from inference.adjudication import adjudicate

    with content_free_errors():
        warehouse = database(settings)
        report = call(settings, warehouse, "adjudicate", lambda: adjudicate(settings, warehouse, log_progress(context)))
        # Row-level security shows no one's decisions to whoever names no person; their number is told by a function.
        rows = {"dagster/row_count": count(warehouse, Role.INFER, "adjudications")}
        yield dg.MaterializeResult(
            asset_key=ADJUDICATION,
            metadata={**_metadata(report), **table_metadata(warehouse, Role.INFER, *ADJUDICATION), **rows},
            check_results=[
                none_of(
                    ADJUDICATION, "unfounded_adjudications", count(warehouse, Role.INFER, "unfounded_adjudications")
                ),
                none_of(
                    ADJUDICATION, "unlabelled_adjudications", count(warehouse, Role.INFER, "unlabelled_adjudications")
                ),
                none_of(ADJUDICATION, "undecided_gaps", undecided(report)),
            ],
        )


def undecided(report: dict[str, Any]) -> int:
    """Open gaps whose person has documents and that have no decision."""
    return int(report["gaps_open"] - report["gaps_without_documents"] - sum(report["decisions"].values()))


def _metadata(report: dict[str, Any]) -> dict[str, Any]:
    return {**report, "decisions": dg.MetadataValue.json(report["decisions"])}
