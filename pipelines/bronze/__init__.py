"""Loading OMOP-shaped rows into bronze: dlt stages them, one transaction merges them.

dlt's own merge runs a transaction a table, so a crash between two of them would leave a patient half loaded.
Here dlt brings Arrow to ``bronze_staging`` by COPY, and one transaction replaces what each staged resource owned.

Belongs here: staging, the merge, its order of versions. Does not belong here: how a source becomes rows.
"""

from pipelines.bronze.errors import BronzeLoadError
from pipelines.bronze.load import Batch, BronzeChange, empty_staging, load, withdraw
from pipelines.bronze.tables import BronzeTable, bronze_tables

__all__ = [
    "Batch",
    "BronzeChange",
    "BronzeLoadError",
    "BronzeTable",
    "bronze_tables",
    "empty_staging",
    "load",
    "withdraw",
]
