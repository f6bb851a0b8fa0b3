"""Golden cases of orders, and of what was not done."""

from typing import Any

from tests.dbt_project.golden.case import ASPIRIN, SNOMED, Case, Resource, drug, order
from tests.dbt_project.golden.vocabulary import NOT_DONE, REFUSED, REQUESTED
from tests.dbt_project.population import HCPCS, coded, of, visit

COLONOSCOPY_CONCEPT = 2000000156
COLONOSCOPY = coded(HCPCS, "G0105", "colonoscopy")
HOSPICE = coded(HCPCS, "G0182", "hospice care")
REFUSAL = coded(SNOMED, "105480006", "Refusal of treatment by patient")
ORDERED = {"status": "active", "intent": "order", "authoredOn": "2026-03-04"}
SAID = (
    "observation_type_concept_id, observation_concept_id, value_as_concept_id, observation_source_value, "
    "observation_date::text, qualifier_concept_id, qualifier_source_value"
)


def service(person: str, code: Resource, **parts: Any) -> Resource:
    return of(person, "ServiceRequest", f"{person}-order", code=code, **(ORDERED | parts))


def procedure(person: str, code: Resource, **parts: Any) -> Resource:
    return of(person, "Procedure", f"{person}-procedure", code=code, performedDateTime="2026-03-04", **parts)


ORDERS = [
    Case(
        "service-ordered",
        [service("service-ordered", COLONOSCOPY, reasonCode=[{"text": "screening"}])],
        "omop.observation",
        SAID,
        [(32833, REQUESTED, COLONOSCOPY_CONCEPT, "G0105", "2026-03-04", 0, "screening")],
    ),
    Case(
        "service-not-to-be-done",
        [service("service-not-to-be-done", COLONOSCOPY, doNotPerform=True, reasonCode=[REFUSAL])],
        "omop.observation",
        SAID,
        [(32833, NOT_DONE, COLONOSCOPY_CONCEPT, "G0105", "2026-03-04", REFUSED, "105480006")],
    ),
    Case(
        "device-ordered",
        [of("device-ordered", "DeviceRequest", "chair", codeCodeableConcept={"text": "wheelchair"}, **ORDERED)],
        "omop.observation",
        SAID,
        [(32833, REQUESTED, 0, "wheelchair", "2026-03-04", 0, None)],
    ),
    Case(
        "procedure-not-done",
        [procedure("procedure-not-done", COLONOSCOPY, status="not-done", statusReason=REFUSAL)],
        "omop.observation",
        SAID,
        [(32817, NOT_DONE, COLONOSCOPY_CONCEPT, "G0105", "2026-03-04", REFUSED, "105480006")],
    ),
    Case(
        "vaccine-not-given",
        [
            of(
                "vaccine-not-given", "Immunization", "no-vaccine", status="not-done", occurrenceDateTime="2026-03-04",
                vaccineCode=coded("http://hl7.org/fhir/sid/cvx", "33"),
            )
        ],
        "omop.observation",
        SAID,
        [(32817, NOT_DONE, 40213201, "33", "2026-03-04", 0, None)],
    ),
    Case(
        "drug-not-to-be-taken",
        [
            drug("avoided", "1191"),
            order("drug-not-to-be-taken", doNotPerform=True, medicationReference={"reference": "Medication/avoided"}),
        ],
        "omop.observation",
        SAID,
        [(32833, NOT_DONE, 1112807, "1191", "2026-01-10", 0, None)],
    ),
    Case(
        "a-visit-dates-what-was-not-done",
        [
            visit("a-visit-dates-what-was-not-done", "undated", "2026-05-06", "2026-05-06"),
            of(
                "a-visit-dates-what-was-not-done", "Procedure", "undated", status="not-done", code=COLONOSCOPY,
                encounter={"reference": "Encounter/undated"},
            ),
        ],
        "omop.observation",
        SAID,
        [(32817, NOT_DONE, COLONOSCOPY_CONCEPT, "G0105", "2026-05-06", 0, None)],
    ),
    *(
        Case(f"{name}-is-not-done", [make(f"{name}-is-not-done")], f"omop.{table}", "person_id", [])
        for name, make, table in (
            ("order", lambda person: service(person, COLONOSCOPY), "procedure_occurrence"),
            ("negation", lambda person: service(person, COLONOSCOPY, doNotPerform=True), "procedure_occurrence"),
            ("not-done", lambda person: procedure(person, COLONOSCOPY, status="not-done"), "procedure_occurrence"),
            ("do-not-take", lambda person: order(person, doNotPerform=True, **ASPIRIN), "drug_exposure"),
            (
                "device-order",
                lambda person: of(person, "DeviceRequest", person, codeCodeableConcept=COLONOSCOPY, **ORDERED),
                "device_exposure",
            ),
        )
    ),
    *(
        Case(
            f"timeline-says-{word}", [make(f"timeline-says-{word}")], "features.patient_timeline", "concept_name",
            [(expected,)],
        )
        for word, make, expected in (
            ("ordered", lambda person: service(person, coded("urn:x", "1", "thing")), "Ordered: thing"),
            ("not-done", lambda person: procedure(person, coded("urn:x", "1", "thing"), status="not-done"),
             "Not done: thing"),
            ("done", lambda person: procedure(person, coded("urn:x", "1", "thing"), status="completed"), "thing"),
        )
    ),
]  # fmt: skip
