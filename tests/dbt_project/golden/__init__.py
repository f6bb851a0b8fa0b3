"""Golden cases, a module a family of resources: FHIR of one person in, exact rows out.

What is expected is written by hand from the mapping's rules (docs/mapping.md) and FHIR, never taken from what the code
gave. All cases share one load of each source system and one dbt build (tests/dbt_project/test_golden.py).
"""

from tests.dbt_project.golden.case import ASPIRIN, EHR, STRICT, Case, Resource, drug, key, left_out, order
from tests.dbt_project.golden.measures import OPEN, judged
from tests.dbt_project.golden.orders import COLONOSCOPY, COLONOSCOPY_CONCEPT, HOSPICE, SAID, procedure, service
from tests.dbt_project.golden.vocabulary import ADVERSE, CARDIOLOGY, CONCEPTS, GOAL, SURGERY

__all__ = [
    "ADVERSE",
    "ASPIRIN",
    "CARDIOLOGY",
    "COLONOSCOPY",
    "COLONOSCOPY_CONCEPT",
    "CONCEPTS",
    "EHR",
    "GOAL",
    "HOSPICE",
    "OPEN",
    "SAID",
    "STRICT",
    "SURGERY",
    "Case",
    "Resource",
    "drug",
    "judged",
    "key",
    "left_out",
    "order",
    "procedure",
    "service",
]
