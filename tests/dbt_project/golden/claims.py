"""Golden cases of claims and what payers made of them."""

from typing import Any

from pipelines.keys import derived_key
from tests.dbt_project.golden import (
    ASPIRIN,
    COLONOSCOPY,
    COLONOSCOPY_CONCEPT,
    HOSPICE,
    OPEN,
    Case,
    Resource,
    judged,
    key,
    order,
    procedure,
)
from tests.dbt_project.golden.coverages import SOPT, covered
from tests.dbt_project.population import HCPCS, ICD10, RXNORM, coded, condition, of, visit

REVENUE = "https://www.nubc.org/CodeSystem/RevenueCodes"
DRG = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software"
BLUE_BUTTON = "https://bluebutton.cms.gov/resources/variables"
EMERGENCY_ROOM, KNEE = 2100000012, 2100000013
CONCEPTS = [
    (EMERGENCY_ROOM, "Emergency room", "Revenue Code", "Revenue Code", "0450"),
    (KNEE, "Major hip and knee joint replacement", "Observation", "DRG", "470"),
]
VACCINE_UUID = "5d2e1f0a-0000-4000-8000-0000000000ab"

_PROFESSIONAL = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "professional"}]}
INSTITUTIONAL = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]}
_PHARMACY = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "pharmacy"}]}


def dollars(value: float, currency: str = "USD") -> Resource:
    return {"value": value, "currency": currency}


def adjudged(**amounts: float) -> list[Resource]:
    """Adjudications by FHIR's categories."""
    system = "http://terminology.hl7.org/CodeSystem/adjudication"
    return [{"category": coded(system, name), "amount": dollars(value)} for name, value in amounts.items()]


def item_of(code: Resource = COLONOSCOPY, number: int = 1, **parts: Any) -> Resource:
    return {"sequence": number, "productOrService": code, **parts}


def claim_of(person: str, name: str | None = None, **parts: Any) -> Resource:
    given = {
        "status": "active",
        "use": "claim",
        "type": _PROFESSIONAL,
        "patient": {"reference": f"Patient/{person}"},
        "billablePeriod": {"start": "2026-02-03", "end": "2026-02-03"},
        "created": "2026-02-05",
        "provider": {"reference": "Organization/state-payer"},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "Medicaid"}}],
    }
    return {"resourceType": "Claim", "id": name or f"{person}-claim", "priority": {"text": "normal"}} | given | parts


def answer_of(person: str, name: str | None = None, **parts: Any) -> Resource:
    found = claim_of(
        person, name or f"{person}-answer", outcome="complete", insurer={"reference": "Organization/state-payer"}
    )
    del found["priority"]
    insured = [{"focal": True, "coverage": {"display": "Medicaid"}}]
    return found | {"resourceType": "ExplanationOfBenefit", "insurance": insured} | parts


def _visited(person: str, *, code: str = "AMB") -> Resource:
    return visit(person, f"{person}-visit", "2026-02-03", "2026-02-03", code)


def at_visit(person: str) -> Resource:
    return {"encounter": [{"reference": f"Encounter/{person}-visit"}]}


_COST = "total_charge::float, total_paid::float, cost_event_id, cost_domain_id, cost_type_concept_id"


def costs(name: str, claims: list[Resource], expected: list[tuple[Any, ...]], columns: str = _COST, **at: str) -> Case:
    """A person with a visit, and what its claims cost."""
    return Case(name, [_visited(name, **at), *claims], "omop.cost", columns, expected)


def on_visit(name: str, charge: float | None, paid: float | None, kind: int = 32871) -> tuple[Any, ...]:
    return (charge, paid, key("Encounter", f"{name}-visit"), "Visit", kind)


def _charged(name: str, expected: list[tuple[Any, ...]], **parts: Any) -> Case:
    """A claim of 100 dollars for the visit."""
    return costs(name, [claim_of(name, item=[item_of(net=dollars(100), **at_visit(name))], **parts)], expected)


def _answered(name: str, expected: list[tuple[Any, ...]], columns: str, **item: Any) -> Case:
    return costs(name, [answer_of(name, item=[item_of(**at_visit(name), **item)])], expected, columns)


_SHARES = (
    "total_charge::float, amount_allowed::float, paid_by_payer::float, paid_by_patient::float, total_paid::float, "
    "paid_patient_copay::float, paid_patient_coinsurance::float, paid_patient_deductible::float, "
    "paid_by_primary::float, currency_concept_id"
)

COSTS = [
    _charged("claim-alone", [on_visit("claim-alone", 100, None)]),
    _charged("claim-to-be-authorised", [], use="preauthorization"),
    _charged("claim-to-be-estimated", [], use="predetermination"),
    _charged("claim-drafted", [], status="draft"),
    _charged("claim-cancelled", [], status="cancelled"),
    _charged("claim-in-error", [], status="entered-in-error"),
    _charged("claim-of-no-type-we-know", [on_visit("claim-of-no-type-we-know", 100, None, 32810)],
             type=coded("urn:type", "vision")),
    _charged("claim-outpatient", [on_visit("claim-outpatient", 100, None, 32860)], type=INSTITUTIONAL),
    _charged("claim-inpatient-by-subtype", [on_visit("claim-inpatient-by-subtype", 100, None, 32854)],
             type=INSTITUTIONAL, subType=coded("urn:subtype", "inpatient")),
    costs("claim-inpatient-by-visit",
           [claim_of("claim-inpatient-by-visit", type=INSTITUTIONAL, total=dollars(900),
                   item=[item_of(**at_visit("claim-inpatient-by-visit"))])],
           [on_visit("claim-inpatient-by-visit", 900, None, 32855)], code="IMP"),
    _answered(
        "answer-in-full", [(100, 80, 50, 30, 80, 5, 10, 15, 7, 44818668)], _SHARES,
        adjudication=adjudged(submitted=100, eligible=80, benefit=50, copay=5, coinsurance=10, deductible=15,
                             priorpayerpaid=7, tax=3),
    ),
    _answered(
        "answer-in-blue-button", [(140.52, 140.52, 112.416, 28.104, 140.52, None, 28.104, 0, None, 44818668)], _SHARES,
        net=dollars(140.52),
        adjudication=[
            {"category": coded("urn:b", f"{BLUE_BUTTON}/{code}"), "amount": dollars(value)}
            for code, value in (("line_sbmtd_chrg_amt", 140.52), ("line_alowd_chrg_amt", 140.52),
                                ("line_prvdr_pmt_amt", 112.416), ("line_coinsrnc_amt", 28.104),
                                ("line_bene_ptb_ddctbl_amt", 0))
        ] + [{"category": coded("urn:b", f"{BLUE_BUTTON}/line_prcsg_ind_cd")}],
    ),
    _answered("answer-says-payment-twice", [(None, None, 50, None, 50, None, None, None, None, 44818668)], _SHARES,
              adjudication=adjudged(benefit=50, paidtoprovider=50)),
    _answered("answer-says-who-was-paid", [(None, None, 60, None, 60, None, None, None, None, 44818668)], _SHARES,
              adjudication=adjudged(paidtoprovider=50, paidtopatient=10)),
    _answered("answer-says-what-the-patient-paid", [(None, None, 0, 12, 12, 5, None, None, None, 44818668)], _SHARES,
              adjudication=adjudged(benefit=0, paidbypatient=12, copay=5)),
    _answered("answer-in-parts", [(None, None, 50, None, 50, None, None, None, None, 44818668)], _SHARES,
              adjudication=[*adjudged(benefit=30), *adjudged(benefit=20)]),
    _answered("answer-in-euros", [(10, 0)], "total_charge::float, currency_concept_id", net=dollars(10, "EUR")),
    _answered("answer-in-two-currencies", [], "total_charge::float", net=dollars(10, "EUR"),
              adjudication=adjudged(benefit=5)),
    _answered("answer-without-money", [], "total_charge::float"),
    *(
        costs(f"answer-{word}", [answer_of(f"answer-{word}", outcome=word, item=[
            item_of(net=dollars(100), **at_visit(f"answer-{word}"))])], expected)
        for word, expected in (
            ("partial", [on_visit("answer-partial", 100, None)]), ("queued", []), ("error", []),
        )
    ),
    costs(
        "claim-and-answer",
        [
            claim_of("claim-and-answer", item=[item_of(net=dollars(100), **at_visit("claim-and-answer"))]),
            answer_of("claim-and-answer", claim={"reference": "Claim/claim-and-answer-claim"},
                    item=[item_of(adjudication=adjudged(submitted=100, benefit=80), **at_visit("claim-and-answer"))]),
        ],
        [on_visit("claim-and-answer", 100, 80)],
    ),
    costs(
        "claim-and-answer-by-identifier",
        [
            claim_of("claim-and-answer-by-identifier", identifier=[{"system": "urn:claims", "value": "17"}],
                   item=[item_of(net=dollars(100), **at_visit("claim-and-answer-by-identifier"))]),
            answer_of("claim-and-answer-by-identifier", claim={"identifier": {"system": "urn:claims", "value": "17"}},
                    item=[item_of(adjudication=adjudged(submitted=100, benefit=80),
                                **at_visit("claim-and-answer-by-identifier"))]),
        ],
        [on_visit("claim-and-answer-by-identifier", 100, 80)],
    ),
    costs(
        "claim-and-answer-in-error",
        [
            claim_of("claim-and-answer-in-error",
                   item=[item_of(net=dollars(100), **at_visit("claim-and-answer-in-error"))]),
            answer_of("claim-and-answer-in-error", claim={"reference": "Claim/claim-and-answer-in-error-claim"},
                    status="entered-in-error", item=[item_of(net=dollars(100))]),
        ],
        [on_visit("claim-and-answer-in-error", 100, None)],
    ),
    costs(
        "two-payers",
        [
            claim_of("two-payers", item=[item_of(net=dollars(100), **at_visit("two-payers"))]),
            answer_of("two-payers", "first-payer", created="2026-03-01",
                    claim={"reference": "Claim/two-payers-claim"},
                    item=[item_of(adjudication=adjudged(submitted=100, benefit=80), **at_visit("two-payers"))]),
            answer_of("two-payers", "second-payer", created="2026-04-01",
                    claim={"reference": "Claim/two-payers-claim"},
                    item=[item_of(adjudication=adjudged(submitted=100, benefit=15), **at_visit("two-payers"))]),
        ],
        [on_visit("two-payers", 100, 80), on_visit("two-payers", None, 15)],
    ),
    costs(
        "total-alone", [answer_of("total-alone", item=[item_of(**at_visit("total-alone"))],
                                payment={"amount": dollars(0)}, total=adjudged(submitted=129.16))],
        [on_visit("total-alone", 129.16, 0)],
    ),
    costs(
        "total-of-more-than-its-items",
        [claim_of("total-of-more-than-its-items", total=dollars(100),
                item=[item_of(net=dollars(60.1), **at_visit("total-of-more-than-its-items"))])],
        [on_visit("total-of-more-than-its-items", 39.9, None), on_visit("total-of-more-than-its-items", 60.1, None)],
    ),
    costs(
        "total-of-its-items",
        [claim_of("total-of-its-items", total=dollars(0.3),
                item=[item_of(net=dollars(0.1), **at_visit("total-of-its-items")),
                      item_of(number=2, net=dollars(0.2))])],
        [on_visit("total-of-its-items", 0.1, None), on_visit("total-of-its-items", 0.2, None)],
    ),
    costs(
        "total-of-less-than-its-items",
        [claim_of("total-of-less-than-its-items", total=dollars(1),
                item=[item_of(net=dollars(60), **at_visit("total-of-less-than-its-items"))])],
        [on_visit("total-of-less-than-its-items", 60, None)],
    ),
    costs(
        "item-added-by-the-payer",
        [answer_of("item-added-by-the-payer", item=[item_of(**at_visit("item-added-by-the-payer"))],
                 addItem=[{"productOrService": COLONOSCOPY, "adjudication": adjudged(benefit=9)}])],
        [on_visit("item-added-by-the-payer", None, 9)],
    ),
    costs(
        "cost-of-a-procedure",
        [
            procedure("cost-of-a-procedure", COLONOSCOPY, status="completed"),
            claim_of("cost-of-a-procedure", procedure=[{"sequence": 3, "procedureReference": {
                "reference": "Procedure/cost-of-a-procedure-procedure"}}],
                item=[item_of(net=dollars(5), procedureSequence=[3], **at_visit("cost-of-a-procedure"))]),
        ],
        [(5, None, key("Procedure", "cost-of-a-procedure-procedure"), "Procedure", 32871)],
    ),
    costs(
        "cost-of-a-procedure-that-the-claim-names",
        [
            procedure("cost-of-a-procedure-that-the-claim-names", COLONOSCOPY, status="completed"),
            claim_of("cost-of-a-procedure-that-the-claim-names", procedure=[{"sequence": 1, "procedureReference": {
                "reference": "Procedure/cost-of-a-procedure-that-the-claim-names-procedure"}}],
                item=[item_of(number=7, net=dollars(5), procedureSequence=[1])]),
            answer_of("cost-of-a-procedure-that-the-claim-names",
                    claim={"reference": "Claim/cost-of-a-procedure-that-the-claim-names-claim"},
                    item=[item_of(number=7, adjudication=adjudged(submitted=5, benefit=4),
                                **at_visit("cost-of-a-procedure-that-the-claim-names"))]),
        ],
        [(5, 4, key("Procedure", "cost-of-a-procedure-that-the-claim-names-procedure"), "Procedure", 32871)],
    ),
    costs(
        "cost-of-a-vaccination",
        [
            of("cost-of-a-vaccination", "Immunization", VACCINE_UUID, status="completed",
               occurrenceDateTime="2026-02-03", vaccineCode=coded("http://hl7.org/fhir/sid/cvx", "33")),
            claim_of("cost-of-a-vaccination", supportingInfo=[{
                "sequence": 1, "category": {"text": "info"},
                "valueReference": {"reference": f"urn:uuid:{VACCINE_UUID}"}}],
                item=[item_of(net=dollars(5), informationSequence=[1], **at_visit("cost-of-a-vaccination"))]),
        ],
        [(5, None, key("Immunization", VACCINE_UUID), "Drug", 32871)],
    ),
    costs(
        "cost-of-a-prescription",
        [
            order("cost-of-a-prescription", **ASPIRIN),
            claim_of("cost-of-a-prescription", type=_PHARMACY, total=dollars(5), item=[item_of()],
                   prescription={"reference": "MedicationRequest/cost-of-a-prescription-rx"}),
        ],
        [(5, None, key("MedicationRequest", "cost-of-a-prescription-rx"), "Drug", 32869)],
    ),
    costs("cost-of-another-person",
           [claim_of("cost-of-another-person", item=[item_of({"text": "x"}, net=dollars(5), encounter=[
               {"reference": "Encounter/claim-alone-visit"}])])], []),
    Case("cost-of-nothing-we-know", [claim_of("cost-of-nothing-we-know", total=dollars(5))],
         "omop.cost", "cost_id", []),
    costs(
        "cost-with-codes",
        [claim_of("cost-with-codes", total=dollars(5), item=[item_of(revenue=coded(REVENUE, "0450"), net=dollars(5),
                                                                 **at_visit("cost-with-codes"))],
                supportingInfo=[{"sequence": 1, "category": coded("urn:category", "drg"), "code": coded(DRG, "470")}])],
        [(EMERGENCY_ROOM, "0450", KNEE, "470")],
        "revenue_code_concept_id, revenue_code_source_value, drg_concept_id, drg_source_value",
    ),
    costs(
        "cost-with-codes-nobody-knows",
        [claim_of("cost-with-codes-nobody-knows", item=[item_of(revenue=coded(REVENUE, "0999"), net=dollars(5),
                                                            **at_visit("cost-with-codes-nobody-knows"))],
                diagnosis=[{"sequence": 1, "packageCode": coded(DRG, "999"), "diagnosisReference": {
                    "reference": "Condition/none"}}])],
        [(0, "0999", 0, "999")],
        "revenue_code_concept_id, revenue_code_source_value, drg_concept_id, drg_source_value",
    ),
    costs(
        "cost-of-the-coverage",
        [covered("cost-of-the-coverage"),
         claim_of("cost-of-the-coverage", item=[item_of(net=dollars(5), **at_visit("cost-of-the-coverage"))],
                  insurance=[
             {"sequence": 1, "focal": False, "coverage": {"reference": "Coverage/none"}},
             {"sequence": 2, "focal": True, "coverage": {"reference": "Coverage/cost-of-the-coverage-coverage"}}])],
        [(key("Coverage", "cost-of-the-coverage-coverage"),)],
        "payer_plan_period_id",
    ),
    costs("cost-of-a-coverage-that-never-came",
           [claim_of("cost-of-a-coverage-that-never-came", insurance=[
               {"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/none"}}],
               item=[item_of(net=dollars(5), **at_visit("cost-of-a-coverage-that-never-came"))])],
           [(None,)], "payer_plan_period_id"),
]  # fmt: skip

_DIABETES = coded(ICD10, "E11.9")
_DIAGNOSED = "condition_type_concept_id, condition_concept_id, condition_start_date::text, condition_status_concept_id"


def diagnosis_of(code: Resource = _DIABETES, kind: str = "principal") -> list[Resource]:
    return [{"sequence": 1, "diagnosisCodeableConcept": code, "type": [coded("urn:diagnosis-type", kind)]}]


def _told(name: str, table: str, columns: str, expected: list[tuple[Any, ...]], *given: Resource) -> Case:
    return Case(name, list(given), f"omop.{table}", columns, expected)


def line_of(person: str, kind: str, of_what: str = "Claim", name: str = "claim") -> int:
    return derived_key(str(key(of_what, f"{person}-{name}")), kind, "0")


_PERFORMED = "procedure_type_concept_id, procedure_concept_id, procedure_date::text, procedure_source_value"
_DISPENSED = "drug_type_concept_id, drug_concept_id, drug_exposure_start_date::text, drug_source_value"

TOLD_BY_CLAIMS = [
    _told("diagnosis-billed", "condition_occurrence", _DIAGNOSED, [(32871, 201826, "2026-02-03", 32902)],
          claim_of("diagnosis-billed", diagnosis=diagnosis_of())),
    _told("diagnosis-billed-second", "condition_occurrence", _DIAGNOSED, [(32861, 201826, "2026-02-03", 32908)],
          claim_of("diagnosis-billed-second", diagnosis=diagnosis_of(kind="secondary"), type=INSTITUTIONAL,
                 subType=coded("urn:subtype", "outpatient"))),
    _told("diagnosis-one-of-several", "condition_occurrence", _DIAGNOSED, [],
          claim_of("diagnosis-one-of-several", diagnosis=diagnosis_of(kind="differential"))),
    _told("diagnosis-without-a-day", "condition_occurrence", _DIAGNOSED, [],
          claim_of("diagnosis-without-a-day", diagnosis=diagnosis_of(), billablePeriod={})),
    _told("diagnosis-of-a-visit", "condition_occurrence", _DIAGNOSED, [], _visited("diagnosis-of-a-visit"),
          claim_of("diagnosis-of-a-visit", diagnosis=diagnosis_of(),
                   item=[item_of(**at_visit("diagnosis-of-a-visit"))])),
    _told("diagnosis-of-a-visit-that-never-came", "condition_occurrence", _DIAGNOSED,
          [(32871, 201826, "2026-02-03", 32902)],
          claim_of("diagnosis-of-a-visit-that-never-came", diagnosis=diagnosis_of(),
                 item=[item_of(**at_visit("diagnosis-of-a-visit-that-never-came"))])),
    _told("diagnosis-by-reference", "condition_occurrence", "condition_type_concept_id", [(32817,)],
          condition("diagnosis-by-reference", "billed-dx", _DIABETES, "encounter-diagnosis"),
          claim_of("diagnosis-by-reference", diagnosis=[
              {"sequence": 1, "diagnosisReference": {"reference": "Condition/billed-dx"}}])),
    _told("diagnosis-beside-the-record", "condition_occurrence", "condition_type_concept_id", [(32817,), (32871,)],
          condition("diagnosis-beside-the-record", "recorded-dx", _DIABETES, "encounter-diagnosis"),
          claim_of("diagnosis-beside-the-record", diagnosis=diagnosis_of())),
    _told("diagnosis-inside", "condition_occurrence", _DIAGNOSED, [(32871, 201826, "2026-02-03", 0)],
          claim_of("diagnosis-inside", contained=[{"resourceType": "Condition", "id": "in", "code": _DIABETES,
                     "subject": {"reference": "Patient/diagnosis-inside"}}],
                 diagnosis=[{"sequence": 1, "diagnosisReference": {"reference": "#in"}}])),
    _told("diagnosis-answered", "condition_occurrence", "condition_occurrence_id, condition_type_concept_id",
          [(line_of("diagnosis-answered", "diagnosis", "ExplanationOfBenefit", "answer"), 32871)],
          claim_of("diagnosis-answered", diagnosis=diagnosis_of()),
          answer_of("diagnosis-answered", claim={"reference": "Claim/diagnosis-answered-claim"},
                  diagnosis=diagnosis_of())),
    _told("procedure-billed", "procedure_occurrence", _PERFORMED,
          [(32871, COLONOSCOPY_CONCEPT, "2026-02-01", "G0105")],
          claim_of("procedure-billed", item=[item_of(servicedDate="2026-02-01")])),
    _told("procedure-billed-once", "procedure_occurrence", _PERFORMED,
          [(32854, COLONOSCOPY_CONCEPT, "2026-02-02", "G0105")],
          claim_of("procedure-billed-once", type=INSTITUTIONAL, subType=coded("urn:subtype", "inpatient"),
                 procedure=[{"sequence": 1, "procedureCodeableConcept": COLONOSCOPY, "date": "2026-02-02"}],
                 item=[item_of(procedureSequence=[1])])),
    _told("procedure-billed-and-its-cost", "cost", _COST,
          [(70, None, line_of("procedure-billed-and-its-cost", "item"), "Procedure", 32871)],
          claim_of("procedure-billed-and-its-cost", item=[item_of(net=dollars(70))])),
    _told("header-of-a-procedure-billed", "cost", _COST,
          [(70, None, line_of("header-of-a-procedure-billed", "item"), "Procedure", 32871)],
          claim_of("header-of-a-procedure-billed", item=[item_of()], total=dollars(70), diagnosis=diagnosis_of())),
    _told("drug-billed", "drug_exposure", _DISPENSED, [(32869, 1112807, "2026-02-03", "1191")],
          claim_of("drug-billed", type=_PHARMACY, item=[item_of(coded(RXNORM, "1191"))])),
    _told("drug-billed-without-a-code", "drug_exposure", _DISPENSED, [],
          claim_of("drug-billed-without-a-code", type=_PHARMACY, item=[
              item_of(coded("http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-applicable"))])),
    Case("timeline-says-billed", [claim_of("timeline-says-billed", item=[item_of(coded("urn:x", "1", "thing"))])],
         "features.patient_timeline", "concept_name", [("Billed: thing",)]),
    Case("timeline-says-a-visit-once", [_visited("timeline-says-a-visit-once"), claim_of(
        "timeline-says-a-visit-once", diagnosis=diagnosis_of(),
        item=[item_of(**at_visit("timeline-says-a-visit-once"))])],
        "features.patient_timeline", "cdm_table", [("visit_occurrence",)]),
    Case("problem-that-was-billed", [claim_of("problem-that-was-billed", diagnosis=diagnosis_of())],
         "features.problem_list", "problem_name", []),
    judged("CMS122", "hospice-billed", OPEN, claim_of("hospice-billed", item=[item_of(HOSPICE)])),
    judged("CMS130", "colonoscopy-billed", OPEN, claim_of("colonoscopy-billed", item=[item_of()])),
    judged("CMS130", "visit-billed", OPEN, claim_of("visit-billed", item=[item_of(coded(HCPCS, "G0463"))])),
]  # fmt: skip

SECRET = {"meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}}


def _hidden(name: str, *given: Resource, item: Resource | None = None, **parts: Any) -> Case:
    """A labelled thing of a person, and a cost that would tell of it."""
    claim = claim_of(name, item=[item_of(net=dollars(5), **(at_visit(name) | (item or {})))], **parts)
    return Case(name, [*given, claim], "omop.cost", "cost_id", [(line_of(name, "item"),)])


HIDDEN = [
    _hidden("secret-visit", _visited("secret-visit") | SECRET, covered("secret-visit")),
    _hidden("secret-coverage", _visited("secret-coverage"), covered("secret-coverage", **SECRET), insurance=[
        {"sequence": 1, "focal": True, "coverage": {"reference": "Coverage/secret-coverage-coverage"}}]),
    _hidden("secret-procedure", _visited("secret-procedure"),
            procedure("secret-procedure", COLONOSCOPY, status="completed", **SECRET),
            item={"procedureSequence": [1]}, procedure=[{"sequence": 1, "procedureReference": {
                "reference": "Procedure/secret-procedure-procedure"}}]),
    Case(
        "secret-claim",
        [_visited("secret-claim"), claim_of("secret-claim", item=[item_of()], **SECRET),
         answer_of("secret-claim", claim={"reference": "Claim/secret-claim-claim"},
                 item=[item_of(net=dollars(5), **at_visit("secret-claim"))])],
        "omop.cost", "cost_id", [(line_of("secret-claim", "item", "ExplanationOfBenefit", "answer"),)],
    ),
]  # fmt: skip
UNDER_LABELS_OF_OTHERS = [line_of(f"secret-{name}", "item") for name in ("visit", "procedure")]
LABELLED = [
    ("cost", line_of("secret-claim", "item", "ExplanationOfBenefit", "answer"), ["R"]),
    *(("cost", line_of(f"secret-{name}", "item"), ["R"]) for name in ("visit", "coverage", "procedure")),
    # All that is recorded of this person is labelled; the coverage says nothing of when they were seen.
    ("observation_period", key("Patient", "secret-visit"), ["R"]),
    ("payer_plan_period", key("Coverage", "secret-coverage-coverage"), ["R"]),
    ("procedure_occurrence", key("Procedure", "secret-procedure-procedure"), ["R"]),
    ("visit_occurrence", key("Encounter", "secret-visit-visit"), ["R"]),
]
DROPPED = [
    *(("payer_plan_period", key("Coverage", f"coverage-{name}-coverage"), reason) for name, reason in (
        ("without-a-period", "no_date"), ("without-a-start", "no_date"), ("cancelled-some-day", "no_end"))),
    *(("claim_line", line_of(name, kind, *side), reason) for name, kind, reason, *side in (
        ("claim-and-answer", "item", "answered_by_payer"),
        ("claim-and-answer-by-identifier", "item", "answered_by_payer"),
        ("two-payers", "item", "answered_by_payer"),
        ("diagnosis-answered", "diagnosis", "answered_by_payer"),
        ("cost-of-a-procedure-that-the-claim-names", "item", "answered_by_payer"),
        ("secret-claim", "item", "answered_by_payer"),
        ("cost-of-nothing-we-know", "header", "no_event"),
        ("cost-of-another-person", "item", "no_event"),
        ("diagnosis-without-a-day", "diagnosis", "no_date"),
        # A line for what the claim names.
        ("diagnosis-by-reference", "header", "no_code"),
        ("diagnosis-one-of-several", "header", "no_code"),
        ("drug-billed-without-a-code", "header", "no_code"),
        ("diagnosis-of-a-visit", "diagnosis", "told_by_visit"),
        ("diagnosis-of-a-visit", "item", "told_by_visit"),
        ("timeline-says-a-visit-once", "diagnosis", "told_by_visit"),
        ("timeline-says-a-visit-once", "item", "told_by_visit"),
        ("cost-of-a-prescription", "item", "told_by_visit"),
        ("claim-inpatient-by-visit", "item", "told_by_visit"),
        ("answer-without-money", "item", "told_by_visit", "ExplanationOfBenefit", "answer"),
        ("total-alone", "item", "told_by_visit", "ExplanationOfBenefit", "answer"),
        ("item-added-by-the-payer", "item", "told_by_visit", "ExplanationOfBenefit", "answer"),
    )),
]  # fmt: skip
"""What bronze has and omop has not, and why."""
UNMAPPED = [
    ("claim_line", DRG, "999", "cost"),
    ("claim_line", REVENUE, "0999", "cost"),
    ("payer_plan_period", SOPT, "9999", "payer_plan_period"),
]

CLAIMS = [*COSTS, *TOLD_BY_CLAIMS, *HIDDEN]
