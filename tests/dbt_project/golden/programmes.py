"""Golden cases of claims that a label reaches through something else they name: a treatment programme's.

Each person has an ExplanationOfBenefit without a label of its own, whose diagnosis and items become rows.
"""

from collections.abc import Sequence
from typing import Any

from pipelines.keys import derived_key
from tests.dbt_project.golden import COLONOSCOPY, Case, Resource, drug, key, order, procedure
from tests.dbt_project.golden.case import at
from tests.dbt_project.golden.claims import SECRET, answer_of, claim_of, diagnosis_of, dollars, item_of
from tests.dbt_project.golden.coverages import covered
from tests.dbt_project.population import ICD10, coded, condition, visit

PROGRAMME, UNIT, ROOM = at("Organization", "programme"), at("Organization", "unit"), at("Location", "room")
PLACES = [
    {"resourceType": "Organization", "id": "programme", "name": "Programme", **SECRET},
    {"resourceType": "Organization", "id": "unit", "name": "Unit", "partOf": PROGRAMME},
    {"resourceType": "Location", "id": "room", "name": "Room", "managingOrganization": UNIT},
]


def _line(person: str, kind: str, number: int = 0) -> int:
    return derived_key(str(key("ExplanationOfBenefit", f"{person}-answer")), kind, str(number))


def _case(name: str, *given: Resource, items: Sequence[Resource] = ({},), **parts: Any) -> Case:
    """What a payer says of one person: a diagnosis, and an item of each of these; its costs."""
    billed = [item_of(number=number, net=dollars(5), **item) for number, item in enumerate(items, 1)]
    diagnosed = {"diagnosis": diagnosis_of(), **parts}
    costs = [(_line(name, "item", number),) for number in range(len(items))]
    return Case(name, [*given, answer_of(name, item=billed, **diagnosed)], "omop.cost", "cost_id", costs)


def _seen(name: str) -> Resource:
    """At the programme, a week after the day that was billed."""
    return visit(name, f"{name}-visit", "2026-02-10", "2026-02-10", serviceProvider=UNIT)


def _visit(name: str) -> Resource:
    return at("Encounter", f"{name}-visit")


def _billed_to(name: str) -> list[Resource]:
    return [{"focal": True, "coverage": at("Coverage", f"{name}-coverage")}]


def _insured(name: str, **parts: Any) -> Case:
    return _case(name, covered(name, payor=[UNIT], **parts), insurance=_billed_to(name))


_NOBODY_KNOWS = at("Encounter", "nobody-knows")
_RECORDED = condition("condition-of-programme", "secret-dx", coded(ICD10, "E11.9"), "problem-list-item", **SECRET)
PROGRAMMES = [
    _case("provider-of-programme", *PLACES, provider=PROGRAMME),
    _case("provider-under-programme", provider=UNIT),
    _case("facility-of-programme", facility=ROOM),
    _case("place-of-programme", items=[{}, {"locationReference": ROOM}]),
    _case("team-of-programme", careTeam=[{"sequence": 1, "provider": UNIT}]),
    _case("insurer-of-programme", insurer=UNIT),
    _insured("payer-of-programme"),
    # What a cost names is hidden, though the visit it is the cost of isn't.
    Case("period-of-programme", [
        visit("period-of-programme", "period-of-programme-visit", "2026-02-03", "2026-02-03"),
        covered("period-of-programme", payor=[UNIT]),
        answer_of("period-of-programme", insurance=_billed_to("period-of-programme"),
                  item=[item_of(net=dollars(5), encounter=[_visit("period-of-programme")])]),
    ], "omop.cost", "cost_id, payer_plan_period_id",
        [(_line("period-of-programme", "item"), key("Coverage", "period-of-programme-coverage"))]),
    _insured("payer-of-programme-some-day", period={}),
    # The diagnosis is of the first encounter that an item names, and so is each item of its own first.
    _case("item-of-programme", _seen("item-of-programme"),
          items=[{"encounter": [_NOBODY_KNOWS]}, {"encounter": [_visit("item-of-programme")]}]),
    _case("second-visit-of-programme", _seen("second-visit-of-programme"),
          items=[{"encounter": [_NOBODY_KNOWS, _visit("second-visit-of-programme")]}]),
    _case("procedure-of-programme", _seen("procedure-of-programme"),
          procedure("procedure-of-programme", COLONOSCOPY, status="completed",
                    encounter=_visit("procedure-of-programme")),
          procedure=[{"sequence": 1,
                      "procedureReference": at("Procedure", "procedure-of-programme-procedure")}]),
    _case("condition-of-programme", _RECORDED,
          diagnosis=[*diagnosis_of(), {"sequence": 2, "diagnosisReference": at("Condition", "secret-dx")}]),
    # A prescription is as secret as the medication that it names.
    _case("drug-of-programme", drug("secret-drug", "1191", **SECRET),
          order("drug-of-programme", medicationReference=at("Medication", "secret-drug")),
          prescription=at("MedicationRequest", "drug-of-programme-rx")),
    # The claim tells what its answer doesn't.
    _case("claim-of-programme", claim_of("claim-of-programme", item=[item_of()], provider=UNIT),
          claim=at("Claim", "claim-of-programme-claim")),
    _case("names-of-programme", claim_of("names-of-programme", provider=UNIT),
          claim=at("Claim", "names-of-programme-claim")),
]  # fmt: skip

_TWO_ITEMS = ("place-of-programme", "item-of-programme")
_VISITED = ("item-of-programme", "second-visit-of-programme", "procedure-of-programme")
_WHOLLY = [case.name for case in PROGRAMMES if case.name != "period-of-programme"]
_HIDDEN = [
    *(("condition_occurrence", _line(name, "diagnosis")) for name in _WHOLLY),
    *(("procedure_occurrence", _line(name, "item")) for name in _WHOLLY if name != "drug-of-programme"),
    ("drug_exposure", key("MedicationRequest", "drug-of-programme-rx")),
    *(("cost", _line(case.name, "item")) for case in PROGRAMMES),
    *(("cost", _line(name, "item", 1)) for name in _TWO_ITEMS),
    # The other second item was billed for a visit we know, which tells what was done.
    ("procedure_occurrence", _line("place-of-programme", "item", 1)),
    # All that is recorded of these people is labelled.
    *(("observation_period", key("Patient", name)) for name in _WHOLLY),
    *(("visit_occurrence", key("Encounter", f"{name}-visit")) for name in _VISITED),
    ("procedure_occurrence", key("Procedure", "procedure-of-programme-procedure")),
    ("condition_occurrence", key("Condition", "secret-dx")),
    *(("payer_plan_period", key("Coverage", f"{name}-of-programme-coverage")) for name in ("payer", "period")),
]
LABELLED = [(table, row, ["R"]) for table, row in _HIDDEN]
DROPPED = [
    ("payer_plan_period", key("Coverage", "payer-of-programme-some-day-coverage"), "no_date"),
    *(
        ("claim_line", derived_key(str(key("Claim", f"{name}-of-programme-claim")), kind, "0"), "answered_by_payer")
        for name, kind in (("claim", "item"), ("names", "header"))
    ),
]
