"""``make bench``: run every benchmark in a throw-away home and print the tables of docs/benchmarks.md."""

import platform
import shutil
import tempfile
from pathlib import Path

from benchmarks import audit, fhir, retrieval
from benchmarks.table import Table
from resources import warehouse
from resources.postgres import stop_embedded
from resources.settings import load_settings


def main() -> None:
    """Print a heading with the machine, then one table a benchmark."""
    home = Path(tempfile.mkdtemp(prefix="sanctum-bench-"))
    settings = load_settings(home=home)
    try:
        database = warehouse.prepare(settings).database
        print(f"{platform.machine()}, {settings.workers} workers, Python {platform.python_version()}\n")
        for run in (fhir.run, retrieval.run, audit.run):
            table: Table = run(settings, database)
            print(table.markdown())
    finally:
        stop_embedded(settings)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
