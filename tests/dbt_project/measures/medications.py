"""High-risk medications of older adults: CMS156."""

from typing import Any

from tests.dbt_project.measures.cases import (
    EXCLUDED,
    MET,
    OPEN,
    OUT,
    Case,
    Resource,
    case,
    concept,
    condition,
    encounter,
    prescription,
    procedure,
    verified,
)

_VISIT = encounter("office_visit", "2026-02-03")
_NEITHER = {1: OPEN, 2: OPEN, 3: OPEN}
_FIRST = {1: MET, 2: OPEN, 3: MET}
_SECOND = {1: OPEN, 2: MET, 3: MET}
_HARMFUL = "harmful_antihistamines"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def _supplied(
    days: float, quantity: float | None = None, unit: str | None = None, refills: int | None = None
) -> Resource:
    amount = {"value": quantity, **({"unit": unit} if unit else {})}
    return {
        "dispenseRequest": {
            "expectedSupplyDuration": {"value": days, "code": "d", "system": "http://unitsofmeasure.org"},
            **({"quantity": amount} if quantity is not None else {}),
            **({"numberOfRepeatsAllowed": refills} if refills is not None else {}),
        }
    }


def _from(start: str, end: str = "2026-12-31") -> Resource:
    return {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": start, "end": end}}}}]}


def _twice(value_set: str, **extra: Any) -> list[Resource]:
    return [prescription(value_set, day, **extra) for day in ("2026-03-01", "2026-05-01")]


def _of_strength(value_set: str, code: str, **extra: Any) -> Resource:
    coding = [*concept(value_set)["coding"], {"system": _RXNORM, "code": code}]
    return {"medicationCodeableConcept": {"coding": coding}, **extra}


def _drug(code: str, **extra: Any) -> list[Resource]:
    value_set = "doxepin_medications" if len(code) > 6 or code.startswith("9667") else "digoxin_medications"
    return _twice(value_set, **_of_strength(value_set, code, **extra))


def _high_risk() -> list[Case]:
    def only(
        name: str, expected: dict[int, frozenset[str]] | frozenset[str], *resources: Resource, **person: str
    ) -> Case:
        groups = expected if isinstance(expected, dict) else dict.fromkeys((1, 2, 3), expected)
        return case("CMS156", name, groups, _VISIT, *resources, **({"born": "1950-07-01"} | person))

    return [
        # --- who is in it
        only("nothing ordered", _NEITHER),
        only("65 at the end of the period", _FIRST, *_twice(_HARMFUL), born="1961-12-31"),
        only("64 at the end of the period", OUT, *_twice(_HARMFUL), born="1962-01-01"),
        case("CMS156", "no visit", dict.fromkeys((1, 2, 3), OUT), *_twice(_HARMFUL), born="1950-07-01"),
        case("CMS156", "a visit that ends after the period", dict.fromkeys((1, 2, 3), OUT),
             encounter("office_visit", "2026-12-30", "2027-01-02"), *_twice(_HARMFUL), born="1950-07-01"),
        case("CMS156", "a minimal office visit", _FIRST, encounter("office_visit_minimal", "2026-02-03"),
             *_twice(_HARMFUL), born="1950-07-01"),
        only("hospice", EXCLUDED, *_twice(_HARMFUL), procedure("hospice_care", "2026-06-01")),
        only("palliative care", EXCLUDED, *_twice(_HARMFUL), procedure("palliative_care_intervention", "2026-06-01")),
        # --- more than one order
        only("two orders of one class", _FIRST, *_twice(_HARMFUL)),
        *(only(f"two orders of {value_set}", _FIRST, *_twice(value_set)) for value_set in (
            "harmful_antiparkinsonian_agents", "harmful_gastrointestinal_antispasmodics", "dipyridamole_medications",
            "guanfacine_medications", "nifedipine_medications", "harmful_antidepressants", "harmful_barbiturates",
            "ergoloid_mesylates", "meprobamate_medications", "harmful_estrogens", "harmful_sulfonylureas",
            "desiccated_thyroid_medications", "harmful_nonbenzodiazepine_hypnotics",
            "harmful_skeletal_muscle_relaxants", "harmful_pain_medications", "megestrol_medications",
            "meperidine_medications",
        )),
        only("orders of two classes", _NEITHER, prescription(_HARMFUL, "2026-03-01"),
             prescription("harmful_estrogens", "2026-05-01")),
        only("one order", _NEITHER, prescription(_HARMFUL, "2026-03-01")),
        only("one order with a refill", _FIRST, prescription(_HARMFUL, "2026-03-01", **_supplied(30, refills=1))),
        only("one order without refills", _NEITHER, prescription(_HARMFUL, "2026-03-01", **_supplied(30, refills=0))),
        only("a refill of the year before", _NEITHER, prescription(_HARMFUL, "2025-12-31", **_supplied(30, refills=5))),
        only("one order of the year before", _NEITHER, prescription(_HARMFUL, "2025-12-31"),
             prescription(_HARMFUL, "2026-05-01")),
        only("on the first and the last day", _FIRST, prescription(_HARMFUL, "2026-01-01"),
             prescription(_HARMFUL, "2026-12-31T23:00:00-05:00")),
        only("two orders of a day", _NEITHER, *[prescription(_HARMFUL, "2026-03-01", **_supplied(30))] * 2),
        only("two orders of a day that begin on two", _FIRST,
             *(prescription(_HARMFUL, "2026-03-01", **_from(day)) for day in ("2026-03-01", "2026-04-01"))),
        only("two orders of a day of which one begins next year", _NEITHER,
             *(prescription(_HARMFUL, "2026-03-01", **_from(day, "2027-06-01"))
               for day in ("2026-03-01", "2027-01-01"))),
        only("two orders of a day of which one lasts nobody knows how long", _NEITHER,
             prescription(_HARMFUL, "2026-03-01", **_from("2026-03-01")),
             prescription(_HARMFUL, "2026-03-01")),
        *(only(f"an order that is {status}", expected, prescription(_HARMFUL, "2026-03-01"),
               prescription(_HARMFUL, "2026-05-01", status=status))
          for status, expected in (("completed", _FIRST), ("stopped", _NEITHER), ("on-hold", _NEITHER))),
        *(only(f"an order of intent {intent}", expected, prescription(_HARMFUL, "2026-03-01"),
               prescription(_HARMFUL, "2026-05-01", intent=intent))
          for intent, expected in (("reflex-order", _FIRST), ("plan", _NEITHER))),
        only("an order not to take it", _NEITHER, prescription(_HARMFUL, "2026-03-01"),
             prescription(_HARMFUL, "2026-05-01", doNotPerform=True)),
        # --- days supplied
        only("antiinfectives for 90 days", _NEITHER, *_twice("harmful_antiinfectives", **_supplied(45))),
        only("antiinfectives for 92 days", _FIRST, *_twice("harmful_antiinfectives", **_supplied(46))),
        only("antiinfectives for 93 days by refills", _FIRST,
             prescription("harmful_antiinfectives", "2026-03-01", **_supplied(31, refills=2))),
        only("antiinfectives for 91 days in one order", _NEITHER,
             prescription("harmful_antiinfectives", "2026-03-01", **_supplied(91))),
        only("antiinfectives nobody knows for how long", _NEITHER, *_twice("harmful_antiinfectives")),
        # --- dose of a day
        only("digoxin 0.25 mg a day", _FIRST, *_drug("197606", **_supplied(30, 30, "tablet"))),
        only("digoxin 0.125 mg a day", _NEITHER, *_drug("197604", **_supplied(30, 30, "tablet"))),
        only("digoxin 0.125 mg twice a day", _FIRST, *_drug("197604", **_supplied(30, 60))),
        # As the logic is written, one supply is spread over the days of all refills.
        only("digoxin 0.25 mg a day with a refill", _NEITHER, *_drug("197606", **_supplied(30, 30, refills=1))),
        only("digoxin solution 0.15 mg a day", _FIRST, *_drug("393245", **_supplied(30, 90, "mL"))),
        only("digoxin solution in no known unit", _NEITHER, *_drug("393245", **_supplied(30, 90, "bottle"))),
        only("digoxin of unknown supply", _NEITHER, *_drug("197606")),
        only("digoxin of another strength", _NEITHER, *_drug("999999", **_supplied(30, 300))),
        only("one order of much digoxin and one of little", _NEITHER,
             prescription("digoxin_medications", "2026-03-01",
                          **_of_strength("digoxin_medications", "197606", **_supplied(30, 30))),
             prescription("digoxin_medications", "2026-05-01",
                          **_of_strength("digoxin_medications", "197604", **_supplied(30, 30)))),
        only("doxepin 10 mg a day", _FIRST, *_drug("1000048", **_supplied(30, 30))),
        only("doxepin 6 mg a day", _NEITHER, *_drug("966787", **_supplied(30, 60))),
        # --- antipsychotics and benzodiazepines
        only("antipsychotics", _SECOND, *_twice("harmful_antipsychotics")),
        only("one antipsychotic", _NEITHER, prescription("harmful_antipsychotics", "2026-03-01")),
        *(only(f"antipsychotics for {value_set}", _NEITHER, *_twice("harmful_antipsychotics"),
               condition(value_set, "2020-01-01")) for value_set in ("schizophrenia", "bipolar_disorder")),
        only("antipsychotics for a seizure disorder", _SECOND, *_twice("harmful_antipsychotics"),
             condition("seizure_disorder", "2020-01-01")),
        only("antipsychotics before the diagnosis", _SECOND, *_twice("harmful_antipsychotics"),
             condition("schizophrenia", "2026-03-02")),
        only("antipsychotics on the day of the diagnosis", _NEITHER, *_twice("harmful_antipsychotics"),
             condition("schizophrenia", "2026-03-01", "encounter-diagnosis")),
        only("antipsychotics and a diagnosis of the year before", _NEITHER, *_twice("harmful_antipsychotics"),
             condition("schizophrenia", "2020-01-01", abatementDateTime="2025-01-01")),
        only("antipsychotics long after the diagnosis", _SECOND, *_twice("harmful_antipsychotics"),
             condition("schizophrenia", "2020-01-01", abatementDateTime="2024-12-31")),
        only("antipsychotics and a refuted diagnosis", _SECOND, *_twice("harmful_antipsychotics"),
             condition("schizophrenia", "2020-01-01", **verified("refuted"))),
        only("benzodiazepines", _SECOND, *_twice("harmful_benzodiazepines")),
        *(only(f"benzodiazepines for {value_set}", _NEITHER, *_twice("harmful_benzodiazepines"),
               condition(value_set, "2020-01-01")) for value_set in (
            "seizure_disorder", "rem_sleep_behavior_disorder", "benzodiazepine_withdrawal", "alcohol_withdrawal",
            "generalized_anxiety_disorder",
        )),
        only("benzodiazepines for schizophrenia", _SECOND, *_twice("harmful_benzodiazepines"),
             condition("schizophrenia", "2020-01-01")),
        only("an antipsychotic and a benzodiazepine", _NEITHER, prescription("harmful_antipsychotics", "2026-03-01"),
             prescription("harmful_benzodiazepines", "2026-05-01")),
        only("of both groups", {1: MET, 2: MET, 3: MET}, *_twice(_HARMFUL), *_twice("harmful_benzodiazepines")),
    ]  # fmt: skip


CASES = _high_risk()
