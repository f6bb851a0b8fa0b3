"""Run in pyomop's own environment: load a folder of NDJSON as ``pyomop --input`` does, timed without its imports.

Arguments: the folder, and socket folder, user and name of an empty PostgreSQL database. Prints JSON: seconds of the
load, without making the tables, and the resource types that its mapping has a table for.
"""

import contextlib
import importlib
import json
import sys
import time
from pathlib import Path

import pyomop.loader
from pyomop.main import cli

_NOTHING_ELSE = {
    "vocab": "",
    "eunomia_dataset": None,
    "eunomia_path": "",
    "pyhealth_path": None,
    "connection_info": False,
    "mcp_server": False,
}


def types() -> list[str]:
    """Resource types of the mapping it uses by default."""
    mapping = json.loads(Path(pyomop.loader.__file__).with_name("mapping.default.json").read_text())
    return sorted({one["equals"] for table in mapping["tables"] for one in table["filters"]})


def main(folder: str, host: str, user: str, name: str) -> None:
    """Make the tables, load, and say how long the load took."""
    # What the load would import, and be timed for.
    importlib.import_module("fhiry.parallel")
    server = {"dbtype": "pgsql", "host": "localhost", "port": "5432", "user": user, "pw": "trusted", "schema": ""}
    # Its connection string has no place for a socket but the end.
    database = server | {"name": f"{name}?host={host}", "version": "cdm54"} | _NOTHING_ELSE
    with contextlib.redirect_stdout(sys.stderr):
        cli.callback(create=True, input_path=None, **database)
        started = time.perf_counter()
        cli.callback(create=False, input_path=folder, **database)
        seconds = time.perf_counter() - started
    json.dump({"seconds": seconds, "types": types()}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
