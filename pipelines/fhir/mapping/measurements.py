"""Observation → measurement rows, one a value: components are rows of their own.

Source: OMOP CDM 5.4 measurement; FHIR R4 Observation (value[x], component, dataAbsentReason, referenceRange).
"""

from pipelines.fhir.mapping.clinical import event
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    all_codings,
    codings,
    concept_text,
    end_of,
    first_code,
    local_date,
    local_datetime,
    patient_key,
    start_of,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key


def observation(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A row for the observation's own value and one for each component that has a value.

    An observation without value, component, member or dataAbsentReason is a result that names no value: it keeps a
    row, since a test that was done counts.
    """
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Observation"]:
        return not_taken("status", status, person)
    performer = next(iter(resource.get("performer") or ()), None)
    when = start_of(resource, "effective") or resource.get("issued")
    shared: Row = {
        **event(resource, context, person, performer),
        "category": first_code(resource.get("category")),
        "status": status,
        "measurement_date": local_date(when),
        "measurement_datetime": local_datetime(when),
        "measurement_end_date": local_date(end_of(resource, "effective") or when),
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


def _explains_absence(resource: Resource) -> bool:
    return any(resource.get(name) for name in ("dataAbsentReason", "hasMember", "component"))


def _has_value(part: Resource) -> bool:
    return any(name.startswith("value") and part[name] is not None for name in part)


def _result(part: Resource) -> Row:
    """Columns of one code and its value."""
    bounds: Resource = next(iter(part.get("referenceRange") or ()), {})
    return {
        "codings": codings(part.get("code")),
        "code_text": concept_text(part.get("code")),
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
        return _pair(part["valueRange"], "low", "high", "-")
    if "valueRatio" in part:
        return _pair(part["valueRatio"], "numerator", "denominator", "/")
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
        "unit_code": quantity.get("code"),
        "unit_source_value": quantity.get("unit") or quantity.get("code"),
    }


def _pair(value: Resource, first: str, second: str, separator: str) -> Row:
    low, high = value.get(first) or {}, value.get(second) or {}
    unit = low or high
    return {
        "value_text": f"{low.get('value', '')}{separator}{high.get('value', '')}",
        "unit_code": unit.get("code"),
        "unit_source_value": unit.get("unit") or unit.get("code"),
    }
