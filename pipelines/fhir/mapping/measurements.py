"""Observation → measurement rows, one a value: components are rows of their own.

Source: OMOP CDM 5.4 measurement; FHIR R4 Observation (value[x], component, dataAbsentReason, referenceRange).
"""

from pipelines.fhir.mapping.clinical import event
from pipelines.fhir.mapping.elements import (
    LAYPEOPLE,
    Context,
    Resource,
    all_codings,
    categories_of,
    category_of,
    codeable_concept,
    codings,
    concept_text,
    end_of,
    local_date,
    local_datetime,
    patient_key,
    reference_type,
    start_of,
    unit_of,
)
from pipelines.fhir.mapping.orders import not_done, says_why_not
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key


def observation(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A row for the observation's own value and one for each component that has a value; or that it was not made.

    An observation without member and of no value, itself or in a component, is a result that names no value: it keeps a
    row, since a test that was done counts, unless its dataAbsentReason says that it was not performed. One that was
    cancelled, and says why in the words of QI-Core, was not done.
    """
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    effective = start_of(resource, "effective")
    when = effective or resource.get("issued")
    if status == "cancelled" and says_why_not(resource):
        thing = codeable_concept(resource.get("code"))
        return not_done(resource, context, person, thing, when)
    if status not in profile.statuses["Observation"]:
        return not_taken("status", status, person)
    shared: Row = {
        **event(resource, context, person, *(resource.get("performer") or ())),
        "category": category_of(resource),
        "categories": categories_of(resource),
        "is_patient_reported": _is_patient_reported(resource),
        "status": status,
        "measurement_date": local_date(when),
        "measurement_datetime": local_datetime(when),
        "measurement_end_date": end_of(resource, "effective")[0] or local_date(when),
        "has_effective_time": effective is not None,
    }
    rows = [
        {
            **shared,
            **_result(component),
            "measurement_key": derived_key(str(context.key), "component", str(index)),
            "parent_measurement_key": context.key,
        }
        for index, component in enumerate(resource.get("component") or ())
        if _has_value(component)
    ]
    if _has_value(resource) or not (rows or _explains_absence(resource)):
        rows.append({**shared, **_result(resource), "measurement_key": context.key})
    if not rows:
        return Excluded("data_absent", person)
    return Mapped({"measurement": rows}, person)


def _is_patient_reported(resource: Resource) -> bool:
    """Whether all who performed it are patients or relatives. Source: HL7 FHIR-to-OMOP guide, f2o-053."""
    performers = {reference_type(performer) for performer in resource.get("performer") or ()}
    return bool(performers) and performers <= set(LAYPEOPLE)


def _explains_absence(resource: Resource) -> bool:
    absent = {coding["code"] for coding in codings(resource.get("dataAbsentReason"))}
    return bool(resource.get("hasMember") or "not-performed" in absent)


def _has_value(part: Resource) -> bool:
    return any(name.startswith("value") and part[name] is not None for name in part)


def _result(part: Resource) -> Row:
    """Columns of one code and its value."""
    bounds: Resource = next(iter(part.get("referenceRange") or ()), {})
    return {
        **codeable_concept(part.get("code")),
        **_value(part),
        "range_low": (bounds.get("low") or {}).get("value"),
        "range_high": (bounds.get("high") or {}).get("value"),
        "interpretation_codings": all_codings(part.get("interpretation")),
    }


def _value(part: Resource) -> Row:
    """One of FHIR's value[x] as columns; a range, ratio, time or period is kept as text."""
    if "valueQuantity" in part:
        return _quantity(part["valueQuantity"])
    if "valueCodeableConcept" in part:
        concept = part["valueCodeableConcept"]
        return {"value_codings": codings(concept) or None, "value_text": concept_text(concept)}
    if "valueBoolean" in part:
        return {"value_boolean": part["valueBoolean"]}
    if "valueInteger" in part:
        return {"value_number": part["valueInteger"]}
    if "valueRange" in part:
        low, high = part["valueRange"].get("low") or {}, part["valueRange"].get("high") or {}
        return {"value_text": f"{_number(low)}-{_number(high)}", **unit_of(low or high)}
    if "valueRatio" in part:
        return _ratio(part["valueRatio"].get("numerator") or {}, part["valueRatio"].get("denominator") or {})
    if "valuePeriod" in part:
        period = part["valuePeriod"]
        return {"value_text": f"{period.get('start', '')}/{period.get('end', '')}"}
    for name in ("valueString", "valueTime", "valueDateTime"):
        if name in part:
            return {"value_text": str(part[name])}
    return {}


def _quantity(quantity: Resource) -> Row:
    return {
        "value_number": quantity.get("value"),
        "value_operator": quantity.get("comparator"),
        **unit_of(quantity),
    }


def _ratio(numerator: Resource, denominator: Resource) -> Row:
    """``5/2`` in ``mg/dL``: the unit is that of the quotient."""
    over, under = unit_of(numerator), unit_of(denominator)
    unit = {name: f"{over[name]}/{under[name]}" if over[name] and under[name] else over[name] or None for name in over}
    # Without a unit above, one below is no unit that can be written.
    return {"value_text": f"{_number(numerator)}/{_number(denominator)}", **unit}


def _number(quantity: Resource) -> str:
    return f"{quantity.get('comparator', '')}{quantity.get('value', '')}"
