"""Golden cases of Condition: which are diagnoses, when, and by which of their codings."""

from typing import Any

from tests.dbt_project.golden.case import SNOMED, Case, Resource, at, key, left_out, told
from tests.dbt_project.golden.vocabulary import (
    ALLERGY_HISTORY,
    FEVER,
    FOOT_CODE,
    FOOT_ULCER,
    OUTDATED_CODE,
    PENICILLIN_CODE,
    RENAMED_CODE,
    UNMAPPED_CODE,
    UNSPECIFIC_CODE,
)
from tests.dbt_project.population import ICD10, coded, of, visit

_DIABETES, _DIABETES_CODE = 201826, 2000000204
_HYPERTENSION, _HYPERTENSION_CODE = 320128, 2000000225
_E11, _I10 = coded(ICD10, "E11.9"), coded(ICD10, "I10")
_WHEN = "condition_start_date::text, condition_start_datetime::text, condition_end_date::text"
_CODES = "condition_concept_id, condition_source_value, condition_source_concept_id"
_SAID = "observation_concept_id, observation_source_value, qualifier_source_value"


def _has(name: str, columns: str, expected: list[tuple[Any, ...]], *requirements: str, **parts: Any) -> Case:
    """A condition of the case's name, recorded on 2026-02-03 unless its parts say otherwise."""
    given = {"code": _E11, "recordedDate": "2026-02-03"} | parts
    given = {element: value for element, value in given.items() if value is not None}
    return Case(
        name, [of(name, "Condition", name, **given)], "omop.condition_occurrence", columns, expected, requirements
    )


def _verified(code: str) -> Resource:
    return {"verificationStatus": told(code, "condition-ver-status")}


def _doubted(code: str) -> Case:
    name = f"condition-{code}"
    given = of(name, "Condition", name, code=_E11, recordedDate="2026-02-03", **_verified(code))
    return Case(name, [given], "omop.observation", _SAID, [(_DIABETES, "E11.9", code)], ("f2o-060", "f2o-081"))


def _none(code: str) -> Case:
    name = f"condition-{code}-is-no-diagnosis"
    return _has(name, "person_id", [], "f2o-060", **_verified(code))


def _withheld(code: str) -> Case:
    name = f"condition-{code}"
    given = of(name, "Condition", "", code=_E11, recordedDate="2026-02-03", **_verified(code))
    return left_out(name, given, f"verification:{code}", "f2o-060", "f2o-062")


def _timeline(code: str, prefix: str) -> Case:
    name = f"timeline-says-{code}"
    given = of(name, "Condition", name, code=_E11, recordedDate="2026-02-03", **_verified(code))
    shown = [(f"{prefix}Type 2 diabetes mellitus",)]
    return Case(name, [given], "features.patient_timeline", "concept_name", shown, ("f2o-060",))


VERIFICATION = [
    _has("condition-confirmed", _CODES, [(_DIABETES, "E11.9", _DIABETES_CODE)], "f2o-031", **_verified("confirmed")),
    _has("condition-nobody-verified", _CODES, [(_DIABETES, "E11.9", _DIABETES_CODE)], "f2o-011"),
    *(_doubted(code) for code in ("unconfirmed", "provisional", "differential")),
    *(_none(code) for code in ("unconfirmed", "provisional", "differential")),
    *(_withheld(code) for code in ("refuted", "entered-in-error")),
    _timeline("provisional", "Provisional: "),
    _timeline("unconfirmed", "Unconfirmed: "),
    _timeline("confirmed", ""),
]


def _clinical(code: str, concept: int) -> Case:
    columns = "condition_status_concept_id, condition_status_source_value"
    return _has(
        f"condition-{code}", columns, [(concept, code)], "f2o-033", clinicalStatus=told(code, "condition-clinical")
    )


def _category(name: str, expected: int, *categories: Resource) -> Case:
    given = {"category": list(categories)} if categories else {}
    return _has(name, "condition_type_concept_id", [(expected,)], "f2o-050", "f2o-051", **given)


_PROBLEM, _DIAGNOSIS = (
    told("problem-list-item", "condition-category"),
    told("encounter-diagnosis", "condition-category"),
)
_CONCERN = coded("http://hl7.org/fhir/us/core/CodeSystem/condition-category", "health-concern")
_TWO_CODINGS = {"coding": [{"system": "urn:local", "code": "PL"}, *_PROBLEM["coding"]]}

KINDS = [
    *(_clinical(code, 0) for code in ("active", "recurrence", "relapse", "inactive", "remission")),
    _clinical("resolved", 32906),
    _category("on-the-problem-list", 32840, _PROBLEM),
    _category("diagnosed-in-an-encounter", 32817, _DIAGNOSIS),
    _category("a-health-concern", 32817, _CONCERN),
    _category("of-no-category", 32817),
    _category("a-concern-on-the-problem-list", 32840, _CONCERN, _PROBLEM),
    _category("on-the-problem-list-by-the-second-coding", 32840, _TWO_CODINGS),
]


def _since(name: str, start: str, time: str | None, end: str | None, *requirements: str, **parts: Any) -> Case:
    return _has(name, _WHEN, [(start, time, end)], *requirements, **parts)


_RECORDED = "2026-02-03"

TIMES = [
    _since("onset-on-a-day", "2020-05-01", None, None, onsetDateTime="2020-05-01"),
    _since("onset-at-a-time", "2020-05-01", "2020-05-01 23:30:00", None, "f2o-073",
           onsetDateTime="2020-05-01T23:30:00-05:00"),
    _since("onset-in-another-zone", "2020-05-02", "2020-05-02 00:30:00", None, "f2o-073",
           onsetDateTime="2020-05-02T00:30:00+14:00"),
    _since("onset-in-a-year", "2020-01-01", None, None, "f2o-071", onsetDateTime="2020"),
    _since("onset-in-a-month", "2020-05-01", None, None, "f2o-071", onsetDateTime="2020-05"),
    _since("onset-over-a-period", "2020-05-01", None, None, onsetPeriod={"start": "2020-05-01", "end": "2020-06-01"}),
    _since("onset-at-an-age", _RECORDED, None, None, "f2o-071",
           onsetAge={"value": 50, "unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}),
    _since("onset-in-words", _RECORDED, None, None, "f2o-071", onsetString="in childhood"),
    _since("recorded-only", _RECORDED, None, None),
    _since("abated-on-a-day", _RECORDED, None, "2026-03-01", abatementDateTime="2026-03-01"),
    _since("abated-over-a-period", _RECORDED, None, "2026-04-30",
           abatementPeriod={"start": "2026-03-01", "end": "2026-04"}),
    _since("abated-at-an-age", _RECORDED, None, None, abatementAge={"value": 51, "unit": "a"}),
    _since("abated-in-words", _RECORDED, None, None, abatementString="long ago"),
    Case(
        "dated-by-its-visit",
        [
            visit("dated-by-its-visit", "dating", "2026-02-05T09:00:00-05:00", "2026-02-05T10:00:00-05:00"),
            of("dated-by-its-visit", "Condition", "undated-dx", code=_E11, encounter=at("Encounter", "dating")),
        ],
        "omop.condition_occurrence", _WHEN, [("2026-02-05", "2026-02-05 09:00:00", None)], ("f2o-070",),
    ),
    _has("dated-by-nothing", "person_id", [], "f2o-070", recordedDate=None),
    Case(
        "undated-and-counted", [of("undated-and-counted", "Condition", "undated-and-counted", code=_E11)],
        "omop.dropped_row", "bronze_table, reason", [("condition_occurrence", "no_date")], ("f2o-062", "f2o-070"),
        of=("bronze_key", key("Condition", "undated-and-counted")),
    ),
]  # fmt: skip


def _all(*codings: tuple[str, str] | tuple[str, str, bool]) -> Resource:
    """A concept of several codings: system, code, and whether the user chose it."""
    found = []
    for system, code, *chosen in codings:
        found.append({"system": system, "code": code} | ({"userSelected": chosen[0]} if chosen else {}))
    return {"coding": found}


def _coded(name: str, code: Resource, *expected: tuple[Any, ...], requirements: tuple[str, ...] = ()) -> Case:
    return _has(name, _CODES, list(expected), *requirements, code=code)


_DIABETES_ROW = (_DIABETES, "E11.9", _DIABETES_CODE)
_LOCAL = "urn:local"

CODES = [
    _coded("one-coding", _E11, _DIABETES_ROW, requirements=("f2o-030", "f2o-031", "f2o-033", "f2o-039")),
    _coded("a-local-coding-first", _all((_LOCAL, "DM"), (ICD10, "E11.9")), _DIABETES_ROW, requirements=("f2o-034",)),
    _coded("a-local-coding-last", _all((ICD10, "E11.9"), (_LOCAL, "DM")), _DIABETES_ROW, requirements=("f2o-034",)),
    _coded("two-mapped-codings", _all((ICD10, "I10"), (ICD10, "E11.9")),
           (_HYPERTENSION, "I10", _HYPERTENSION_CODE), requirements=("f2o-034",)),
    _coded("the-coding-that-was-chosen", _all((ICD10, "I10"), (ICD10, "E11.9", True)), _DIABETES_ROW,
           requirements=("f2o-035",)),
    _coded("a-coding-that-was-not-chosen", _all((ICD10, "I10", False), (ICD10, "E11.9")),
           (_HYPERTENSION, "I10", _HYPERTENSION_CODE), requirements=("f2o-035",)),
    _coded("a-chosen-coding-without-a-concept", _all((ICD10, "E11.9"), (_LOCAL, "DM", True)), _DIABETES_ROW,
           requirements=("f2o-032", "f2o-035")),
    _coded("the-coding-that-says-more", _all((ICD10, "E14"), (ICD10, "E11.9")), _DIABETES_ROW,
           requirements=("f2o-036",)),
    _coded("the-coding-that-says-more-first", _all((ICD10, "E11.9"), (ICD10, "E14")), _DIABETES_ROW,
           requirements=("f2o-036",)),
    _coded("the-coding-that-says-less-alone", _all((ICD10, "E14")), (201820, "E14", UNSPECIFIC_CODE),
           requirements=("f2o-030",)),
    _coded("a-code-of-two-concepts", coded(ICD10, "E11.621"), (_DIABETES, "E11.621", FOOT_CODE),
           (FOOT_ULCER, "E11.621", FOOT_CODE), requirements=("f2o-030", "f2o-031")),
    _coded("a-code-without-a-map", coded(ICD10, "U99.9"), (0, "U99.9", UNMAPPED_CODE),
           requirements=("f2o-031", "f2o-032")),
    _coded("a-code-whose-map-is-outdated", coded(ICD10, "U98.9"), (0, "U98.9", OUTDATED_CODE),
           requirements=("f2o-030", "f2o-032")),
    _coded("a-name-of-former-days", coded(SNOMED, "12345003"), (FEVER, "12345003", RENAMED_CODE),
           requirements=("f2o-031",)),
    _coded("a-standard-code", coded(SNOMED, "386661006"), (FEVER, "386661006", FEVER), requirements=("f2o-030",)),
    _coded("a-code-nobody-knows", coded(ICD10, "Q00.0X"), (0, "Q00.0X", 0), requirements=("f2o-032", "f2o-033")),
    _coded("a-local-code", coded(_LOCAL, "X-1"), (0, "X-1", 0), requirements=("f2o-032", "f2o-033")),
    _coded("a-code-without-a-system", {"coding": [{"code": "E11.9"}]}, (0, "E11.9", 0), requirements=("f2o-032",)),
    _coded("a-code-in-small-letters", coded(ICD10, "e11.9"), (_DIABETES, "e11.9", _DIABETES_CODE),
           requirements=("f2o-033",)),
    _coded("words-only", {"text": "Sugar"}, (0, "Sugar", 0), requirements=("f2o-032", "f2o-033")),
    _coded("words-of-more-than-fifty-letters", {"text": "x" * 60}, (0, "x" * 50, 0), requirements=("f2o-001",)),
    Case(
        "all-codings-are-kept",
        [of("all-codings-are-kept", "Condition", "many", recordedDate="2026-02-03",
            code=_all((_LOCAL, "DM"), (ICD10, "E11.9"), (SNOMED, "44054006")))],
        "omop.event_coding", "system, code",
        [("http://hl7.org/fhir/sid/icd-10-cm", "E11.9"), (SNOMED, "44054006"), (_LOCAL, "DM")], ("f2o-033", "f2o-081"),
    ),
    Case(
        "an-unmapped-code-is-on-record",
        [of("an-unmapped-code-is-on-record", "Condition", "on-record", code=coded(_LOCAL, "ON-RECORD"),
            recordedDate="2026-02-03")],
        "omop.unmapped_code", "bronze_table, system, cdm_table, rows",
        [("condition_occurrence", _LOCAL, "condition_occurrence", 1)], ("f2o-063",), of=("code", "ON-RECORD"),
    ),
    # The vocabulary says where it belongs, not the resource's type.
    Case(
        "a-condition-that-is-an-observation",
        [of("a-condition-that-is-an-observation", "Condition", "use-of-insulin", code=coded(ICD10, "Z79.4"),
            recordedDate="2026-02-03")],
        "omop.observation", _SAID, [(2000000345, "Z79.4", None)], ("f2o-037",),
    ),
    _has("an-observation-is-no-condition", "person_id", [], "f2o-037", code=coded(ICD10, "Z79.4")),
    Case(
        "a-condition-with-a-value",
        [of("a-condition-with-a-value", "Condition", "penicillin", code=coded(ICD10, "Z88.0"),
            recordedDate="2026-02-03")],
        "omop.observation",
        "observation_concept_id, value_as_concept_id, observation_source_value, observation_source_concept_id",
        [(ALLERGY_HISTORY, 1112807, "Z88.0", PENICILLIN_CODE)], ("f2o-030", "f2o-037"),
    ),
]  # fmt: skip


def _told_by(name: str, expected: str | None, **parts: Any) -> Case:
    provider = key("Practitioner", expected) if expected else None
    return _has(name, "provider_id", [(provider,)], **parts)


_HEART = at("Practitioner", "dr-heart")

SAID_BY = [
    _told_by("recorded-by-a-doctor", "dr-heart", recorder=_HEART, asserter=at("Practitioner", "dr-degree")),
    _told_by("asserted-by-a-doctor", "dr-heart", asserter=_HEART),
    _told_by("recorded-by-the-patient", "dr-heart", recorder=at("Patient", "recorded-by-the-patient"), asserter=_HEART),
    _told_by("asserted-by-the-patient", None, asserter=at("Patient", "asserted-by-the-patient")),
    left_out(
        "condition-of-unknown-meaning",
        of("condition-of-unknown-meaning", "Condition", "", code=_E11,
           modifierExtension=[{"url": "http://example.org/absent", "valueBoolean": True}]),
        "modifier_extension", "f2o-063",
    ),
]  # fmt: skip

CONDITIONS = [*VERIFICATION, *KINDS, *TIMES, *CODES, *SAID_BY]
