"""Golden cases: FHIR of one person in, exact rows of one table of omop out."""

from dataclasses import dataclass
from typing import Any

from pipelines.keys import resource_key
from tests.dbt_project.population import HCPCS, ICD10, LOINC, RXNORM, coded, condition, of, patient, result, visit

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
_SAID = (
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
        _SAID,
        [(32833, REQUESTED, COLONOSCOPY_CONCEPT, "G0105", "2026-03-04", 0, "screening")],
    ),
    Case(
        "service-not-to-be-done",
        [service("service-not-to-be-done", COLONOSCOPY, doNotPerform=True, reasonCode=[REFUSAL])],
        "omop.observation",
        _SAID,
        [(32833, NOT_DONE, COLONOSCOPY_CONCEPT, "G0105", "2026-03-04", REFUSED, "105480006")],
    ),
    Case(
        "device-ordered",
        [of("device-ordered", "DeviceRequest", "chair", codeCodeableConcept={"text": "wheelchair"}, **ORDERED)],
        "omop.observation",
        _SAID,
        [(32833, REQUESTED, 0, "wheelchair", "2026-03-04", 0, None)],
    ),
    Case(
        "procedure-not-done",
        [procedure("procedure-not-done", COLONOSCOPY, status="not-done", statusReason=REFUSAL)],
        "omop.observation",
        _SAID,
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
        _SAID,
        [(32817, NOT_DONE, 40213201, "33", "2026-03-04", 0, None)],
    ),
    Case(
        "drug-not-to-be-taken",
        [
            drug("avoided", "1191"),
            order("drug-not-to-be-taken", doNotPerform=True, medicationReference={"reference": "Medication/avoided"}),
        ],
        "omop.observation",
        _SAID,
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
        _SAID,
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


def _judged(measure: str, person: str, expected: tuple[bool, bool, bool], *more: Resource) -> Case:
    columns = f"{_POPULATIONS}, measure_id"
    return Case(person, seen(person, *more), f"measures.{measure.lower()}", columns, [(*expected, measure)])


_OPEN, _MET, _EXCLUDED = (True, False, False), (True, False, True), (True, True, False)

MEASURES = [
    _judged("CMS122", "nothing-ordered", _OPEN),
    _judged("CMS122", "hospice-ordered", _EXCLUDED, service("hospice-ordered", HOSPICE)),
    _judged("CMS122", "hospice-order-completed", _EXCLUDED,
            service("hospice-order-completed", HOSPICE, status="completed")),
    _judged("CMS122", "hospice-order-on-hold", _OPEN, service("hospice-order-on-hold", HOSPICE, status="on-hold")),
    _judged("CMS122", "hospice-not-ordered", _OPEN, service("hospice-not-ordered", HOSPICE, doNotPerform=True)),
    _judged("CMS122", "hospice-ordered-before", _OPEN,
            service("hospice-ordered-before", HOSPICE, authoredOn="2025-12-31")),
    _judged("CMS122", "hospice-ordered-as-device", _OPEN,
            of("hospice-ordered-as-device", "DeviceRequest", "as-device", codeCodeableConcept=HOSPICE, **ORDERED)),
    _judged("CMS122", "hospice-not-done", _OPEN, procedure("hospice-not-done", HOSPICE, status="not-done")),
    _judged("CMS122", "hospice-done", _EXCLUDED, procedure("hospice-done", HOSPICE, status="completed")),
    _judged("CMS122", "palliative-assessment-ordered", _OPEN,
            service("palliative-assessment-ordered", coded(LOINC, "71007-9"))),
    _judged("CMS130", "colonoscopy-done", _MET, procedure("colonoscopy-done", COLONOSCOPY, status="completed")),
    _judged("CMS130", "colonoscopy-not-done", _OPEN, procedure("colonoscopy-not-done", COLONOSCOPY, status="not-done")),
    _judged("CMS130", "colonoscopy-ordered", _OPEN,
            service("colonoscopy-ordered", COLONOSCOPY, status="completed")),
    _judged("CMS130", "stool-test-ordered", _OPEN,
            service("stool-test-ordered", coded(LOINC, "2335-8"), status="completed")),
]  # fmt: skip

NUCC = "http://nucc.org/provider-taxonomy"
ROLE_UUID = "5d2e1f0a-0000-4000-8000-00000000000a"


def practitioner(name: str, **parts: Any) -> Resource:
    return {"resourceType": "Practitioner", "id": name, **parts}


def role(name: str, of_whom: str, specialty: str | None = None, **parts: Any) -> Resource:
    found = {"specialty": [coded(NUCC, specialty)]} if specialty else {}
    whom = {"reference": f"Practitioner/{of_whom}"}
    return {"resourceType": "PractitionerRole", "id": name, "practitioner": whom, **found, **parts}


STAFF = [
    {"resourceType": "Organization", "id": "heart-centre", "name": "Heart Centre"},
    practitioner("dr-heart"),
    role("heart-role", "dr-heart", "207RC0000X", organization={"reference": "Organization/heart-centre"},
         identifier=[{"system": "urn:staff", "value": "heart"}]),
    role(ROLE_UUID, "dr-heart"),
    role("heart-role-over", "dr-heart", "208600000X", active=False),
    role("heart-role-past", "dr-heart", "208600000X", period={"start": "2019-01-01", "end": "2020-12-31"}),
    practitioner("dr-degree", qualification=[{"code": coded(NUCC, "208600000X")}]),
    role("degree-role", "dr-degree", organization={"reference": "Organization/heart-centre"}),
    role("nobody-role", "dr-who-never-came", "207RC0000X"),
]  # fmt: skip


def _by(reference: Resource, name: str, expected: str | None) -> Case:
    given = [service(name, HOSPICE, requester=reference)]
    provider = key("Practitioner", expected) if expected else None
    return Case(name, given, "omop.observation", "provider_id", [(provider,)])


PROVIDERS = [
    _by({"reference": "Practitioner/dr-heart"}, "by-a-practitioner", "dr-heart"),
    _by({"reference": "PractitionerRole/heart-role"}, "by-a-role", "dr-heart"),
    _by({"reference": "PractitionerRole/heart-role-over"}, "by-a-role-that-is-over", "dr-heart"),
    _by({"reference": "PractitionerRole?identifier=urn:staff|heart"}, "by-the-identifier-of-a-role", "dr-heart"),
    _by({"reference": f"urn:uuid:{ROLE_UUID}"}, "by-the-uuid-of-a-role", "dr-heart"),
    _by({"reference": "PractitionerRole/nobody-role"}, "by-a-role-of-nobody-we-know", None),
]

WHEELCHAIR = coded(HCPCS, "E1130", "wheelchair")
_DEVICE = (
    "device_concept_id, device_source_value, device_exposure_start_date::text, device_exposure_end_date::text, "
    "unique_device_id, production_id"
)


def device(name: str, **parts: Any) -> Resource:
    made = {"type": WHEELCHAIR, "manufactureDate": "2001-01-01", "udiCarrier": [{"deviceIdentifier": "0084"}]}
    return {"resourceType": "Device", "id": name, **made, **parts}


def _owned(person: str) -> Resource:
    return device(f"{person}-own", serialNumber="S-9", patient={"reference": f"Patient/{person}"})


_SECRET = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}

STATEMENTS = [
    Case(
        "labelled",
        [
            device("secret-pump", meta=_SECRET),
            of(
                "labelled", "DeviceUseStatement", "secret-use", status="active", recordedOn="2026-02-01",
                device={"reference": "Device/secret-pump"},
            ),
            of("labelled", "Specimen", "secret-blood", receivedTime="2026-02-01", meta=_SECRET),
        ],
        "omop.specimen",
        "specimen_id",
        [(key("Specimen", "secret-blood"),)],
    ),
    Case(
        "device-used",
        [
            _owned("device-used"),
            of(
                "device-used", "DeviceUseStatement", "used", status="completed",
                device={"reference": "Device/device-used-own"},
                timingPeriod={"start": "2026-02-01", "end": "2026-02-09"},
            ),
        ],
        "omop.device_exposure",
        _DEVICE,
        [(0, "E1130", "2026-02-01", "2026-02-09", "0084", "S-9")],
    ),
    Case(
        "device-of-a-procedure",
        [
            _owned("device-of-a-procedure"),
            procedure(
                "device-of-a-procedure", COLONOSCOPY, status="completed",
                focalDevice=[{"manipulated": {"reference": "Device/device-of-a-procedure-own"}}],
            ),
        ],
        "omop.device_exposure",
        _DEVICE,
        [(0, "E1130", "2026-03-04", None, "0084", "S-9")],
    ),
    Case("device-nobody-used", [_owned("device-nobody-used")], "omop.device_exposure", "person_id", []),
    Case(
        "adverse-event",
        [of("adverse-event", "AdverseEvent", "adverse", actuality="actual", date="2026-02-01",
            event=coded(ICD10, "E11.9"))],
        "omop.observation",
        _SAID,
        [(32817, ADVERSE, 201826, "E11.9", "2026-02-01", 0, None)],
    ),
    Case(
        "adverse-event-is-no-diagnosis",
        [of("adverse-event-is-no-diagnosis", "AdverseEvent", "adverse-dx", actuality="actual", date="2026-02-01",
            event=coded(ICD10, "E11.9"))],
        "omop.condition_occurrence",
        "person_id",
        [],
    ),
    Case(
        "goal",
        [of("goal", "Goal", "aim", lifecycleStatus="active", startDate="2026-02-01",
            description=coded(LOINC, "4548-4"))],
        "omop.observation",
        _SAID,
        [(32817, GOAL, 3004410, "4548-4", "2026-02-01", 0, None)],
    ),
    Case(
        "timeline-says-goal",
        [of("timeline-says-goal", "Goal", "aimed", lifecycleStatus="active", startDate="2026-02-01",
            description=coded("urn:x", "1", "walk"))],
        "features.patient_timeline",
        "concept_name",
        [("Goal: walk",)],
    ),
    Case(
        "composition",
        [of("composition", "Composition", "letter", status="final", type=coded(LOINC, "34131-3"), title="Letter",
            date="2026-02-01", author=[{"reference": "Practitioner/dr-heart"}],
            section=[{"title": "Plan", "text": {"status": "generated", "div": (
                '<div xmlns="http://www.w3.org/1999/xhtml"><p>See again.</p></div>'
            )}}])],
        "omop.note",
        "note_title, note_text, note_date::text, note_type_concept_id, provider_id",
        [("Letter", "Plan\nSee again.", "2026-02-01", 32834, key("Practitioner", "dr-heart"))],
    ),
    Case(
        "specimen",
        [of("specimen", "Specimen", "blood", type=coded("urn:x", "B", "blood"), collection={
            "collectedDateTime": "2026-02-01T07:00:00-05:00", "quantity": {"value": 5, "code": "mL"},
            "bodySite": {"text": "forearm"},
        })],
        "omop.specimen",
        "specimen_id, specimen_concept_id, specimen_type_concept_id, specimen_source_value, specimen_date::text, "
        "quantity::float, unit_concept_id, unit_source_value, anatomic_site_source_value, specimen_source_id",
        [(key("Specimen", "blood"), 0, 32817, "B", "2026-02-01", 5, 8587, "mL", "forearm", None)],
    ),
    Case(
        "specimen-without-a-day",
        [of("specimen-without-a-day", "Specimen", "undated-blood", type=coded("urn:x", "B"))],
        "omop.specimen", "person_id", [],
    ),
    _judged("CMS122", "hospice-as-a-goal", _OPEN,
            of("hospice-as-a-goal", "Goal", "hospice-goal", lifecycleStatus="active", startDate="2026-02-01",
               description=HOSPICE)),
    _judged("CMS122", "hospice-as-an-adverse-event", _OPEN,
            of("hospice-as-an-adverse-event", "AdverseEvent", "hospice-ae", actuality="actual", date="2026-02-01",
               event=HOSPICE)),
]  # fmt: skip

CASES = [*MEDICATIONS, *ORDERS, *MEASURES, *PROVIDERS, *STATEMENTS]


def resources() -> list[Resource]:
    """Everything of all cases, each with its Patient."""
    people = [patient(case.name, "1960-04-12", f"MRN-{case.name}") for case in CASES]
    return [*people, *STAFF, *(resource for case in CASES for resource in case.resources)]
