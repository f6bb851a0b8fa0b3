"""Object stores: files that are listed and read through dlt's filesystem source, and landed as those of folders are.

Which objects there are may be PHI: an object's URL may name a patient, so that it is neither kept nor told. An error
names an object by the first twelve digits of its URL's SHA-256.

Belongs here: addresses, which hosts may be connected to, what has changed since it was landed. Does not belong here:
what the bytes mean, and how they are stored.
"""

from pipelines.object_store.address import ObjectStoreError, Source, to_source
from pipelines.object_store.landing import land_sources

__all__ = ["ObjectStoreError", "Source", "land_sources", "to_source"]
