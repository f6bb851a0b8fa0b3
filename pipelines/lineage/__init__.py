"""From a row or a quarantined record back to the landed bytes it came from.

Belongs here: where a record lies, reading exactly its bytes, who may see them. Does not belong here: loading.
"""

from pipelines.lineage.mappings import mappings_in_bronze, mixed_sources
from pipelines.lineage.quarantined import Listing, QuarantinedPlace, find, replay, show
from pipelines.lineage.trace import Source, Trace, trace

__all__ = [
    "Listing",
    "QuarantinedPlace",
    "Source",
    "Trace",
    "find",
    "mappings_in_bronze",
    "mixed_sources",
    "replay",
    "show",
    "trace",
]
