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


def _supply(days: int, refills: int | None = None, quantity: float | None = None) -> Resource:
    supply: Resource = {"expectedSupplyDuration": {"value": days, "unit": "d", "system": _UCUM, "code": "d"}}
    if refills is not None:
        supply["numberOfRepeatsAllowed"] = refills
    if quantity is not None:
        supply["quantity"] = {"value": quantity, "unit": "1", "system": _UCUM, "code": "1"}
    return {"dispenseRequest": supply}


PRODUCTS = [
    ("digoxin_medications", RXNORM, "197604"),
    ("digoxin_medications", RXNORM, "197606"),
    ("doxepin_medications", RXNORM, "966793"),
    ("doxepin_medications", RXNORM, "1000048"),
]
"""Members of value sets by whose code the strength is known."""


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

CASES = [
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
