"""All golden cases together, and the input they make."""

from tests.dbt_project.golden import EHR, Case, Resource
from tests.dbt_project.golden.answers import ANSWERS
from tests.dbt_project.golden.claims import CLAIMS
from tests.dbt_project.golden.conditions import CONDITIONS
from tests.dbt_project.golden.coverages import COVERAGES, PAYERS
from tests.dbt_project.golden.devices import DEVICES
from tests.dbt_project.golden.encounters import ENCOUNTERS
from tests.dbt_project.golden.inputs import INPUTS
from tests.dbt_project.golden.measures import MEASURES
from tests.dbt_project.golden.medications import MEDICATIONS
from tests.dbt_project.golden.notes import NOTES
from tests.dbt_project.golden.observations import OBSERVATIONS
from tests.dbt_project.golden.orders import ORDERS
from tests.dbt_project.golden.people import PEOPLE
from tests.dbt_project.golden.prescriptions import PRESCRIPTIONS
from tests.dbt_project.golden.programmes import PROGRAMMES
from tests.dbt_project.golden.providers import PLACES, STAFF
from tests.dbt_project.golden.records import RECORDS
from tests.dbt_project.golden.references import REFERENCES
from tests.dbt_project.golden.strict import STRICTLY
from tests.dbt_project.population import patient

CASES: list[Case] = [
    *MEDICATIONS,
    *PRESCRIPTIONS,
    *ORDERS,
    *MEASURES,
    *PLACES,
    *DEVICES,
    *PEOPLE,
    *ENCOUNTERS,
    *CONDITIONS,
    *OBSERVATIONS,
    *RECORDS,
    *INPUTS,
    *NOTES,
    *REFERENCES,
    *COVERAGES,
    *CLAIMS,
    *ANSWERS,
    *PROGRAMMES,
    *STRICTLY,
]


NAMES_SOMEBODY = "Zzyzxford|555-0199|Elm Way|MRN-|LAB-77|Surname"
"""What would name a person: of the people below, and of the cases that have an address, a specimen or a doctor."""


def _patient(case: Case) -> Resource:
    named = {"name": [{"family": "Zzyzxford"}], "telecom": [{"system": "phone", "value": "555-0199"}]}
    found = {**patient(case.name, "1960-04-12", f"MRN-{case.name}"), **named, **case.patient}
    return {element: value for element, value in found.items() if value is not None}


def resources(source: str = EHR) -> list[Resource]:
    """Everything of a source system's cases, each with its Patient, and the staff and payers they name."""
    cases = [case for case in CASES if case.source == source]
    found = [
        *(_patient(case) for case in cases),
        *STAFF,
        *PAYERS,
        *(resource for case in cases for resource in case.resources),
    ]
    seen: dict[tuple[str, str], Resource] = {}
    for resource in found:
        if seen.setdefault((resource["resourceType"], resource["id"]), resource) is not resource:
            raise ValueError(f"two resources are {resource['resourceType']}/{resource['id']}: cases would meet")
    return found
