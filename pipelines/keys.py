"""64-bit keys derived from source keys, so that loads are idempotent and can run in parallel."""

from functools import lru_cache
from hashlib import blake2b

_MASK = (1 << 63) - 1


def derived_key(*parts: str) -> int:
    """A positive 63-bit integer that depends on all parts and their order.

    Among n keys two collide with probability about n² / 2⁶⁴: uniqueness tests on every table turn that into a failure.
    """
    digest = blake2b("\x1f".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") & _MASK


# The same patients and encounters are referred to again and again.
@lru_cache(maxsize=1 << 14)
def resource_key(source_system: str, resource_type: str, resource_id: str) -> int:
    """Key of a source record, such as a FHIR resource; never made from a business identifier."""
    return derived_key(source_system, resource_type, resource_id)
