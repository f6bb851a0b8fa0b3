"""High-risk medications in older adults: CMS156."""

from typing import Any

from tests.dbt_project.measures.cases import (
    EXCLUDED,
    MET,
    OPEN,
    OUT,
    Case,
    Resource,
    case,
    condition,
    encounter,
    prescription,
    procedure,
    verified,
)

_VISIT = encounter("office_visit", "2026-02-03")
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_UCUM = "http://unitsofmeasure.org"
_EVERY: dict[int, frozenset[str]] = {1: MET, 2: OPEN, 3: MET}
_TREATED: dict[int, frozenset[str]] = {1: OPEN, 2: MET, 3: MET}
_NONE: dict[int, frozenset[str]] = {1: OPEN, 2: OPEN, 3: OPEN}


def _only(name: str, expected: dict[int, frozenset[str]], *resources: Resource, **person: str) -> Case:
    return case("CMS156", name, expected, _VISIT, *resources, **{"born": "1950-07-01", **person})


def _ordered(medication: str, day: str, status: str = "active", **extra: Any) -> Resource:
    return prescription(medication, day, status, **extra)


def _supply(days: int, refills: int | None = None, quantity: float | None = None, unit: str = "1") -> Resource:
    supply: Resource = {"expectedSupplyDuration": {"value": days, "unit": "d", "system": _UCUM, "code": "d"}}
    if refills is not None:
        supply["numberOfRepeatsAllowed"] = refills
    if quantity is not None:
        supply["quantity"] = {"value": quantity, "unit": unit, "system": _UCUM, "code": unit}
    return {"dispenseRequest": supply}


PRODUCTS = [
    ("digoxin_medications", RXNORM, "197604"),
    ("digoxin_medications", RXNORM, "197606"),
    ("digoxin_medications", RXNORM, "393245"),
    ("digoxin_medications", RXNORM, "999999"),
    ("doxepin_medications", RXNORM, "966787"),
    ("doxepin_medications", RXNORM, "966793"),
    ("doxepin_medications", RXNORM, "1000048"),
]
"""Members of value sets by whose code the strength is known, and one of an unknown strength."""


def _begins(start: str, end: str) -> Resource:
    return {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": start, "end": end}}}}]}


def _product(code: str) -> Resource:
    return {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": code}]}}


_CLASSES = (
    "harmful_antihistamines", "harmful_antiparkinsonian_agents", "harmful_gastrointestinal_antispasmodics",
    "dipyridamole_medications", "guanfacine_medications", "nifedipine_medications", "harmful_antidepressants",
    "harmful_barbiturates", "ergoloid_mesylates", "meprobamate_medications", "harmful_estrogens",
    "harmful_sulfonylureas", "desiccated_thyroid_medications", "harmful_nonbenzodiazepine_hypnotics",
    "harmful_skeletal_muscle_relaxants", "harmful_pain_medications", "megestrol_medications", "meperidine_medications",
)  # fmt: skip

_DRUG, _PSYCHOTIC, _BENZO = _CLASSES[0], "harmful_antipsychotics", "harmful_benzodiazepines"
_DAYS = ("2026-03-01", "2026-06-01")

_ALL_OUT: dict[int, frozenset[str]] = dict.fromkeys((1, 2, 3), OUT)


def _by_product(name: str, expected: dict[int, frozenset[str]], code: str, **supply: Any) -> Case:
    """A product ordered twice, with one supply each."""
    parts = _supply(**supply) if supply else {}
    return _only(name, expected, *(_ordered("", day, **parts) | _product(code) for day in _DAYS))


def _with(name: str, expected: dict[int, frozenset[str]], medication: str, *conditions: Resource) -> Case:
    """A medication ordered twice, with these conditions."""
    return _only(name, expected, *(_ordered(medication, day) for day in _DAYS), *conditions)


_POPULATION = [
    case("CMS156", "no visit", _ALL_OUT, *(_ordered(_DRUG, day) for day in _DAYS), born="1950-07-01"),
    case("CMS156", "a visit that ends after the period", _ALL_OUT,
         encounter("office_visit", "2026-12-30", "2027-01-02"), born="1950-07-01"),
    case("CMS156", "a minimal office visit", _NONE, encounter("office_visit_minimal", "2026-02-03"), born="1950-07-01"),
    _only("palliative care", dict.fromkeys((1, 2, 3), EXCLUDED),
          procedure("palliative_care_intervention", "2026-06-01")),
]  # fmt: skip

_ORDERS = [
    _only("on the first and the last day", _EVERY, _ordered(_DRUG, "2026-01-01"),
          _ordered(_DRUG, "2026-12-31T23:00:00-05:00")),
    _only("refills from before the period", _NONE, _ordered(_DRUG, "2025-12-31", **_supply(30, 5))),
    _only("twice on one day, one for next year", _NONE, _ordered(_DRUG, "2026-03-01", **_supply(30)),
          _ordered(_DRUG, "2026-03-01", **_begins("2027-01-01", "2027-06-01"))),
    _only("twice on one day, one of unknown length", _NONE, _ordered(_DRUG, "2026-03-01"),
          _ordered(_DRUG, "2026-03-01", **_begins("2026-04-01", "2026-05-01"))),
    # Ordered in the period, to be taken after it.
    _only("second valid from next year", _EVERY, _ordered(_DRUG, "2026-03-01"),
          _ordered(_DRUG, "2026-12-30", dispenseRequest={"validityPeriod": {"start": "2027-01-02"}})),
    *(_only(f"second {status}", expected, _ordered(_DRUG, "2026-03-01"), _ordered(_DRUG, "2026-06-01", status))
      for status, expected in (("completed", _EVERY), ("stopped", _NONE), ("on-hold", _NONE))),
    _only("second by reflex", _EVERY, _ordered(_DRUG, "2026-03-01"),
          _ordered(_DRUG, "2026-06-01", intent="reflex-order")),
    _only("anti-infectives for 93 days by refills", _EVERY,
          _ordered("harmful_antiinfectives", _DAYS[0], **_supply(31, 2))),
    _only("anti-infectives for 91 days in one order", _NONE,
          _ordered("harmful_antiinfectives", _DAYS[0], **_supply(91))),
    _only("anti-infectives nobody knows for how long", _NONE,
          *(_ordered("harmful_antiinfectives", day) for day in _DAYS)),
]  # fmt: skip

_DOSES = [
    _by_product("digoxin of 0.125 mg twice a day", _EVERY, "197604", days=30, quantity=60),
    # As the logic is written, one supply is spread over the days of all refills.
    _by_product("digoxin of 0.25 mg a day with a refill", _NONE, "197606", days=30, refills=1, quantity=30),
    _by_product("digoxin solution of 0.15 mg a day", _EVERY, "393245", days=30, quantity=90, unit="mL"),
    _by_product("digoxin solution in another unit", _NONE, "393245", days=30, quantity=90),
    _by_product("digoxin of unknown strength", _NONE, "999999", days=30, quantity=300),
    _by_product("doxepin of 3 mg twice a day", _NONE, "966787", days=30, quantity=60),
    _only("digoxin of a high and of a low dose", _NONE,
          _ordered("", _DAYS[0], **_supply(30, quantity=30)) | _product("197606"),
          _ordered("", _DAYS[1], **_supply(30, quantity=30)) | _product("197604")),
]  # fmt: skip

_DIAGNOSES = [
    _with("antipsychotics, schizophrenia till the year before", _NONE, _PSYCHOTIC,
          condition("schizophrenia", "2020-01-01", abatementDateTime="2025-01-01")),
    _with("antipsychotics with refuted schizophrenia", _TREATED, _PSYCHOTIC,
          condition("schizophrenia", "2020-01-01", **verified("refuted"))),
    _with("antipsychotics with provisional schizophrenia", _NONE, _PSYCHOTIC,
          condition("schizophrenia", "2020-01-01", **verified("provisional"))),
    _with("benzodiazepines with schizophrenia", _TREATED, _BENZO, condition("schizophrenia", "2020-01-01")),
    _only("an antipsychotic and a benzodiazepine", _NONE, _ordered(_PSYCHOTIC, _DAYS[0]), _ordered(_BENZO, _DAYS[1])),
]  # fmt: skip

CASES = [
    *_POPULATION,
    *_ORDERS,
    *_DOSES,
    *_DIAGNOSES,
    _only("no order", _NONE),
    _only("64 at the end", {1: OUT, 2: OUT, 3: OUT}, born="1962-01-01"),
    _only("65 on the last day", _NONE, born="1961-12-31"),
    *(_only(f"twice {one}", _EVERY, *(_ordered(one, day) for day in _DAYS)) for one in _CLASSES),
    _only("once", _NONE, _ordered(_DRUG, "2026-03-01")),
    _only("once of two classes", _NONE, _ordered(_DRUG, "2026-03-01"), _ordered(_CLASSES[1], "2026-06-01")),
    _only("once with a refill", _EVERY, _ordered(_DRUG, "2026-03-01", **_supply(30, 1))),
    _only("once without a refill", _NONE, _ordered(_DRUG, "2026-03-01", **_supply(30, 0))),
    _only("twice on one day", _NONE, _ordered(_DRUG, "2026-03-01"), _ordered(_DRUG, "2026-03-01")),
    _only("twice on one day, to begin on two", _EVERY, _ordered(_DRUG, "2026-03-01", **_supply(30)),
          _ordered(_DRUG, "2026-03-01", **_supply(30), dosageInstruction=[
              {"timing": {"repeat": {"boundsPeriod": {"start": "2026-04-01", "end": "2026-05-01"}}}}])),
    _only("second before the period", _NONE, _ordered(_DRUG, "2025-12-31"), _ordered(_DRUG, "2026-03-01")),
    _only("second cancelled", _NONE, _ordered(_DRUG, "2026-03-01"), _ordered(_DRUG, "2026-06-01", "cancelled")),
    _only("second proposed", _NONE, _ordered(_DRUG, "2026-03-01"), _ordered(_DRUG, "2026-06-01", intent="proposal")),
    _only("second not to be", _NONE, _ordered(_DRUG, "2026-03-01"), _ordered(_DRUG, "2026-06-01", doNotPerform=True)),
    _only("hospice", dict.fromkeys((1, 2, 3), EXCLUDED), condition("hospice_diagnosis", "2026-05-01")),
    _only("anti-infectives for 91 days", _EVERY, _ordered("harmful_antiinfectives", _DAYS[0], **_supply(45)),
          _ordered("harmful_antiinfectives", _DAYS[1], **_supply(46))),
    _only("anti-infectives for 90 days", _NONE, _ordered("harmful_antiinfectives", _DAYS[0], **_supply(45)),
          _ordered("harmful_antiinfectives", _DAYS[1], **_supply(45))),
    _only("antipsychotics twice", _TREATED, *(_ordered(_PSYCHOTIC, day) for day in _DAYS)),
    _only("antipsychotics once", _NONE, _ordered(_PSYCHOTIC, _DAYS[0])),
    _only("antipsychotics with schizophrenia", _NONE, *(_ordered(_PSYCHOTIC, day) for day in _DAYS),
          condition("schizophrenia", "2026-03-01")),
    _only("antipsychotics before bipolar disorder", _TREATED, *(_ordered(_PSYCHOTIC, day) for day in _DAYS),
          condition("bipolar_disorder", "2026-03-02")),
    _only("antipsychotics long after schizophrenia", _TREATED, *(_ordered(_PSYCHOTIC, day) for day in _DAYS),
          condition("schizophrenia", "2020-03-01", clinical="resolved", abatementDateTime="2024-12-31")),
    _only("antipsychotics with anxiety", _TREATED, *(_ordered(_PSYCHOTIC, day) for day in _DAYS),
          condition("generalized_anxiety_disorder", "2020-03-01")),
    _only("benzodiazepines twice", _TREATED, *(_ordered(_BENZO, day) for day in _DAYS)),
    *(_only(f"benzodiazepines with {one}", _NONE, *(_ordered(_BENZO, day) for day in _DAYS),
            condition(one, "2025-03-01", "encounter-diagnosis")) for one in (
        "seizure_disorder", "rem_sleep_behavior_disorder", "benzodiazepine_withdrawal", "alcohol_withdrawal",
        "generalized_anxiety_disorder",
    )),
    _only("both kinds", {1: MET, 2: MET, 3: MET}, *(_ordered(_BENZO, day) for day in _DAYS),
          *(_ordered(_DRUG, day) for day in _DAYS)),
    _only("digoxin of 0.25 mg a day", _EVERY, *(
        _ordered("", day, **_supply(30, quantity=30)) | _product("197606") for day in _DAYS)),
    _only("digoxin of 0.125 mg a day", _NONE, *(
        _ordered("", day, **_supply(30, quantity=30)) | _product("197604") for day in _DAYS)),
    _only("digoxin of an unknown dose", _NONE, *(
        _ordered("", day) | _product("197606") for day in _DAYS)),
    _only("doxepin of 10 mg a day", _EVERY, *(
        _ordered("", day, **_supply(30, quantity=30)) | _product("1000048") for day in _DAYS)),
    _only("doxepin of 6 mg a day", _NONE, *(
        _ordered("", day, **_supply(30, quantity=30)) | _product("966793") for day in _DAYS)),
]  # fmt: skip
