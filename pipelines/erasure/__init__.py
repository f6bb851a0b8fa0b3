"""Erasure of one person from every store, and the proof of it.

Belongs here: who the person is in every source, what they are called, deleting rows, overwriting bytes in the order
that lets an interrupted erasure be finished, sweeping for what is left, and purging by retention class.
Does not belong here: finding a person's records in a format (``pipelines.fhir``, ``pipelines.hl7``).
"""

from pipelines.erasure.erase import REASON_CODES, ErasureError, ErasureReport, erase, preview

__all__ = ["REASON_CODES", "ErasureError", "ErasureReport", "erase", "preview"]
