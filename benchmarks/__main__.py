"""``make bench``: run every benchmark in a throw-away home and print the tables of docs/benchmarks.md.

``python -m benchmarks NAME…`` runs those named.
"""

import argparse
import os
import platform
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from benchmarks import audit, conformed, downloads, fhir, hl7, measures, mllp, refresh, retrieval, vocabulary
from benchmarks.peers import omop
from benchmarks.table import ScaleTable, Table
from resources.postgres import Database
from resources.settings import Settings
from resources.temporary_home import temporary_home

_Run = Callable[[Settings, Database], Iterable[Table | ScaleTable]]

BENCHMARKS: Mapping[str, _Run] = {
    "fhir": fhir.run,
    "hl7": hl7.run,
    "pyomop": omop.run,
    "downloads": downloads.run,
    "vocabulary": vocabulary.run,
    "retrieval": lambda settings, database: [retrieval.run(settings, database)],
    "audit": lambda settings, database: [audit.run(settings, database)],
    "mllp": mllp.run,
    "omop": conformed.run,
    "refresh": refresh.run,
    "measures": measures.run,
}


def main() -> None:
    """Print a heading with the machine, then each benchmark's tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument(
        "name", nargs="*", choices=["all", *BENCHMARKS], default="all", help="which to run; default: all"
    )
    parser.add_argument(
        "--vocabulary-scale",
        type=float,
        default=vocabulary.SCALE,
        help="share of a full Athena download that 'vocabulary' loads; default: %(default)s, 1 is full",
    )
    parser.add_argument(
        "--refresh-copies",
        type=int,
        default=refresh.COPIES,
        help="how often 'refresh' repeats the population; default: %(default)s",
    )
    parser.add_argument(
        "--omop-copies",
        type=int,
        default=conformed.COPIES,
        help="how often 'omop' repeats the population, for its larger size; default: %(default)s",
    )
    parser.add_argument(
        "--measure-copies",
        type=int,
        default=measures.COPIES,
        help="how often 'measures' repeats the decks' patients, for its larger size; default: %(default)s",
    )
    arguments = parser.parse_args()
    asked = arguments.name
    benchmarks: dict[str, _Run] = {
        **BENCHMARKS,
        "vocabulary": partial(vocabulary.run, scale=arguments.vocabulary_scale),
        "omop": partial(conformed.run, copies=arguments.omop_copies),
        "refresh": partial(refresh.run, copies=arguments.refresh_copies),
        "measures": partial(measures.run, copies=arguments.measure_copies),
    }
    chosen = list(BENCHMARKS) if "all" in asked else asked
    with temporary_home("bench") as (settings, database):
        print(f"{platform.machine()}, {settings.workers} workers, Python {platform.python_version()}\n", flush=True)
        for name in chosen:
            # What else the machine has to do is in every figure.
            print(f"Load before '{name}': {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n", flush=True)
            for table in benchmarks[name](settings, database):
                print(table.markdown(), flush=True)


if __name__ == "__main__":
    main()
