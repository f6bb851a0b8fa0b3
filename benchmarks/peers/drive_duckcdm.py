"""Run in duckcdm's own environment: every analysis of OHDSI Achilles that it has, on a copy of a CDM in memory.

Argument: a folder with ``tables.sql``, which makes the schemas ``omop`` and ``vocab`` and their tables, and with
``SCHEMA.TABLE.csv`` for each of them, where a null is ``\\N``. Prints JSON: the ids of the analyses that it has and of
those that it finished, those that failed with the reason, and the rows of its tables of results.
"""

import contextlib
import json
import sys
from pathlib import Path

import duckdb
from duckcdm.achilles import analysis_details, run_achilles

_TABLES = ("achilles_results", "achilles_results_dist", "achilles_result_concept_count")
# Nothing is guessed: a value that is none of its column's type is an error.
_CSV = (
    "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR '\\N', ALLOW_QUOTED_NULLS false, "
    "AUTO_DETECT false, PARALLEL false"
)


def main(folder: str) -> None:
    """Load, run all analyses and print what they gave; it drops no small counts, as it would by default."""
    connection = duckdb.connect()
    connection.execute(Path(folder, "tables.sql").read_text())
    for path in sorted(Path(folder).glob("*.csv")):
        connection.execute(f"COPY {path.stem} FROM '{path}' ({_CSV})")
    available = sorted(analysis_details())
    with contextlib.redirect_stdout(sys.stderr):
        finished, failed = run_achilles(
            connection, "omop", "results", "vocab", "omop", "5.4", available, small_cell_count=None
        )
    tables = {name: connection.table(f"results.{name}").fetchall() for name in _TABLES}
    json.dump({"available": available, "finished": finished, "failed": failed} | tables, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
