"""Golden cases of medications: which count, their days, supply, route, and who says so."""

from typing import Any

from tests.dbt_project.golden.case import ASPIRIN, ASPIRIN_CONCEPT, Case, Resource, at, key, left_out, order, told
from tests.dbt_project.golden.medications import ORAL
from tests.dbt_project.golden.vocabulary import NDC_CODE, ORAL_ROUTE
from tests.dbt_project.population import RXNORM, coded, of, visit

NDC = "http://hl7.org/fhir/sid/ndc"
CVX = "http://hl7.org/fhir/sid/cvx"
_DAYS = (
    "drug_exposure_start_date::text, drug_exposure_start_datetime::text, drug_exposure_end_date::text, "
    "verbatim_end_date::text, days_supply"
)
_CODES = "drug_concept_id, drug_source_value, drug_source_concept_id"
_TYPE = "drug_type_concept_id"


def _ordered(name: str, columns: str, expected: tuple[Any, ...] | None, *requirements: str, **parts: Any) -> Case:
    """A prescription of aspirin of 2026-01-10 unless its parts say otherwise."""
    given = order(name, **({} if "medicationCodeableConcept" in parts else ASPIRIN), **parts)
    given = {element: value for element, value in given.items() if value is not None}
    return Case(name, [given], "omop.drug_exposure", columns, [expected] if expected else [], requirements)


def _given(kind: str, name: str, columns: str, expected: tuple[Any, ...], *requirements: str, **parts: Any) -> Case:
    resource = of(name, kind, name, **({"status": "completed"} | ASPIRIN | parts))
    return Case(name, [resource], "omop.drug_exposure", columns, [expected], requirements)


def _supply(value: float, code: str | None = "d", **parts: Any) -> Resource:
    unit = {"code": code} if code else {}
    return {"dispenseRequest": {"expectedSupplyDuration": {"value": value, **unit}, **parts}}


_DAY = "2026-01-10"

DAYS = [
    _ordered("ordered-on-a-day", _DAYS, (_DAY, None, _DAY, None, None), "f2o-070"),
    _ordered("ordered-at-a-time", _DAYS, (_DAY, f"{_DAY} 23:30:00", _DAY, None, None), "f2o-073",
             authoredOn="2026-01-10T23:30:00-05:00"),
    _ordered("ordered-in-a-month", _DAYS, ("2026-01-01", None, "2026-01-01", None, None), "f2o-071",
             authoredOn="2026-01"),
    # An end that was counted out is not the source's own.
    _ordered("supplied-for-days", _DAYS, (_DAY, None, "2026-02-08", None, 30), "f2o-071", **_supply(30)),
    _ordered("supplied-for-weeks", _DAYS, (_DAY, None, "2026-01-23", None, 14), **_supply(2, "wk")),
    _ordered("supplied-for-a-month", _DAYS, (_DAY, None, "2026-02-08", None, 30), **_supply(1, "mo")),
    _ordered("supplied-for-one-day", _DAYS, (_DAY, None, _DAY, None, 1), **_supply(1)),
    _ordered("supplied-for-hours", _DAYS, (_DAY, None, _DAY, None, None), **_supply(12, "h")),
    _ordered("supplied-for-a-number", _DAYS, (_DAY, None, "2026-01-16", None, 7), **_supply(7, None)),
    _ordered("valid-from-later", _DAYS, ("2026-02-01", None, "2026-02-10", None, 10),
             **_supply(10, validityPeriod={"start": "2026-02-01", "end": "2027-02-01"})),
    _ordered("ordered-nobody-knows-when", _DAYS, None, "f2o-070", authoredOn=None),
    Case("ordered-in-a-visit",
         [visit("ordered-in-a-visit", "prescribing", "2026-01-12", "2026-01-12"),
          {**of("ordered-in-a-visit", "MedicationRequest", "rx-in-visit", status="active", intent="order", **ASPIRIN),
           "encounter": at("Encounter", "prescribing")}],
         "omop.drug_exposure", f"{_DAYS}, visit_occurrence_id",
         [("2026-01-12", None, "2026-01-12", None, None, key("Encounter", "prescribing"))], ("f2o-070",)),
    _given("MedicationDispense", "prepared", _DAYS, ("2026-02-02", None, "2026-02-02", None, None),
           whenPrepared="2026-02-02"),
    _given("MedicationDispense", "prepared-and-handed-over", _DAYS, ("2026-02-04", None, "2026-02-05", None, 2),
           whenPrepared="2026-02-02", whenHandedOver="2026-02-04", daysSupply={"value": 2, "code": "d"}),
    _given("MedicationAdministration", "given-at-a-time", _DAYS,
           ("2026-02-02", "2026-02-02 08:00:00", "2026-02-02", "2026-02-02", None), "f2o-073",
           effectiveDateTime="2026-02-02T08:00:00-05:00"),
    _given("MedicationAdministration", "given-over-a-period", _DAYS,
           ("2026-02-02", None, "2026-02-04", "2026-02-04", None),
           effectivePeriod={"start": "2026-02-02", "end": "2026-02-04"}),
    _given("MedicationAdministration", "still-being-given", _DAYS, ("2026-02-02", None, "2026-02-02", None, None),
           status="in-progress", effectivePeriod={"start": "2026-02-02"}),
    _given("MedicationStatement", "taken-over-months", _DAYS, ("2026-01-01", None, "2026-03-31", "2026-03-31", None),
           effectivePeriod={"start": "2026-01", "end": "2026-03"}),
    _given("MedicationStatement", "taken-since", _DAYS, ("2026-01-01", None, "2026-01-01", None, None),
           status="active", effectivePeriod={"start": "2026-01-01"}),
    _given("MedicationStatement", "taken-on-a-day", _DAYS, ("2026-01-05", None, "2026-01-05", "2026-01-05", None),
           effectiveDateTime="2026-01-05"),
    _given("MedicationStatement", "asserted-only", _DAYS, ("2026-02-03", None, "2026-02-03", None, None),
           dateAsserted="2026-02-03"),
]  # fmt: skip

_AMOUNT = "quantity::float, refills, days_supply, dose_unit_source_value, sig"
_ROUTE = "route_concept_id, route_source_value"
_DOSE = {"text": "1 tablet a day", "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}

AMOUNTS = [
    _ordered("an-amount", _AMOUNT, (90, 3, 30, "tablet", "1 tablet a day"), dosageInstruction=[_DOSE],
             **_supply(30, quantity={"value": 90}, numberOfRepeatsAllowed=3)),
    _ordered("no-refills", _AMOUNT, (None, 0, None, None, None), dispenseRequest={"numberOfRepeatsAllowed": 0}),
    _ordered("two-instructions", _AMOUNT, (None, None, None, "tablet", "1 tablet a day"),
             dosageInstruction=[_DOSE, {"text": "then 2"}]),
    _ordered("a-route", _ROUTE, (ORAL_ROUTE, "26643006"), "f2o-030", dosageInstruction=[{"route": ORAL}]),
    _ordered("a-route-nobody-knows", _ROUTE, (0, "X"), "f2o-032",
             dosageInstruction=[{"route": coded("urn:local", "X")}]),
    _ordered("no-route", _ROUTE, (0, None), "f2o-032"),
    Case("an-unknown-route-is-on-record",
         [order("an-unknown-route-is-on-record", **ASPIRIN,
                dosageInstruction=[{"route": coded("urn:local", "UNKNOWN-ROUTE")}])],
         "omop.unmapped_code", "bronze_table, system, cdm_table, rows",
         [("drug_exposure", "urn:local", "drug_exposure", 1)], ("f2o-063",), of=("code", "UNKNOWN-ROUTE")),
]  # fmt: skip


def _of_drug(name: str, expected: tuple[Any, ...], *codings: Resource, requirements: tuple[str, ...] = ()) -> Case:
    code = {"coding": [coding for concept in codings for coding in concept["coding"]]}
    return _ordered(name, _CODES, expected, *requirements, medicationCodeableConcept=code)


def _packed(form: str, code: str, expected: tuple[Any, ...]) -> Case:
    return _of_drug(f"ndc-{form}", expected, coded(NDC, code), requirements=("f2o-030", "f2o-033"))


DRUGS = [
    _packed("of-eleven-digits", "00777310502", (ASPIRIN_CONCEPT, "00777310502", NDC_CODE)),
    _packed("of-4-4-2", "0777-3105-02", (ASPIRIN_CONCEPT, "0777-3105-02", NDC_CODE)),
    _packed("of-5-4-2", "00777-3105-02", (ASPIRIN_CONCEPT, "00777-3105-02", NDC_CODE)),
    _packed("of-5-4-1", "00777-3105-2", (ASPIRIN_CONCEPT, "00777-3105-2", NDC_CODE)),
    # Ten digits without hyphens may be any of three codes.
    _packed("of-ten-digits", "0777310502", (0, "0777310502", 0)),
    _of_drug("a-drug-of-two-codings", (ASPIRIN_CONCEPT, "1191", ASPIRIN_CONCEPT), coded("urn:local", "ASA"),
             coded(RXNORM, "1191"), requirements=("f2o-034",)),
    _of_drug("a-drug-nobody-knows", (0, "999999", 0), coded(RXNORM, "999999"), requirements=("f2o-032",)),
    _ordered("a-drug-in-words", _CODES, (0, "Aspirin", 0), "f2o-032", medicationCodeableConcept={"text": "Aspirin"}),
    left_out("a-drug-not-named", {**order("a-drug-not-named"), "medicationReference": {"reference": "#gone"}},
             "no_medication", "f2o-062")
]  # fmt: skip


def _intent(code: str) -> Case:
    return _ordered(f"drug-{code}", _TYPE, (32838,), "f2o-060", intent=code)


def _no_intent(code: str) -> Case:
    name = f"drug-{code}"
    return left_out(name, order(name, intent=code, **ASPIRIN), f"intent:{code}", "f2o-060", "f2o-062")


def _status(code: str) -> Case:
    return _ordered(f"drug-order-{code}", _TYPE, (32838,), "f2o-060", status=code)


def _no_status(code: str) -> Case:
    name = f"drug-order-{code}"
    return left_out(name, order(name, status=code, **ASPIRIN), f"status:{code}", "f2o-060", "f2o-062")


def _not_taken(kind: str, name: str, status: str) -> Case:
    when = {} if kind == "MedicationDispense" else {"effectiveDateTime": "2026-02-03"}
    given = of("", kind, "", status=status, **ASPIRIN, **when)
    return left_out(f"{name}-{status}", given, f"status:{status}", "f2o-060", "f2o-062")


FILTERS = [
    *(_intent(code) for code in ("original-order", "filler-order", "instance-order", "reflex-order")),
    *(_no_intent(code) for code in ("proposal", "plan", "option")),
    *(_status(code) for code in ("completed", "stopped", "on-hold")),
    *(_no_status(code) for code in ("cancelled", "draft", "entered-in-error", "unknown")),
    *(_not_taken("MedicationDispense", "dispense", code) for code in ("preparation", "cancelled", "entered-in-error")),
    *(_not_taken("MedicationAdministration", "administration", code) for code in ("on-hold", "stopped", "unknown")),
    *(_not_taken("MedicationStatement", "statement", code) for code in ("intended", "not-taken", "entered-in-error")),
]


def _reported(name: str, expected: int, **parts: Any) -> Case:
    return _ordered(name, _TYPE, (expected,), "f2o-051", "f2o-053", **parts)


REPORTED = [
    _reported("ordered-by-a-clinician", 32838),
    _reported("ordered-and-not-reported", 32838, reportedBoolean=False),
    _reported("reported-and-not-ordered-here", 32865, reportedBoolean=True),
    _reported("reported-by-a-relative", 32865, reportedReference=at("RelatedPerson", "sister")),
    _reported("reported-by-a-clinician", 32838, reportedReference=at("Practitioner", "dr-heart")),
]


def _vaccinated(name: str, columns: str, expected: tuple[Any, ...], *requirements: str, **parts: Any) -> Case:
    vaccine = {"status": "completed", "vaccineCode": coded(CVX, "33"), "occurrenceDateTime": "2026-02-03"}
    given = {element: value for element, value in (vaccine | parts).items() if value is not None}
    return Case(
        name, [of(name, "Immunization", name, **given)], "omop.drug_exposure", columns, [expected], requirements
    )


def _route(code: str, concept: int) -> Case:
    return _vaccinated(f"vaccine-{code.lower()}", _ROUTE, (concept, code), "f2o-033",
                       route=told(code, "v3-RouteOfAdministration"))  # fmt: skip


_ORIGIN = "immunization-origin"

VACCINES = [
    _vaccinated("a-vaccine", f"{_CODES}, {_TYPE}, {_DAYS}",
                (40213201, "33", 40213201, 32818, "2026-02-03", None, "2026-02-03", None, None), "f2o-050",
                primarySource=True),
    _vaccinated("a-vaccine-in-a-zone", "drug_exposure_start_date::text, drug_exposure_start_datetime::text",
                ("2026-02-03", "2026-02-03 23:30:00"), "f2o-073", occurrenceDateTime="2026-02-03T23:30:00-05:00"),
    _vaccinated("a-vaccine-of-a-lot", "lot_number, quantity::float, dose_unit_source_value", ("L-7", 0.5, "mL"),
                lotNumber="L-7", doseQuantity={"value": 0.5, "code": "mL"}),
    *(_route(code, concept) for code, concept in (
        ("IM", 4302612), ("PO", 4132161), ("SQ", 4142048), ("IDINJ", 4156706), ("IVINJ", 4171047),
        ("TRNSDERM", 4262099), ("NASINHLC", 0),
    )),
    _vaccinated("a-vaccine-of-two-codings", _CODES, (40213201, "33", 40213201), "f2o-034",
                vaccineCode={"coding": [*coded("urn:local", "PPV")["coding"], *coded(CVX, "33")["coding"]]}),
    _vaccinated("a-vaccine-recalled", _TYPE, (32865,), "f2o-051", "f2o-053", primarySource=False,
                reportOrigin=told("recall", _ORIGIN)),
    # That somebody reported it is no record of who gave it: the general type.
    _vaccinated("a-vaccine-on-record-elsewhere", _TYPE, (32817,), "f2o-052", primarySource=False,
                reportOrigin=told("record", _ORIGIN)),
    _vaccinated("a-vaccine-reported", _TYPE, (32817,), "f2o-052", primarySource=False),
    _vaccinated("a-vaccine-nobody-says-whence", _TYPE, (32818,), "f2o-051"),
    _vaccinated("a-vaccine-by-a-nurse", "provider_id", (key("Practitioner", "dr-heart"),),
                performer=[{"actor": at("Organization", "heart-centre")}, {"actor": at("Practitioner", "dr-heart")}]),
    Case("a-vaccine-in-childhood",
         [of("a-vaccine-in-childhood", "Immunization", "childhood", status="completed", vaccineCode=coded(CVX, "33"),
             occurrenceString="in childhood", recorded="2026-02-03")],
         "omop.dropped_row", "bronze_table, reason", [("drug_exposure", "no_date")], ("f2o-070", "f2o-071"),
         of=("bronze_key", key("Immunization", "childhood"))),
    left_out("a-vaccine-in-error",
             of("a-vaccine-in-error", "Immunization", "", status="entered-in-error", vaccineCode=coded(CVX, "33"),
                occurrenceDateTime="2026-02-03"), "status:entered-in-error", "f2o-060"),
]  # fmt: skip

PRESCRIPTIONS = [*DAYS, *AMOUNTS, *DRUGS, *FILTERS, *REPORTED, *VACCINES]
