"""Group ``retrieval``: sentences of notes with their embeddings."""

from collections.abc import Iterator

import dagster as dg

from assets.checks import check_spec, count, none_of
from assets.content_free import content_free_errors, log_progress
from assets.metadata import table_metadata, table_spec
from assets.model_call import call
from resources.postgres import Role, database
from resources.settings import Settings

DOCUMENT_CHUNK = ("retrieval", "document_chunk")


@dg.multi_asset(
    name="embed_notes",
    specs=[
        table_spec(
            *DOCUMENT_CHUNK,
            deps=(["omop", "note"], ["models", "embedding_model"]),
            kinds={"python", "postgres", "pytorch"},
            description="One row a sentence of a note, with its embedding: halfvec, HNSW, row-level security.",
        )
    ],
    check_specs=[
        check_spec(DOCUMENT_CHUNK, "chunks_without_note", "Every chunk's note exists, of the same person."),
        check_spec(DOCUMENT_CHUNK, "notes_not_current", "Every note is chunked as it is, for the model in use."),
    ],
    pool="models",
)
def document_chunk(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Embed the sentences of new and changed notes."""
    from inference.embedding import embed_notes, index_problems

    with content_free_errors():
        warehouse = database(settings)
        report = call(settings, warehouse, "embed", lambda: embed_notes(settings, warehouse, log_progress(context)))
        problems = index_problems(settings, warehouse)
        # Row-level security shows no rows to whoever enters with no ticket; their number is told by a function.
        rows = {"dagster/row_count": count(warehouse, Role.EMBED, "chunks")}
        yield dg.MaterializeResult(
            asset_key=DOCUMENT_CHUNK,
            metadata={**report, **table_metadata(warehouse, Role.EMBED, *DOCUMENT_CHUNK), **rows},
            check_results=[
                none_of(DOCUMENT_CHUNK, "chunks_without_note", problems.chunks_without_note),
                none_of(DOCUMENT_CHUNK, "notes_not_current", problems.notes_not_current),
            ],
        )
