"""The OMOP vocabulary: read from an Athena download, switched to at once.

``starter/`` ships public codes only (ICD-10-CM, LOINC, RxNorm, CVX, HCPCS, UCUM and OMOP's own), enough for the demo.
Concepts with ids from 2,000,000,000 are ours, as OMOP reserves that range for sites; vocabulary ``Sanctum`` holds
stand-ins for standard concepts whose own vocabularies may not be redistributed. A download's rows win over them.

Belongs here: reading vocabulary, value set and site code files. Does not belong here: mapping codes to concepts (dbt
does).
"""

from pipelines.vocabulary.files import VocabularyError
from pipelines.vocabulary.loading import ensure_starter, load_vocabulary
from pipelines.vocabulary.reporting import VocabularyReport, report
from pipelines.vocabulary.site_map import SiteMapReport, load_site_map
from pipelines.vocabulary.value_sets import ValueSetReport, load_value_sets

__all__ = [
    "SiteMapReport",
    "ValueSetReport",
    "VocabularyError",
    "VocabularyReport",
    "ensure_starter",
    "load_site_map",
    "load_value_sets",
    "load_vocabulary",
    "report",
]
