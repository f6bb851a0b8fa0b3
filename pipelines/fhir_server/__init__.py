"""FHIR servers to files: Bulk Data exports and searches, signed in by SMART Backend Services.

Belongs here: how servers are named and spoken to, what is asked of them, what they really do, how far they were read.
Does not belong here: landing and mapping what they give (``pipelines.fhir``), and anything about files that a server
did not give.
"""

from pipelines.fhir_server.authorization import public_key_set
from pipelines.fhir_server.configuration import find_server
from pipelines.fhir_server.description import describe_server
from pipelines.fhir_server.ingestion import ServerReport, ingest_server

__all__ = ["ServerReport", "describe_server", "find_server", "ingest_server", "public_key_set"]
