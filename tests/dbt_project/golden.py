"""Golden cases of medications, orders and the measures that read them: FHIR of one person in, exact rows out."""

from dataclasses import dataclass
from typing import Any

from pipelines.keys import resource_key
from tests.dbt_project.population import HCPCS, ICD10, LOINC, RXNORM, coded, condition, of, result, visit

Resource = dict[str, Any]
Row = tuple[Any, ...]

ORAL = coded("http://snomed.info/sct", "26643006", "oral")


@dataclass(frozen=True)
class Case:
    """What one person's record becomes.

    Attributes:
        name: the patient's id too, so that cases don't meet.
        resources: beside the Patient.
        table: with its schema.
        columns: those compared, by the first of which rows are ordered.
        expected: every row of the person.
    """

    name: str
    resources: list[Resource]
    table: str
    columns: str
    expected: list[Row]


def key(kind: str, name: str) -> int:
    """The key that the loader derives."""
    return resource_key("ehr", kind, name)


def drug(name: str, code: str, **extra: Any) -> Resource:
    return {"resourceType": "Medication", "id": name, "code": coded(RXNORM, code), **extra}


def order(person: str, **parts: Any) -> Resource:
    order = {"status": "active", "intent": "order", "authoredOn": "2026-01-10"} | parts
    return of(person, "MedicationRequest", f"{person}-rx", **order)


ASPIRIN = {"medicationCodeableConcept": coded(RXNORM, "1191", "aspirin")}
_DRUG = (
    "drug_type_concept_id, drug_concept_id, drug_source_value, drug_exposure_start_date::text, "
    "drug_exposure_end_date::text, quantity::float, days_supply"
)

MEDICATIONS = [
    Case(
        "drug-by-reference",
        [drug("tablet", "1191"), order("drug-by-reference", medicationReference={"reference": "Medication/tablet"})],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-by-uuid",
        [
            drug("5d2e1f0a-0000-4000-8000-000000000001", "1191"),
            order(
                "drug-by-uuid", medicationReference={"reference": "urn:uuid:5d2e1f0a-0000-4000-8000-000000000001"}
            ),
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-by-identifier",
        [
            drug("stocked", "1191", identifier=[{"system": "urn:stock", "value": "7"}]),
            order("drug-by-identifier", medicationReference={"identifier": {"system": "urn:stock", "value": "7"}}),
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-inside",
        [
            order(
                "drug-inside",
                contained=[{"resourceType": "Medication", "id": "in", "code": coded(RXNORM, "1191")}],
                medicationReference={"reference": "#in"},
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 1112807, "1191", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-that-never-came",
        [order("drug-that-never-came", medicationReference={"reference": "Medication/none", "display": "Tablets"})],
        "omop.drug_exposure",
        _DRUG,
        [(32838, 0, "Tablets", "2026-01-10", "2026-01-10", None, None)],
    ),
    Case(
        "drug-handed-over",
        [
            of(
                "drug-handed-over", "MedicationDispense", "handed", status="completed", whenHandedOver="2026-02-01",
                daysSupply={"value": 10, "code": "d"}, quantity={"value": 20}, **ASPIRIN,
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32825, 1112807, "1191", "2026-02-01", "2026-02-10", 20, 10)],
    ),
    Case(
        "drug-given",
        [
            of(
                "drug-given", "MedicationAdministration", "given", status="completed", **ASPIRIN,
                effectivePeriod={"start": "2026-02-01T08:00:00Z", "end": "2026-02-02T08:00:00Z"},
                dosage={"route": ORAL, "dose": {"value": 81, "unit": "mg"}},
            )
        ],
        "omop.drug_exposure",
        _DRUG + ", dose_unit_source_value, route_source_value",
        [(32818, 1112807, "1191", "2026-02-01", "2026-02-02", 81, None, "mg", "26643006")],
    ),
    Case(
        "drug-said-by-the-patient",
        [
            of(
                "drug-said-by-the-patient", "MedicationStatement", "said", status="active", dateAsserted="2026-02-03",
                informationSource={"reference": "Patient/drug-said-by-the-patient"}, **ASPIRIN,
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32865, 1112807, "1191", "2026-02-03", "2026-02-03", None, None)],
    ),
    Case(
        "drug-on-a-list",
        [
            of(
                "drug-on-a-list", "MedicationStatement", "listed", status="completed", **ASPIRIN,
                effectivePeriod={"start": "2026-01-01", "end": "2026-01-31"},
            )
        ],
        "omop.drug_exposure",
        _DRUG,
        [(32830, 1112807, "1191", "2026-01-01", "2026-01-31", None, None)],
    ),
]  # fmt: skip

# No public vocabulary has these; the tests add them, as a site's download would.
SNOMED = "http://snomed.info/sct"
REQUESTED, NOT_DONE, REFUSED = 2100000001, 2100000002, 2100000003
CARDIOLOGY, SURGERY = 2100000004, 2100000005
ADVERSE, GOAL = 2100000006, 2100000007
CONCEPTS = [
    (REQUESTED, "Requested", "Qualifier", "SNOMED", "385644000"),
    (NOT_DONE, "Procedure not done", "Observation", "SNOMED", "416237000"),
    (REFUSED, "Refusal of treatment by patient", "Observation", "SNOMED", "105480006"),
    (ADVERSE, "Adverse reaction", "Condition", "SNOMED", "281647001"),
    (GOAL, "Goal", "Qualifier", "SNOMED", "410518001"),
    (CARDIOLOGY, "Cardiology", "Provider", "NUCC", "207RC0000X"),
    (SURGERY, "Surgery", "Provider", "NUCC", "208600000X"),
]

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

_POPULATIONS = "initial_population, denominator_exclusion, numerator"


def seen(person: str, *more: Resource) -> list[Resource]:
    """Someone of 66 with diabetes and an office visit in the period."""
    return [
        visit(person, f"{person}-visit", "2026-02-03", "2026-02-03", type=[coded(HCPCS, "G0463")]),
        condition(person, f"{person}-dx", coded(ICD10, "E11.9"), "encounter-diagnosis"),
        result(person, f"{person}-a1c", "4548-4", "2026-02-03", 7.0, "%"),
        *more,
    ]


def judged(measure: str, person: str, expected: tuple[bool, bool, bool], *more: Resource) -> Case:
    """The person's populations in a measure: initial, excluded, numerator."""
    columns = f"{_POPULATIONS}, measure_id"
    return Case(person, seen(person, *more), f"measures.{measure.lower()}", columns, [(*expected, measure)])


OPEN, _MET, _EXCLUDED = (True, False, False), (True, False, True), (True, True, False)

MEASURES = [
    judged("CMS122", "nothing-ordered", OPEN),
    judged("CMS122", "hospice-ordered", _EXCLUDED, service("hospice-ordered", HOSPICE)),
    judged("CMS122", "hospice-order-completed", _EXCLUDED,
            service("hospice-order-completed", HOSPICE, status="completed")),
    judged("CMS122", "hospice-order-on-hold", OPEN, service("hospice-order-on-hold", HOSPICE, status="on-hold")),
    judged("CMS122", "hospice-not-ordered", OPEN, service("hospice-not-ordered", HOSPICE, doNotPerform=True)),
    judged("CMS122", "hospice-ordered-before", OPEN,
            service("hospice-ordered-before", HOSPICE, authoredOn="2025-12-31")),
    judged("CMS122", "hospice-ordered-as-device", OPEN,
            of("hospice-ordered-as-device", "DeviceRequest", "as-device", codeCodeableConcept=HOSPICE, **ORDERED)),
    judged("CMS122", "hospice-not-done", OPEN, procedure("hospice-not-done", HOSPICE, status="not-done")),
    judged("CMS122", "hospice-done", _EXCLUDED, procedure("hospice-done", HOSPICE, status="completed")),
    judged("CMS122", "palliative-assessment-ordered", OPEN,
            service("palliative-assessment-ordered", coded(LOINC, "71007-9"))),
    judged("CMS130", "colonoscopy-done", _MET, procedure("colonoscopy-done", COLONOSCOPY, status="completed")),
    judged("CMS130", "colonoscopy-not-done", OPEN, procedure("colonoscopy-not-done", COLONOSCOPY, status="not-done")),
    judged("CMS130", "colonoscopy-ordered", OPEN,
            service("colonoscopy-ordered", COLONOSCOPY, status="completed")),
    judged("CMS130", "stool-test-ordered", OPEN,
            service("stool-test-ordered", coded(LOINC, "2335-8"), status="completed")),
]  # fmt: skip
