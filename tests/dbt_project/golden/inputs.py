"""Golden cases of what quality measures read of a record beyond the CDM: omop.event_source, and whose sex counts."""

from typing import Any

from tests.dbt_project.golden.case import ASPIRIN, SNOMED, TERMS, Case, Resource, at, key, order, told
from tests.dbt_project.golden.orders import COLONOSCOPY, ORDERED, REFUSAL
from tests.dbt_project.population import ICD10, LOINC, coded, of

_ON = "2026-02-03"
_LEFT, _RIGHT = coded(SNOMED, "7771000"), coded(SNOMED, "24028007")
_DIABETES = {"code": coded(ICD10, "E11.9"), "recordedDate": _ON}
_A1C = {"status": "final", "code": coded(LOINC, "4548-4"), "effectiveDateTime": _ON}
_ONSET = "onset_start_date::text, onset_end_date::text, recorded_date::text, start_date::text"
_SUPPLY = (
    "authored_date::text, supply_start_date::text, supply_end_date::text, total_days_supplied::float, days_supply, "
    "refills, supplied_quantity::float, supplied_quantity_unit, dose_per_day::float, dose_unit"
)
_CODES = "(SELECT array_agg(coding ->> 'code') FROM jsonb_array_elements({}) AS element (coding))"
_SITES, _WHY = _CODES.format("body_site_codings"), _CODES.format("reason_codings")


def _told_of(name: str, resources: list[Resource], columns: str, *expected: tuple[Any, ...]) -> Case:
    return Case(name, resources, "omop.event_source", columns, list(expected))


def _has(name: str, columns: str, expected: tuple[Any, ...], **parts: Any) -> Case:
    return _told_of(name, [of(name, "Condition", name, **_DIABETES, **parts)], columns, expected)


CONDITIONS = [
    _has("diagnosed-at-a-visit-and-on-the-problem-list", "category, categories",
         ("encounter-diagnosis", ["encounter-diagnosis", "problem-list-item"]),
         category=[told("encounter-diagnosis", "condition-category"), told("problem-list-item", "condition-category")]),
    _has("a-condition-on-both-sides", _SITES, (["7771000", "24028007"],), bodySite=[_LEFT, _RIGHT]),
    _has("an-onset-on-a-day", _ONSET, ("2020-05-01", "2020-05-01", _ON, "2020-05-01"), onsetDateTime="2020-05-01"),
    _has("an-onset-over-a-period", _ONSET, ("2020-05-01", "2020-06-30", _ON, "2020-05-01"),
         onsetPeriod={"start": "2020-05-01", "end": "2020-06"}),
    _has("an-onset-that-goes-on", _ONSET, ("2020-05-01", None, _ON, "2020-05-01"), onsetPeriod={"start": "2020-05-01"}),
    _has("no-onset-but-recorded", _ONSET, (None, None, _ON, _ON)),
]  # fmt: skip

_TABLETS: Resource = {"quantity": {"value": 60, "unit": "tablet"}, "numberOfRepeatsAllowed": 1}
_TWICE_A_DAY = {
    "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
    "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
}

SUPPLIES = [
    _told_of("supplied-and-refilled",
             [order("supplied-and-refilled", **ASPIRIN, dosageInstruction=[_TWICE_A_DAY],
                    dispenseRequest=_TABLETS | {"expectedSupplyDuration": {"value": 30, "code": "d"}})],
             _SUPPLY, ("2026-01-10", "2026-01-10", "2026-03-10", 60, 30, 1, 60, "tablet", 2, "tablet")),
    # The days of one supply are those that are stated; how long all of it lasts is counted out.
    _told_of("supplied-by-quantity",
             [order("supplied-by-quantity", **ASPIRIN, dosageInstruction=[_TWICE_A_DAY], dispenseRequest=_TABLETS)],
             _SUPPLY, ("2026-01-10", "2026-01-10", "2026-03-10", 60, None, 1, 60, "tablet", 2, "tablet")),
    _told_of("ordered-and-no-more", [order("ordered-and-no-more", **ASPIRIN)], _SUPPLY, ("2026-01-10", *[None] * 9)),
]  # fmt: skip

_REASON = {"reasonCode": [coded(ICD10, "E66.01")], "reasonReference": [at("Condition", "why")]}
_WHY_AND_WHERE = f"{_WHY}, reason_keys, {_SITES}"
_BECAUSE = (["E66.01"], [key("Condition", "why")])


def _done(kind: str, name: str, **parts: Any) -> Case:
    return _told_of(name, [of(name, kind, name, **parts, **_REASON)], _WHY_AND_WHERE, (*_BECAUSE, None))


REASONS = [
    _told_of("a-procedure-for-a-reason",
             [of("a-procedure-for-a-reason", "Procedure", "reasoned", status="completed", code=COLONOSCOPY,
                 performedDateTime=_ON, bodySite=[_LEFT], **_REASON)], _WHY_AND_WHERE, (*_BECAUSE, ["7771000"])),
    _done("ServiceRequest", "an-order-for-a-reason", code=COLONOSCOPY, **ORDERED),
    _done("DeviceRequest", "a-device-for-a-reason", codeCodeableConcept={"text": "wheelchair"}, **ORDERED),
    _done("MedicationRequest", "a-prescription-for-a-reason", **ORDERED, **ASPIRIN),
    _done("Encounter", "a-visit-for-a-reason", status="finished", period={"start": _ON, "end": _ON},
          **{"class": {"system": f"{TERMS}v3-ActCode", "code": "AMB"}}),
]  # fmt: skip

_SAID = "bronze_table, kind, status, has_happened, start_date::text, end_date::text"
_QUALITY_CORE = "http://fhir.org/guides/astp/us-quality-core/StructureDefinition/us-quality-core-notDoneReason"

RESULTS = [
    _told_of("a-test-whose-result-is-unknown",
             [of("a-test-whose-result-is-unknown", "Observation", "unknown-result", **_A1C,
                 dataAbsentReason=told("unknown", "data-absent-reason"))],
             f"cdm_table, {_SAID}, value_number", ("measurement", "measurement", None, "final", True, _ON, _ON, None)),
    _told_of("a-panel-without-a-value",
             [of("a-panel-without-a-value", "Observation", "empty-panel", **_A1C | {"code": coded(LOINC, "85354-9")},
                 component=[{"code": coded(LOINC, "8480-6"),
                             "dataAbsentReason": told("unknown", "data-absent-reason")}])],
             f"{_SAID}, value_number", ("measurement", None, "final", True, _ON, _ON, None)),
    _told_of("a-test-that-was-cancelled-for-a-reason",
             [of("a-test-that-was-cancelled-for-a-reason", "Observation", "cancelled-result",
                 **_A1C | {"status": "cancelled"}, issued="2026-02-05T08:00:00Z",
                 extension=[{"url": _QUALITY_CORE, "valueCodeableConcept": REFUSAL}])],
             f"{_SAID}, {_WHY}", ("observation", "not-done", "cancelled", False, _ON, None, ["105480006"])),
    _told_of("a-result-of-two-categories",
             [of("a-result-of-two-categories", "Observation", "two-categories", **_A1C, valueInteger=7,
                 category=[told("survey", "observation-category"), coded("urn:local", "mine")])],
             "categories", (["survey", "mine"],)),
    _told_of("a-report-over-days",
             [of("a-report-over-days", "DiagnosticReport", "days", status="final", code=coded(LOINC, "51990-0"),
                 effectivePeriod={"start": _ON, "end": "2026-02-05"})],
             _SAID, ("observation", "diagnostic-report", "final", True, _ON, "2026-02-05")),
]  # fmt: skip

_FULFIL = coded("http://hl7.org/fhir/CodeSystem/task-code", "fulfill")


def _rejects(name: str, kind: str, request: str, **parts: Any) -> Resource:
    task = {"status": "rejected", "intent": "order", "code": _FULFIL, "focus": at(kind, request)}
    return {"resourceType": "Task", "id": name, **task, **parts}


REJECTIONS = [
    # Only the prescription says whose it is.
    _told_of("a-prescription-nobody-fills",
             [order("a-prescription-nobody-fills", **ASPIRIN),
              of("a-prescription-nobody-fills", "MedicationRequest", "filled", **ORDERED, **ASPIRIN),
              _rejects("unfilled", "MedicationRequest", "a-prescription-nobody-fills-rx")],
             "bronze_key, is_rejected", (key("MedicationRequest", "a-prescription-nobody-fills-rx"), True),
             (key("MedicationRequest", "filled"), False)),
    _told_of("an-order-nobody-fulfils",
             [of("an-order-nobody-fulfils", "ServiceRequest", "unfulfilled", code=COLONOSCOPY, **ORDERED),
              _rejects("rejected-by-one", "ServiceRequest", "unfulfilled",
                       **{"for": at("Patient", "an-order-nobody-fulfils")}),
              _rejects("rejected-by-another", "ServiceRequest", "unfulfilled")],
             "is_rejected", (True,)),
    _told_of("an-order-rejected-in-secret",
             [of("an-order-rejected-in-secret", "ServiceRequest", "secretly", code=COLONOSCOPY, **ORDERED),
              _rejects("in-secret", "ServiceRequest", "secretly",
                       meta={"security": [{"system": f"{TERMS}v3-Confidentiality", "code": "R"}]})],
             "is_rejected", (True,)),
]  # fmt: skip


def _sex(name: str, expected: str | None, code: str | None, gender: str | None) -> Case:
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex"
    said = {"extension": [{"url": url, "valueCode": code}]} if code else {}
    return Case(name, [], "measures.measure_person", "sex", [(expected,)], patient=said | {"gender": gender})


SEX = [
    _sex("female-by-extension", "female", "248152002", "unknown"),
    _sex("male-by-extension-against-gender", "male", "248153007", "female"),
    _sex("male-by-letter", "male", "M", None),
    _sex("an-extension-that-does-not-say", None, "asked-declined", "female"),
    _sex("female-by-gender", "female", None, "female"),
    _sex("of-another-gender", None, None, "other"),
    _sex("of-no-stated-sex", None, None, None),
]

INPUTS = [*CONDITIONS, *SUPPLIES, *REASONS, *RESULTS, *REJECTIONS, *SEX]
