"""Sources and loaders: FHIR, HL7 v2, landing, bronze, quarantine, vocabulary; erasure, and the proof of egress.

Belongs here: reading what arrives, keeping its bytes, mapping it to OMOP-shaped bronze rows, loading them with dlt.
Does not belong here: Dagster, mapping codes to concepts (dbt does), models.
"""

import resources as resources
