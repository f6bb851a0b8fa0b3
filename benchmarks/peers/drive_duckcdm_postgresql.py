"""Run in duckcdm's own environment: OHDSI's SQL of the Achilles analyses as its SqlRender writes it for PostgreSQL.

Arguments: the schema of the CDM and the schema that results go to. Prints JSON: analysis id to its statements, which
make the tables ``tmpach_ID`` and ``tmpach_dist_ID``, or one of them.
"""

import json
import sys
from pathlib import Path

import duckcdm.achilles
from duckcdm.achilles import ACHILLES_VERSION, PREFIX, available
from duckcdm.sqlrender import render, split_sql, translate


def main(cdm: str, results: str) -> None:
    """Render, translate and print."""
    parameters = {
        "cdmDatabaseSchema": cdm,
        "scratchDatabaseSchema": results,
        "schemaDelim": ".",
        "tempAchillesPrefix": PREFIX,
        "source_name": cdm,
        "achilles_version": ACHILLES_VERSION,
        "cdmVersion": "5.4",
    }
    folder = Path(duckcdm.achilles.__file__).with_name("sql")
    found = {}
    for number in available(range(100_000)):
        rendered = render((folder / f"{number}.sql").read_text(), **parameters)
        found[number] = [one for one in split_sql(translate(rendered, "postgresql")) if one.strip()]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
