"""Run in smart-fetch's own environment: one bulk export to a folder by its exporter, timed without its imports.

Arguments: the server's base URL, the folder, and the types, separated by commas. Its command line knows only types of
patients' own records; the class behind it takes any. Prints JSON: seconds from the first request to the deletion of the
export.
"""

import asyncio
import contextlib
import json
import sys
import time

import cumulus_fhir_support
from smart_fetch.bulk_utils import BulkExporter
from smart_fetch.lifecycle import OutputMetadata


async def export(url: str, folder: str, types: set[str]) -> float:
    """Seconds that an export takes."""
    started = time.perf_counter()
    async with cumulus_fhir_support.FhirClient.create_for_cli(url, types) as client:
        await BulkExporter(client, types, url, folder, metadata=OutputMetadata(folder), compress=False).export()
    return time.perf_counter() - started


def main(url: str, folder: str, types: str) -> None:
    """Export and say how long it took."""
    with contextlib.redirect_stdout(sys.stderr):
        seconds = asyncio.run(export(url, folder, set(types.split(","))))
    json.dump({"seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
