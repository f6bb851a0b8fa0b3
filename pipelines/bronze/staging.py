"""Bringing batches to ``bronze_staging`` with dlt: Arrow in, COPY out."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
from dlt.pipeline.exceptions import PipelineStepFailed

from pipelines.bronze.errors import BronzeLoadError
from pipelines.bronze.tables import BATCH_NUMBER
from resources.postgres import Database, Role

_ROWS_PER_ARROW_TABLE = 10_000


def stage(database: Database, working_directory: Path, batches: Iterable[Mapping[str, pa.Table]]) -> None:
    """Append all batches, rows by bronze table, to ``bronze_staging``.

    Raises:
        BronzeLoadError: dlt could not load; the text names the step, never values.
        Exception: whatever ``batches`` raised, as it was.
    """
    source_errors: list[Exception] = []

    def rows() -> Iterator[Any]:
        try:
            for name, arrow in _gathered(batches):
                yield dlt.mark.with_table_name(arrow, name)
        except Exception as error:
            source_errors.append(error)
            raise

    _configure()
    pipeline = dlt.pipeline(
        pipeline_name="bronze",
        pipelines_dir=str(working_directory),
        destination=dlt.destinations.postgres(database.url(Role.INGEST)),
        dataset_name="bronze_staging",
    )
    try:
        pipeline.run(dlt.resource(rows, name="bronze", write_disposition="append"), loader_file_format="csv")
    except PipelineStepFailed as error:
        if source_errors:
            raise source_errors[0] from None
        cause = error.__cause__ or error
        raise BronzeLoadError(
            f"dlt failed at step '{error.step}' ({type(cause).__name__}); nothing was loaded. "
            "Check the free space of the disk and of the database, then run again."
        ) from None


def _configure() -> None:
    dlt.config["runtime.log_level"] = "CRITICAL"
    dlt.config["load.delete_completed_jobs"] = True
    # Its files live as long as the load, on this machine: packing them costs more than it saves.
    dlt.config["data_writer.disable_compression"] = True
    dlt.config["load.raise_on_failed_jobs"] = True
    dlt.config["load.workers"] = 2
    dlt.config["restore_from_destination"] = False


def _gathered(batches: Iterable[Mapping[str, pa.Table]]) -> Iterator[tuple[str, pa.Table]]:
    """Rows with their batch number, gathered to large Arrow tables: dlt's cost is per table it is handed."""
    waiting: dict[str, list[pa.Table]] = {}
    for number, batch in enumerate(batches):
        for name, rows in batch.items():
            gathered = waiting.setdefault(name, [])
            gathered.append(rows.append_column(BATCH_NUMBER, pa.repeat(pa.scalar(number, pa.int64()), len(rows))))
            if sum(map(len, gathered)) >= _ROWS_PER_ARROW_TABLE:
                yield name, pa.concat_tables(waiting.pop(name))
    for name, gathered in waiting.items():
        yield name, pa.concat_tables(gathered)
