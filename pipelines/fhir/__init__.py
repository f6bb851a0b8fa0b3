"""FHIR R4: files to landing, landed resources to bronze.

Belongs here: reading NDJSON and bundles, validation, which resources become rows and which columns, the account of it.
Does not belong here: codes to concepts, resolving who is the same person (dbt does both).
"""

from pipelines.fhir.loading import ingest_fhir, land_fhir, load_fhir, replay_fhir

__all__ = ["ingest_fhir", "land_fhir", "load_fhir", "replay_fhir"]
