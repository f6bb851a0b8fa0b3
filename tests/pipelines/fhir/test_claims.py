"""Claims, payers' answers and coverages as bronze rows, and those that make none."""

from typing import Any

import orjson
import pytest

from pipelines.fhir.mapping.claim_money import AMOUNTS
from pipelines.fhir.worker import Unusable, interpret
from pipelines.keys import derived_key
from resources.postgres import Database
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.synthetic import SNOMED, Resource, concept, excluded, key, mapped, ndjson, rows, task

CODE = concept(SNOMED, "73761001", "Colonoscopy")
PATIENT = {"reference": "Patient/p1"}


def claim(**parts: Any) -> Resource:
    given = {
        "status": "active",
        "use": "claim",
        "type": {"text": "professional"},
        "patient": PATIENT,
        "created": "2025-01-05",
        "priority": {"text": "normal"},
        "provider": {"reference": "Practitioner/d1"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/v1"}}],
        "item": [{"sequence": 4, "productOrService": CODE, "net": {"value": 5, "currency": "USD"}}],
    }
    return {"resourceType": "Claim", "id": "c1", **(given | parts)}


def answer(**parts: Any) -> Resource:
    found = claim(**({"outcome": "complete", "insurer": {"display": "payer"}} | parts))
    del found["priority"]
    insured = [{"focal": True, "coverage": {"reference": "Coverage/v1"}}]
    return found | {"resourceType": "ExplanationOfBenefit", "id": "e1", "insurance": insured}


def coverage(**parts: Any) -> Resource:
    given = {"status": "active", "beneficiary": PATIENT, "payor": [{"display": "Jo"}], "subscriberId": "S-1"}
    return {"resourceType": "Coverage", "id": "v1", **(given | parts)}


def test_a_line_has_what_omop_needs_and_no_more() -> None:
    (row,) = mapped(claim())["claim_line"]
    assert {name: value for name, value in row.items() if value is not None} == {
        "claim_line_key": derived_key(str(key("Claim", "c1")), "item", "0"),
        "resource_key": key("Claim", "c1"),
        "source_system": "ehr",
        "person_key": key("Patient", "p1"),
        "claim_key": key("Claim", "c1"),
        "is_adjudicated": False,
        "kind": "item",
        "line_number": 0,
        "item_sequence": 4,
        "claim_type": "professional",
        "provider_key": key("Practitioner", "d1"),
        "coverage_key": key("Coverage", "v1"),
        "named_keys": [key("Coverage", "v1")],
        "codings": CODE["coding"],
        "code_text": "Colonoscopy",
        "currency": "USD",
        "total_charge": 5.0,
        "known_at": row["known_at"],
    }


def test_the_first_line_has_the_keys_of_all_that_the_claim_names_but_people() -> None:
    def at(target: str) -> dict[str, str]:
        return {"reference": target}

    def numbered(*parts: Resource) -> list[Resource]:
        return [{"sequence": number, **part} for number, part in enumerate(parts, 1)]

    lines = mapped(
        answer(
            provider=at("urn:uuid:o1"),
            insurer=at("Organization/o2"),
            facility=at("Location/l1"),
            careTeam=numbered({"provider": at("Organization/o3")}, {"provider": at("Practitioner/d2")}),
            diagnosis=numbered({"diagnosisCodeableConcept": CODE}, {"diagnosisReference": at("Condition/x1")}),
            procedure=numbered({"procedureReference": at("Procedure/x2")}),
            prescription=at("MedicationRequest/x3"),
            referral=at("ServiceRequest/x4"),
            supportingInfo=numbered(
                {"category": {"text": "x"}, "valueReference": at("Observation/x5")},
                {"category": {"text": "x"}, "valueReference": at("Patient/p2")},
            ),
            item=numbered(
                {"productOrService": CODE, "encounter": [at("Encounter/e1"), at("Encounter/e2")]},
                # An item of no money and no code makes no line.
                {
                    "productOrService": {"text": "x"},
                    "encounter": [at("Encounter/e3")],
                    "locationReference": at("Location/l2"),
                },
            ),
            addItem=[
                {
                    "productOrService": {"text": "x"},
                    "provider": [at("Organization/o4")],
                    "locationReference": at("Location/l3"),
                }
            ],
        )
    )["claim_line"]
    named = [("Organization", "o", 4), ("Location", "l", 3), ("Encounter", "e", 3)]
    expected = {key(kind, f"{letter}{n}") for kind, letter, count in named for n in range(1, count + 1)}
    records = ("Condition", "Procedure", "MedicationRequest", "ServiceRequest", "Observation")
    expected |= {key(kind, f"x{n}") for n, kind in enumerate(records, 1)} | {key("Coverage", "v1")}
    assert [(line["kind"], set(line["named_keys"] or ())) for line in lines] == [
        ("item", expected),
        ("diagnosis", set()),
    ]


def test_a_claim_of_no_lines_has_one_with_its_names() -> None:
    (line,) = mapped(claim(item=[], facility={"reference": "Location/l1"}))["claim_line"]
    assert set(line["named_keys"]) == {key("Location", "l1"), key("Coverage", "v1")}
    assert (line["kind"], line["codings"], line["code_text"]) == ("header", [], None)
    assert {line.get(name) for name in AMOUNTS} == {None}
    assert "claim_line" not in mapped(claim(item=[], insurance=[]))


def test_supporting_information_by_urn_is_what_it_says_it_is() -> None:
    def of_type(**said: str) -> list[int]:
        value = {"reference": "urn:uuid:x1", **said}
        (line,) = mapped(claim(supportingInfo=[{"sequence": 1, "category": {"text": "x"}, "valueReference": value}]))[
            "claim_line"
        ]
        return line["named_keys"]

    assert key("Observation", "x1") in of_type(type="Observation")
    assert key("Immunization", "x1") in of_type()


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (claim(status="draft"), "status:draft"),
        (claim(status="cancelled"), "status:cancelled"),
        (claim(status="entered-in-error"), "status:entered-in-error"),
        (claim(status="Jane Doe"), "status:unrecognised"),
        (claim(use="preauthorization"), "use:preauthorization"),
        (claim(use="predetermination"), "use:predetermination"),
        (answer(outcome="queued"), "outcome:queued"),
        (answer(outcome="error"), "outcome:error"),
        (answer(outcome="Jane Doe"), "outcome:unrecognised"),
        (claim(patient={"reference": "Group/g1"}), "no_patient"),
        (claim(total={"value": 9, "currency": "EUR"}), "several_currencies"),
        (
            claim(
                diagnosis=[{"sequence": 1, "diagnosisCodeableConcept": CODE, "modifierExtension": [{"url": "urn:x"}]}]
            ),
            "modifier_extension",
        ),
        (coverage(status="draft"), "status:draft"),
        (coverage(status="entered-in-error"), "status:entered-in-error"),
        (coverage(beneficiary={"reference": "Group/g1"}), "no_patient"),
    ],
)
def test_what_is_no_claim_or_coverage_makes_no_row_under_its_name(resource: Resource, reason: str) -> None:
    assert excluded(resource) == reason


@pytest.mark.parametrize(
    "resource",
    [
        claim(item=[{"sequence": 1, "net": {"value": "5"}}]),
        claim(item=[{"sequence": 1, "net": {"value": True}}]),
        claim(item=[{"sequence": 1, "net": 5}]),
        claim(item=[{"sequence": 1 << 40, "net": {"value": 5}}]),
        claim(item="Jane Doe"),
        answer(total={"value": 5}),
        answer(item=[{"adjudication": [5]}]),
        coverage(period={"start": "yesterday"}),
        coverage(payor={"display": "Jo"}),
    ],
)
def test_what_can_not_be_read_is_put_in_quarantine(resource: Resource) -> None:
    (found,) = interpret(task(orjson.dumps(resource), "structural"))
    assert isinstance(found, Unusable)
    assert found.reason == "not_r4"


def test_a_coverage_names_no_person_and_no_number() -> None:
    (row,) = mapped(coverage(identifier=[{"system": "urn:x", "value": "S-2"}]))["payer_plan_period"]
    assert not {"Jo", "S-1", "S-2"} & {str(value) for value in row.values()}
    of_family = mapped(coverage(subscriber={"reference": "Patient/p2"}))["payer_plan_period"]
    assert of_family == mapped(coverage())["payer_plan_period"]
    (row,) = mapped(coverage(payor=[{"reference": "RelatedPerson/r1", "display": "Jo"}]))["payer_plan_period"]
    assert row["payer_name"] == "self"


def test_a_claim_in_error_withdraws_its_lines(ingest: Ingest, db: Database) -> None:
    ingest({"a.ndjson": ndjson([claim(meta={"lastUpdated": "2025-01-01T00:00:00Z"}, identifier=[{"value": "7"}])])})
    assert (len(rows(db, "claim_line")), len(rows(db, "reference_alias"))) == (1, 1)
    mistaken = claim(meta={"lastUpdated": "2025-01-02T00:00:00Z"}, status="entered-in-error")
    ingest({"b.ndjson": ndjson([mistaken])})
    assert (rows(db, "claim_line"), rows(db, "reference_alias")) == ([], [])


def of_type(*codes: str) -> list[Resource]:
    return [concept("http://terminology.hl7.org/CodeSystem/ex-diagnosistype", code, code) for code in codes]


def told(system: str, code: str) -> Resource:
    return {"onAdmission": concept(system, code, code)}


@pytest.mark.parametrize("made", [claim, answer])
def test_a_diagnosis_keeps_its_rank_and_whether_it_was_present_on_admission(made: Any) -> None:
    hl7, nubc = "http://terminology.hl7.org/CodeSystem/ex-diagnosis-on-admission", "https://www.nubc.org/poa"
    given: list[tuple[list[Resource], Resource, tuple[str | None, str | None]]] = [
        (of_type("admitting", "principal"), told(hl7, "y"), ("principal", "Y")),
        (of_type("admitting", "secondary"), told(hl7, "n"), ("secondary", "N")),
        (of_type("other"), told(nubc, "U"), ("secondary", "U")),
        (of_type("admitting"), told(nubc, "W"), ("admitting", "W")),
        (of_type("patientreasonforvisit"), told(nubc, "1"), ("patientreasonforvisit", "1")),
        (of_type("clinical"), told(hl7, "Jane Doe"), (None, None)),
        ([], {}, (None, None)),
    ]
    diagnoses = [
        {"sequence": number, "diagnosisCodeableConcept": CODE, "type": types, **admission}
        for number, (types, admission, _) in enumerate(given, 1)
    ]
    lines = [line for line in mapped(made(diagnosis=diagnoses))["claim_line"] if line["kind"] == "diagnosis"]
    assert [(line.get("diagnosis_type"), line.get("on_admission")) for line in lines] == [row for _, _, row in given]
    assert {line["recorded_diagnoses"] for line in lines} == {None}


def test_the_first_line_has_the_diagnoses_that_are_records_of_their_own() -> None:
    inside = {"resourceType": "Condition", "id": "in", "code": CODE, "subject": PATIENT}
    diagnoses = [
        {"sequence": 1, "diagnosisReference": {"reference": "Condition/x1"}, "type": of_type("principal")},
        {"sequence": 2, "diagnosisReference": {"reference": "Condition/x2"}, **told("urn:poa", "N")},
        {"sequence": 3, "diagnosisReference": {"reference": "Condition/x3"}, "type": of_type("differential")},
        {"sequence": 4, "diagnosisReference": {"reference": "#in"}, **told("urn:poa", "Y")},
    ]
    first, second = mapped(claim(diagnosis=diagnoses, contained=[inside]))["claim_line"]
    assert first["recorded_diagnoses"] == [
        {"condition_key": key("Condition", "x1"), "diagnosis_type": "principal", "on_admission": None},
        {"condition_key": key("Condition", "x2"), "diagnosis_type": None, "on_admission": "N"},
    ]
    assert (second["kind"], second["on_admission"], second["recorded_diagnoses"]) == ("diagnosis", "Y", None)
