"""How long what was ordered, handed over or given lasts, and how much of it is taken a day.

Source: the eCQM library CumulativeMedicationDuration 6.0.000, whose rules for MedicationRequest and MedicationDispense
these are; FHIR R4 Dosage, Timing.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta

from pipelines.fhir.mapping.elements import Resource, last_date, local_date
from pipelines.fhir.mapping.result import Row

_DAYS = {
    **dict.fromkeys(("d", "day", "days"), 1),
    **dict.fromkeys(("wk", "week", "weeks"), 7),
    **dict.fromkeys(("mo", "month", "months"), 30),
    **dict.fromkeys(("a", "year", "years"), 365),
}
_PARTS_OF_A_DAY = {
    **dict.fromkeys(("h", "hour", "hours"), 24),
    **dict.fromkeys(("min", "minute", "minutes"), 24 * 60),
    **dict.fromkeys(("s", "second", "seconds"), 24 * 60 * 60),
}


def days_of(duration: Resource | None) -> float | None:
    """A Duration in days, a month being 30 of them and a year 365; None if it is shorter units or of no number.

    A number without a unit counts days.
    """
    value = _number((duration or {}).get("value"))
    days = _DAYS.get(str((duration or {}).get("code") or (duration or {}).get("unit") or "d").lower())
    return None if value is None or days is None else value * days


def request_supply(request: Resource) -> Row:
    """Supply of a MedicationRequest, with its refills, as columns of ``bronze.drug_exposure``.

    The days are those that the supply is said to be for, else those for which its quantity lasts; where neither is
    known, the bounds of the dosage. They begin with the bounds, else when it was authored, else when it is valid.
    """
    dispense = request.get("dispenseRequest") or {}
    dosage = _dosage(request.get("dosageInstruction"))
    bounds = _bounds(dosage)
    validity = (dispense.get("validityPeriod") or {}).get("start")
    start = next((day for day in map(local_date, (bounds[0], request.get("authoredOn"), validity)) if day), None)
    quantity = dispense.get("quantity") or {}
    days = _days(days_of(dispense.get("expectedSupplyDuration")), quantity, dosage)
    total = None if days is None else days * (1 + (_number(dispense.get("numberOfRepeatsAllowed")) or 0))
    end = _last_day(start, total) if total is not None else last_date(bounds[1])
    return _supply(start, end, total, quantity, dosage)


def dispense_supply(dispense: Resource) -> Row:
    """Supply of a MedicationDispense: one, without refills, from the day it was handed over, else prepared.

    The bounds of its dosage are the whole prescription's and say nothing of it.
    """
    dosage = _dosage(dispense.get("dosageInstruction"))
    start = local_date(dispense.get("whenHandedOver")) or local_date(dispense.get("whenPrepared"))
    quantity = dispense.get("quantity") or {}
    days = _days(days_of(dispense.get("daysSupply")), quantity, dosage)
    return _supply(start, _last_day(start, days), days, quantity, dosage)


def taken_supply(start: date | None, end: date | None, instructions: Sequence[Resource] | None = None) -> Row:
    """Supply of what was given or is taken: the time of that itself, and the dose of a day."""
    return _supply(start, end, None, {}, _dosage(instructions))


def _supply(start: date | None, end: date | None, days: float | None, quantity: Resource, dosage: Resource) -> Row:
    is_known = start is not None and end is not None
    dose, unit = _dose(dosage)
    times = _times_a_day(dosage)
    return {
        "supply_start_date": start if is_known else None,
        "supply_end_date": end if is_known else None,
        "total_days_supplied": _number(days),
        "supplied_quantity": _number(quantity.get("value")),
        "supplied_quantity_unit": _unit(quantity),
        "dose_per_day": None if dose is None or times is None else _number(dose * times),
        "dose_unit": unit,
    }


def _dosage(instructions: Sequence[Resource] | None) -> Resource:
    """The one instruction; of several nobody knows which holds for how much of the supply."""
    return instructions[0] if instructions and len(instructions) == 1 else {}


def _repeat(dosage: Resource) -> Resource:
    return (dosage.get("timing") or {}).get("repeat") or {}


def _bounds(dosage: Resource) -> tuple[str | None, str | None]:
    period = _repeat(dosage).get("boundsPeriod") or {}
    return period.get("start"), period.get("end")


def _dose(dosage: Resource) -> tuple[float | None, str | None]:
    """One dose and its unit; of a range the upper end."""
    rates: Sequence[Resource] = dosage.get("doseAndRate") or ()
    rate: Resource = rates[0] if len(rates) == 1 else {}
    dose = (rate.get("doseRange") or {}).get("high") or rate.get("doseQuantity") or {}
    return _number(dose.get("value")), _unit(dose)


def _times_a_day(dosage: Resource) -> float | None:
    """How often a day: by frequency and period, else by the times of day; None if neither is said."""
    repeat = _repeat(dosage)
    frequency = _number(repeat.get("frequencyMax")) or _number(repeat.get("frequency"))
    period, unit = _number(repeat.get("period")), str(repeat.get("periodUnit"))
    if frequency and period and unit in _PARTS_OF_A_DAY:
        return frequency * _PARTS_OF_A_DAY[unit] / period
    if frequency and period and unit in _DAYS:
        return frequency / (period * _DAYS[unit])
    return len(repeat.get("timeOfDay") or ()) or None


def _days(stated: float | None, quantity: Resource, dosage: Resource) -> float | None:
    """Days as they are stated, else those for which the quantity lasts."""
    if stated is not None:
        return stated
    amount, (dose, _), times = _number(quantity.get("value")), _dose(dosage), _times_a_day(dosage)
    return None if amount is None or not dose or not times else amount / (dose * times)


def _last_day(start: date | None, days: float | None) -> date | None:
    """The last of so many days; a part of a day adds none."""
    if start is None or days is None:
        return None
    try:
        return start + timedelta(days=math.trunc(days - 1))
    except (OverflowError, ValueError):
        # Beyond the days there are.
        return None


def _unit(quantity: Resource) -> str | None:
    return quantity.get("code") or quantity.get("unit")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
