"""FHIR R4 resources to bronze rows: pure functions, one module a family of resources.

Belongs here: which element becomes which column. Does not belong here: files, databases, concepts.
"""

from pipelines.fhir.mapping.registry import MAPPED_TYPES, map_resource
from pipelines.fhir.mapping.result import Excluded, Mapped

__all__ = ["MAPPED_TYPES", "Excluded", "Mapped", "map_resource"]
