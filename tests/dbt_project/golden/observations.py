"""Golden cases of Observation: measurements and observations, one row a value."""

from typing import Any

from tests.dbt_project.golden.case import SNOMED, UCUM, Case, Resource, at, key, left_out, told
from tests.dbt_project.golden.vocabulary import POSITIVE
from tests.dbt_project.population import LOINC, blood_pressure, coded, of, visit

_A1C, _CULTURE, _SMOKING = coded(LOINC, "4548-4"), coded(LOINC, "600-7"), coded(LOINC, "72166-2")
_A1C_CONCEPT, _CULTURE_CONCEPT, _SMOKING_CONCEPT = 3004410, 3023368, 43054909
_DAY = "2026-02-03"
_MEASURED = (
    "measurement_concept_id, value_as_number::float, value_as_concept_id, value_source_value, operator_concept_id, "
    "unit_concept_id, unit_source_value"
)
_OBSERVED = (
    "observation_concept_id, value_as_number::float, value_as_string, value_as_concept_id, value_source_value, "
    "unit_concept_id, unit_source_value"
)


def seen(person: str, name: str, code: Resource, **parts: Any) -> Resource:
    """A final Observation on 2026-02-03 unless its parts say otherwise; None takes an element away."""
    given = {"status": "final", "code": code, "effectiveDateTime": _DAY} | parts
    return of(person, "Observation", name, **{element: value for element, value in given.items() if value is not None})


def _measured(
    name: str, expected: list[tuple[Any, ...]], *requirements: str, columns: str = _MEASURED, code: Resource = _A1C,
    **parts: Any,
) -> Case:  # fmt: skip
    return Case(name, [seen(name, name, code, **parts)], "omop.measurement", columns, expected, requirements)


def _observed(
    name: str, expected: list[tuple[Any, ...]], *requirements: str, columns: str = _OBSERVED, code: Resource = _SMOKING,
    **parts: Any,
) -> Case:  # fmt: skip
    return Case(name, [seen(name, name, code, **parts)], "omop.observation", columns, expected, requirements)


def _amount(value: float, code: str | None = "%", system: str | None = UCUM, **parts: Any) -> Resource:
    named = {"code": code} | ({"system": system} if system else {}) if code else {}
    return {"valueQuantity": {"value": value, **named, **parts}}


def _quantity(name: str, expected_unit: tuple[int | None, str | None], *requirements: str, **quantity: Any) -> Case:
    """A value of 7 in a unit: its concept and what the source wrote."""
    expected = [(_A1C_CONCEPT, 7, None, None, None, *expected_unit)]
    return _measured(name, expected, *requirements, valueQuantity={"value": 7, **quantity})


def _compared(name: str, comparator: str, operator: int) -> Case:
    expected = [(_A1C_CONCEPT, 7, None, None, operator, 8554, "%")]
    return _measured(name, expected, "f2o-081", **_amount(7, comparator=comparator))


_UNITS = {
    "mg/dL": 8840, "mm[Hg]": 8876, "mmol/L": 8753, "kg": 9529, "cm": 8582, "kg/m2": 9531, "%": 8554, "/min": 8541,
    "Cel": 586323, "[degF]": 9289, "g/dL": 8713, "10*3/uL": 8848, "10*6/uL": 8815, "fL": 8583, "pg": 8564,
    "ng/mL": 8842, "ug/L": 8748, "mL/min": 8795, "mg": 8576, "mL": 8587, "L": 8519, "[in_i]": 9327, "h": 8505,
    "d": 8512, "wk": 8511, "mo": 9580, "a": 9448,
}  # fmt: skip

QUANTITIES = [
    _quantity("a-quantity", (8554, "percent"), "f2o-033", code="%", system=UCUM, unit="percent"),
    _quantity("a-quantity-without-words", (8554, "%"), code="%", system=UCUM),
    _quantity("a-quantity-without-a-unit", (None, None), "f2o-011"),
    _quantity("a-unit-nobody-knows", (0, "{puffs}"), "f2o-032", code="{puffs}", system=UCUM),
    # Words that are UCUM's own name the unit; what another system calls a code does not.
    _quantity("a-unit-in-words", (8840, "mg/dL"), "f2o-030", unit="mg/dL"),
    _quantity("a-unit-in-words-nobody-knows", (0, "drops"), "f2o-032", unit="drops"),
    _quantity("a-unit-of-another-system", (8840, "mg/dL"), "f2o-030", unit="mg/dL", code="g", system="urn:units"),
    _compared("less-than", "<", 4171756),
    _compared("at-most", "<=", 4171754),
    _compared("at-least", ">=", 4171755),
    _compared("more-than", ">", 4172704),
    Case(
        "every-unit-of-the-list",
        [seen("every-unit-of-the-list", f"unit-{number}", _A1C, **_amount(1, unit))
         for number, unit in enumerate(_UNITS)],
        "omop.measurement", "unit_source_value COLLATE \"C\", unit_concept_id", sorted(_UNITS.items()), ("f2o-030",),
    ),
    Case(
        "an-unknown-unit-is-on-record",
        [seen("an-unknown-unit-is-on-record", "in-pinches", _A1C, **_amount(1, "{pinches}"))],
        "omop.unmapped_code", "bronze_table, system, cdm_table, rows", [("measurement", UCUM, "measurement", 1)],
        ("f2o-063",), of=("code", "{pinches}"),
    ),
]  # fmt: skip


def _text(name: str, text: str, unit: tuple[int | None, str | None] = (None, None), **value: Any) -> Case:
    """A value that neither number nor concept holds: kept as text."""
    return _measured(name, [(_A1C_CONCEPT, None, None, text, None, *unit)], "f2o-081", **value)


def _flag(name: str, concept: int, *, value: bool) -> Case:
    return _measured(name, [(_A1C_CONCEPT, None, concept, None, None, None, None)], valueBoolean=value)


_GROWN = coded(SNOMED, "10828004", "Positive")
_LOCAL = coded("urn:local", "POS", "grown")
_NOBODY = (None, None)

VALUES = [
    _measured("a-concept", [(_CULTURE_CONCEPT, None, POSITIVE, "10828004", None, *_NOBODY)], "f2o-030", "f2o-033",
              code=_CULTURE, valueCodeableConcept=_GROWN),
    _measured("a-concept-nobody-knows", [(_CULTURE_CONCEPT, None, 0, "POS", None, *_NOBODY)], "f2o-032", "f2o-033",
              code=_CULTURE, valueCodeableConcept=_LOCAL),
    _measured("a-concept-in-words", [(_CULTURE_CONCEPT, None, None, "grown", None, *_NOBODY)], "f2o-033",
              code=_CULTURE, valueCodeableConcept={"text": "grown"}),
    _measured("a-concept-of-two-codings", [(_CULTURE_CONCEPT, None, POSITIVE, "10828004", None, *_NOBODY)], "f2o-034",
              code=_CULTURE, valueCodeableConcept={"coding": [*_LOCAL["coding"], *_GROWN["coding"]]}),
    Case("an-unknown-value-is-on-record",
         [seen("an-unknown-value-is-on-record", "odd", _CULTURE, valueCodeableConcept=coded("urn:local", "ODD"))],
         "omop.unmapped_code", "bronze_table, system, cdm_table, rows",
         [("measurement", "urn:local", "measurement", 1)], ("f2o-063",), of=("code", "ODD")),
    _text("a-string", "no growth", valueString="no growth"),
    _text("a-range", "4-6", (8554, "%"),
          valueRange={"low": {"value": 4, "code": "%", "system": UCUM}, "high": {"value": 6, "code": "%"}}),
    _text("a-range-open-below", "-6", (8554, "%"), valueRange={"high": {"value": 6, "code": "%", "system": UCUM}}),
    _text("a-ratio", "1/64", valueRatio={"numerator": {"value": 1}, "denominator": {"value": 64}}),
    _text("a-ratio-below", "1/<64",
          valueRatio={"numerator": {"value": 1}, "denominator": {"value": 64, "comparator": "<"}}),
    # The unit of the quotient, not of its upper half.
    _text("a-ratio-of-units", "5/2", (8840, "mg/dL"),
          valueRatio={"numerator": {"value": 5, "code": "mg", "system": UCUM},
                      "denominator": {"value": 2, "code": "dL", "system": UCUM}}),
    _text("a-period", "2026-01-01/2026-01-03", valuePeriod={"start": "2026-01-01", "end": "2026-01-03"}),
    _text("a-time-of-day", "10:30:00", valueTime="10:30:00"),
    _text("a-moment", "2026-01-01T10:30:00Z", valueDateTime="2026-01-01T10:30:00Z"),
    _flag("a-yes", 4188539, value=True),
    _flag("a-no", 4188540, value=False),
    _measured("an-integer", [(_A1C_CONCEPT, 0, None, None, None, *_NOBODY)], valueInteger=0),
    _measured("a-test-without-a-result", [(_A1C_CONCEPT, None, None, None, None, *_NOBODY)], "f2o-011"),
    _observed("an-observed-concept", [(_SMOKING_CONCEPT, None, "Positive", POSITIVE, "10828004", *_NOBODY)], "f2o-037",
              valueCodeableConcept=_GROWN),
    _observed("an-observed-string", [(_SMOKING_CONCEPT, None, "never", None, "never", *_NOBODY)], "f2o-037",
              valueString="never"),
    _observed("an-observed-yes", [(_SMOKING_CONCEPT, None, None, 4188539, None, *_NOBODY)], valueBoolean=True),
    _observed("an-observed-number", [(_SMOKING_CONCEPT, 20, None, None, None, 8512, "d")],
              valueQuantity={"value": 20, "code": "d", "system": UCUM}),
]  # fmt: skip

_ABSENT = {"dataAbsentReason": told("unknown", "data-absent-reason")}


def _pressure(code: str, value: float | None) -> Resource:
    return {"code": coded(LOINC, code), **(_ABSENT if value is None else _amount(value, "mm[Hg]"))}


_PANEL = coded(LOINC, "85354-9")
_SYSTOLIC, _DIASTOLIC = (3004249, 8876), (3012888, 8876)
_ROW = "measurement_concept_id, unit_concept_id, value_as_number::float, measurement_date::text"


def _absent(name: str, **parts: Any) -> Case:
    given = seen(name, "", _PANEL, **parts)
    return left_out(name, given, "data_absent", "f2o-060", "f2o-062")


_FIVE_PARTS = [_pressure("8480-6", 120), _pressure("8462-4", 80), _pressure("8867-4", 60)]

COMPONENTS = [
    Case("a-blood-pressure",
         [visit("a-blood-pressure", "pressed", _DAY, _DAY),
          blood_pressure("a-blood-pressure", "pressure", _DAY, 120, 80, "pressed")],
         "omop.measurement", f"{_ROW}, visit_occurrence_id",
         [(*_SYSTOLIC, 120, _DAY, key("Encounter", "pressed")), (*_DIASTOLIC, 80, _DAY, key("Encounter", "pressed"))],
         ("f2o-037",)),
    _measured("half-a-blood-pressure", [(*_SYSTOLIC, 120, _DAY)], columns=_ROW, code=_PANEL,
              component=[_pressure("8480-6", 120), _pressure("8462-4", None)]),
    _measured("a-panel-with-a-value-of-its-own",
              [(*_SYSTOLIC, 120, _DAY), (*_DIASTOLIC, 80, _DAY), (36203185, 8876, 93, _DAY)], columns=_ROW,
              code=_PANEL, component=[_pressure("8480-6", 120), _pressure("8462-4", 80)], **_amount(93, "mm[Hg]")),
    _measured("a-component-that-came-twice", [(*_SYSTOLIC, 120, _DAY), (*_SYSTOLIC, 130, _DAY)],
              columns="measurement_concept_id, unit_concept_id, value_as_number::float, measurement_date::text",
              code=_PANEL, component=[_pressure("8480-6", 120), _pressure("8480-6", 130)]),
    _measured("components-share-who-did-it", [(key("Practitioner", "dr-heart"),)] * 3, columns="provider_id",
              code=_PANEL, performer=[at("Practitioner", "dr-heart")], component=_FIVE_PARTS),
    _absent("an-observation-that-was-not-performed",
            dataAbsentReason=told("not-performed", "data-absent-reason")),
    _absent("a-panel-of-members", hasMember=[at("Observation", "member")]),
    _measured("a-member-of-a-panel", [(_A1C_CONCEPT, 7, None, None, None, 8554, "%")], **_amount(7)),
]  # fmt: skip

_WHEN = "measurement_date::text, measurement_datetime::text, measurement_time"


def _timed(name: str, expected: tuple[str, str | None, str | None], *requirements: str, **parts: Any) -> Case:
    given = {"effectiveDateTime": None, **_amount(7), **parts}
    return _measured(name, [expected], *requirements, columns=_WHEN, **given)


TIMES = [
    _timed("measured-on-a-day", (_DAY, None, None), effectiveDateTime=_DAY),
    _timed("measured-at-a-time", (_DAY, f"{_DAY} 23:30:00", "23:30:00"), "f2o-073",
           effectiveDateTime="2026-02-03T23:30:00-05:00"),
    _timed("measured-in-another-zone", (_DAY, f"{_DAY} 00:15:00", "00:15:00"), "f2o-073",
           effectiveDateTime="2026-02-03T00:15:00+13:00"),
    _timed("measured-in-a-month", ("2026-02-01", None, None), "f2o-071", effectiveDateTime="2026-02"),
    _timed("measured-over-a-period", (_DAY, f"{_DAY} 08:00:00", "08:00:00"),
           effectivePeriod={"start": "2026-02-03T08:00:00Z", "end": "2026-02-05T08:00:00Z"}),
    _timed("measured-at-an-instant", (_DAY, f"{_DAY} 08:00:00", "08:00:00"), "f2o-073",
           effectiveInstant="2026-02-03T08:00:00Z"),
    _timed("measured-by-a-timing", ("2026-02-04", "2026-02-04 09:00:00", "09:00:00"),
           effectiveTiming={"code": {"text": "daily"}}, issued="2026-02-04T09:00:00Z"),
    _timed("issued-only", ("2026-02-04", "2026-02-04 09:00:00", "09:00:00"), issued="2026-02-04T09:00:00Z"),
    Case("measured-in-a-visit",
         [visit("measured-in-a-visit", "measuring", "2026-02-05", "2026-02-05"),
          seen("measured-in-a-visit", "in-visit", _A1C, effectiveDateTime=None, encounter=at("Encounter", "measuring"),
               **_amount(7))],
         "omop.measurement", _WHEN, [("2026-02-05", None, None)], ("f2o-070",)),
    Case("measured-nobody-knows-when",
         [seen("measured-nobody-knows-when", "timeless", _A1C, effectiveDateTime=None, **_amount(7))],
         "omop.dropped_row", "bronze_table, reason", [("measurement", "no_date")], ("f2o-070",),
         of=("bronze_key", key("Observation", "timeless"))),
]  # fmt: skip


def _kind(name: str, expected: int, *categories: Resource, **parts: Any) -> Case:
    given = {"category": list(categories)} if categories else {}
    columns = "measurement_type_concept_id"
    return _measured(name, [(expected,)], "f2o-050", "f2o-051", columns=columns, **given, **_amount(7), **parts)


def _of_category(code: str) -> Resource:
    return told(code, "observation-category")


_LABORATORY, _VITAL, _SURVEY = _of_category("laboratory"), _of_category("vital-signs"), _of_category("survey")

KINDS = [
    _kind("of-a-laboratory", 32856, _LABORATORY),
    _kind("of-a-laboratory-section", 32856, coded("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB")),
    _kind("of-vital-signs", 32817, _VITAL),
    _kind("of-a-survey", 32883, _SURVEY),
    _kind("of-an-exam", 32817, _of_category("exam")),
    _kind("of-nothing-named", 32817),
    _kind("of-a-local-category-and-a-laboratory", 32856, coded("urn:local", "CHEM"), _LABORATORY),
    _kind("of-two-codings-of-a-laboratory", 32856,
          {"coding": [{"system": "urn:local", "code": "CHEM"}, *_LABORATORY["coding"]]}),
    # What patients say of themselves is told apart from what clinicians record.
    _kind("measured-by-the-patient", 32865, _VITAL, performer=[at("Patient", "measured-by-the-patient")]),
    _kind("measured-by-a-relative", 32865, performer=[at("RelatedPerson", "sister")]),
    _kind("measured-by-patient-and-nurse", 32817, _VITAL, performer=[at("Patient", "x"), at("Practitioner", "nurse")]),
    _observed("a-survey-of-the-patients-own", [(32862,)], "f2o-053", columns="observation_type_concept_id",
              category=[_SURVEY], performer=[at("Patient", "a-survey-of-the-patients-own")], valueInteger=3),
]  # fmt: skip


def _range(name: str, expected: tuple[float | None, float | None], *ranges: Resource) -> Case:
    columns = "range_low::float, range_high::float"
    return _measured(name, [expected], columns=columns, referenceRange=list(ranges), **_amount(7))


def _judged(code: str, concept: int) -> Case:
    judgement = [told(code, "v3-ObservationInterpretation")]
    return _measured(
        f"judged-{code.lower()}", [(_CULTURE_CONCEPT, None, concept, None, None, *_NOBODY)], "f2o-081", code=_CULTURE,
        interpretation=judgement,
    )  # fmt: skip


_HIGH = [told("H", "v3-ObservationInterpretation")]

RANGES = [
    _range("a-normal-range", (4, 5.6), {"low": {"value": 4}, "high": {"value": 5.6}}),
    _range("a-range-without-a-low", (None, 5.6), {"high": {"value": 5.6}}),
    _range("two-ranges", (4, 5.6), {"low": {"value": 4}, "high": {"value": 5.6}}, {"low": {"value": 0}}),
    _range("a-range-in-words", (None, None), {"text": "below 6"}),
    *(_judged(code, concept) for code, concept in (
        ("POS", 9191), ("NEG", 9189), ("H", 4328749), ("L", 4267416), ("N", 4069590), ("A", 4135493),
    )),
    # A number stands for itself: that it is high is no value beside it.
    _measured("judged-beside-a-number", [(_A1C_CONCEPT, 9, None, None, None, 8554, "%")], interpretation=_HIGH,
              **_amount(9)),
    _observed("judged-in-an-observation", [(4328749, "H", 20)],
              columns="qualifier_concept_id, qualifier_source_value, value_as_number::float", interpretation=_HIGH,
              valueInteger=20),
]  # fmt: skip


def _final(status: str) -> Case:
    return _measured(
        f"a-result-{status}", [(7,)], "f2o-060", columns="value_as_number::int", status=status, **_amount(7)
    )


def _not_final(status: str) -> Case:
    name = f"a-result-{status}"
    given = seen(name, "", _A1C, status=status, **_amount(7))
    return left_out(name, given, f"status:{status}", "f2o-060", "f2o-062")


def _done_by(name: str, expected: str | None, *performers: Resource) -> Case:
    provider = key("Practitioner", expected) if expected else None
    return _measured(name, [(provider,)], columns="provider_id", performer=list(performers), **_amount(7))


_HEART = at("Practitioner", "dr-heart")
_LABEL = {"system": "urn:local", "code": "X9"}

RESULTS = [
    *(_final(status) for status in ("final", "amended", "corrected")),
    *(_not_final(status) for status in ("registered", "preliminary", "cancelled", "entered-in-error", "unknown")),
    _done_by("done-by-a-doctor", "dr-heart", _HEART),
    _done_by("done-by-a-laboratory-and-a-doctor", "dr-heart", at("Organization", "heart-centre"), _HEART),
    _done_by("done-by-a-team-and-a-role", "dr-heart", at("CareTeam", "team"), at("PractitionerRole", "heart-role")),
    _done_by("done-by-a-laboratory", None, at("Organization", "heart-centre")),
    # The concept decides the table; failing one, what kind of value it is.
    _observed("a-laboratory-observation", [(2000000092, 9)], "f2o-037", code=coded(LOINC, "9274-2"),
              columns="observation_concept_id, value_as_number::int", category=[_LABORATORY], valueInteger=9),
    _measured("an-unknown-number", [(0, "X9", 7)], "f2o-032",
              columns="measurement_concept_id, measurement_source_value, value_as_number::int",
              code={"coding": [_LABEL]}, **_amount(7)),
    _measured("an-unknown-laboratory-result", [(0, "X9", "clear")], "f2o-032",
              columns="measurement_concept_id, measurement_source_value, value_source_value",
              code={"coding": [_LABEL]}, category=[_LABORATORY], valueString="clear"),
    # Who reported it takes nothing away from what it is.
    _measured("an-unknown-result-that-the-patient-reports", [(0, "X9", "clear", 32865)],
              "f2o-053", code={"coding": [_LABEL]}, category=[_LABORATORY], valueString="clear",
              columns=(
                  "measurement_concept_id, measurement_source_value, value_source_value, measurement_type_concept_id"
              ),
              performer=[at("Patient", "an-unknown-result-that-the-patient-reports")]),
    _observed("an-unknown-answer", [(0, "X9", "yes")], "f2o-032", code={"coding": [_LABEL]},
              columns="observation_concept_id, observation_source_value, value_as_string",
              category=[_of_category("social-history")], valueString="yes"),
]  # fmt: skip

OBSERVATIONS = [*QUANTITIES, *VALUES, *COMPONENTS, *TIMES, *KINDS, *RANGES, *RESULTS]
