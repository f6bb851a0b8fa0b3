"""How long a supply lasts and how much is taken a day, as the library CumulativeMedicationDuration has it."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fhir.mapping.supply import days_of, dispense_supply, request_supply
from tests.pipelines.fhir.synthetic import RXNORM, Resource, clinical, concept, only_row, prescription

AUTHORED = date(2025, 1, 1)
BOUNDS = {"boundsPeriod": {"start": "2025-02-01", "end": "2025-03-31"}}
TWICE_A_DAY = {"frequency": 2, "period": 1, "periodUnit": "d"}


def dosage(dose: Resource | None = None, **repeat: Any) -> Resource:
    rate = [{"doseQuantity": dose}] if dose else []
    return {"timing": {"repeat": repeat}, "doseAndRate": rate}


def supply(value: float, unit: str = "d") -> Resource:
    return {"expectedSupplyDuration": {"value": value, "code": unit}}


TABLETS = {"quantity": {"value": 60, "unit": "tablet"}}
ONE, TWO = {"value": 1, "unit": "tablet"}, {"value": 2, "unit": "tablet"}


@pytest.mark.parametrize(
    ("dispensed", "instructions", "days", "first", "last"),
    [
        # As it is said to last, once and for each refill.
        (supply(30), [], 30, AUTHORED, date(2025, 1, 30)),
        (supply(30) | {"numberOfRepeatsAllowed": 2}, [], 90, AUTHORED, date(2025, 3, 31)),
        (supply(2, "wk"), [], 14, AUTHORED, date(2025, 1, 14)),
        (supply(1, "a"), [], 365, AUTHORED, date(2025, 12, 31)),
        (supply(12, "h"), [], None, None, None),
        # What is said goes before what is counted out, and the bounds say when it begins.
        (supply(30) | TABLETS, [dosage(ONE, **TWICE_A_DAY, **BOUNDS)], 30, date(2025, 2, 1), date(2025, 3, 2)),
        # As long as the quantity lasts.
        (TABLETS, [dosage(ONE, **TWICE_A_DAY)], 30, AUTHORED, date(2025, 1, 30)),
        (TABLETS | {"numberOfRepeatsAllowed": 1}, [dosage(TWO, **TWICE_A_DAY)], 30, AUTHORED, date(2025, 1, 30)),
        (TABLETS, [dosage(ONE, frequencyMax=4, frequency=1, period=1, periodUnit="d")],
         15, AUTHORED, date(2025, 1, 15)),
        (TABLETS, [dosage(ONE, frequency=1, period=12, periodUnit="h")], 30, AUTHORED, date(2025, 1, 30)),
        (TABLETS, [dosage(ONE, frequency=60, period=1, periodUnit="wk")], 7, AUTHORED, date(2025, 1, 7)),
        (TABLETS, [dosage(ONE, timeOfDay=["08:00:00", "14:00:00", "20:00:00"])], 20, AUTHORED, date(2025, 1, 20)),
        (TABLETS, [{**dosage(**TWICE_A_DAY), "doseAndRate": [{"doseRange": {"low": ONE, "high": TWO}}]}],
         15, AUTHORED, date(2025, 1, 15)),
        # Without a dose, without how often, and with two instructions nobody knows; then the bounds are all there is.
        (TABLETS, [dosage(**TWICE_A_DAY)], None, None, None),
        (TABLETS, [dosage(ONE)], None, None, None),
        (TABLETS, [dosage(ONE, **BOUNDS)], None, date(2025, 2, 1), date(2025, 3, 31)),
        (TABLETS, [dosage(ONE, **TWICE_A_DAY), dosage(TWO, **TWICE_A_DAY)], None, None, None),
        ({}, [dosage(boundsPeriod={"start": "2025-02-01"})], None, None, None),
        ({}, [dosage(boundsPeriod={"end": "2025-02"})], None, AUTHORED, date(2025, 2, 28)),
    ],
)  # fmt: skip
def test_how_long_a_prescription_lasts(
    dispensed: Resource, instructions: list[Resource], days: float | None, first: date | None, last: date | None
) -> None:
    row = only_row(prescription(dispenseRequest=dispensed, dosageInstruction=instructions), "drug_exposure")
    assert (row["total_days_supplied"], row["supply_start_date"], row["supply_end_date"]) == (days, first, last)


def test_a_prescription_without_a_day_is_supplied_from_when_it_is_valid() -> None:
    valid = supply(10) | {"validityPeriod": {"start": "2025-05-01"}}
    assert request_supply({"dispenseRequest": valid})["supply_start_date"] == date(2025, 5, 1)
    assert request_supply({"dispenseRequest": valid, "authoredOn": "2025-04-01"})["supply_start_date"] == date(
        2025, 4, 1
    )


def test_how_much_is_taken_a_day() -> None:
    row = request_supply(
        {"dosageInstruction": [dosage({"value": 2.5, "unit": "milligram", "code": "mg"}, **TWICE_A_DAY)]}
    )
    assert (row["dose_per_day"], row["dose_unit"]) == (5, "mg")


def test_a_dispense_is_one_supply_from_the_day_it_was_handed_over() -> None:
    handed = {**TABLETS, "whenPrepared": "2025-01-01", "whenHandedOver": "2025-01-03"}
    counted = dispense_supply(handed | {"dosageInstruction": [dosage(ONE, **TWICE_A_DAY, **BOUNDS)]})
    assert (counted["supply_start_date"], counted["supply_end_date"]) == (date(2025, 1, 3), date(2025, 2, 1))
    assert dispense_supply(handed | {"daysSupply": {"value": 2, "unit": "weeks"}})["total_days_supplied"] == 14
    assert dispense_supply({"daysSupply": {"value": 2, "unit": "weeks"}})["supply_start_date"] is None


def test_what_was_given_is_supplied_for_that_time() -> None:
    given = {"medicationCodeableConcept": concept(RXNORM, "1191"), "effectivePeriod": {"start": "2025-01-01"}}
    given["effectivePeriod"]["end"] = "2025-01-03"
    for kind in ("MedicationAdministration", "MedicationStatement"):
        resource = clinical(kind, "g1", status="completed", **given)
        resource["context"] = resource.pop("encounter")
        row = only_row(resource, "drug_exposure")
        assert (row["supply_start_date"], row["supply_end_date"]) == (date(2025, 1, 1), date(2025, 1, 3))


@given(
    days=st.integers(1, 400),
    refills=st.integers(0, 12),
    times=st.integers(1, 6),
    dose=st.integers(1, 4),
    unit=st.sampled_from([("d", 1), ("wk", 7), ("mo", 30)]),
)
def test_stated_and_counted_supplies_agree(
    days: int, refills: int, times: int, dose: int, unit: tuple[str, int]
) -> None:
    name, length = unit
    instructions = [dosage({"value": dose}, frequency=times * length, period=1, periodUnit=name)]
    amount = {"quantity": {"value": days * times * dose}, "numberOfRepeatsAllowed": refills}
    shared = {"authoredOn": "2025-01-01", "dosageInstruction": instructions}
    counted = request_supply({**shared, "dispenseRequest": amount})
    stated = request_supply({**shared, "dispenseRequest": amount | supply(days)})
    assert counted == stated | {"total_days_supplied": pytest.approx(days * (1 + refills))}
    assert stated["supply_end_date"] - AUTHORED == timedelta(days=days * (1 + refills) - 1)


@given(value=st.floats(allow_nan=False), unit=st.sampled_from(["d", "wk", "mo", "a", "h", "furlong", None]))
def test_any_duration_is_days_or_unknown(value: float, unit: str | None) -> None:
    row = request_supply({"authoredOn": "2025-01-01", "dispenseRequest": supply(value, unit)})
    days = days_of({"value": value, "code": unit})
    assert (days is None) <= (row["supply_end_date"] is None)
    assert row["total_days_supplied"] is None or row["total_days_supplied"] == days
