"""Golden cases of Procedure, AllergyIntolerance, DiagnosticReport, AdverseEvent, Goal, Specimen and requests."""

from typing import Any

from tests.dbt_project.golden.case import SNOMED, Case, Resource, at, key, left_out, told
from tests.dbt_project.golden.measures import OPEN, judged
from tests.dbt_project.golden.orders import COLONOSCOPY, COLONOSCOPY_CONCEPT, HOSPICE, ORDERED, SAID
from tests.dbt_project.golden.vocabulary import ADVERSE, BLOOD, FEVER, FOREARM, GOAL, NO_ALLERGY, REQUESTED, STENT
from tests.dbt_project.population import HCPCS, ICD10, LOINC, RXNORM, coded, of

_DONE = (
    "procedure_concept_id, procedure_source_value, procedure_date::text, procedure_datetime::text, "
    "procedure_end_date::text, procedure_end_datetime::text, procedure_type_concept_id"
)
_HEART = at("Practitioner", "dr-heart")
_DR = key("Practitioner", "dr-heart")


def _done(
    name: str, expected: list[tuple[Any, ...]], *requirements: str, columns: str = _DONE,
    table: str = "omop.procedure_occurrence", **parts: Any,
) -> Case:  # fmt: skip
    given = of(name, "Procedure", name, **({"status": "completed", "code": COLONOSCOPY} | parts))
    return Case(name, [given], table, columns, expected, requirements)


def _timed(name: str, *times: str | None, **parts: Any) -> Case:
    return _done(name, [(COLONOSCOPY_CONCEPT, "G0105", *times, 32817)], "f2o-050", **parts)


_DAY = {"performedDateTime": "2026-02-03"}


def _not_done(status: str) -> Case:
    name = f"procedure-{status}"
    given = of(name, "Procedure", "", status=status, code=COLONOSCOPY, **_DAY)
    return left_out(name, given, f"status:{status}", "f2o-060", "f2o-062")


PROCEDURES = [
    _timed("done-on-a-day", "2026-02-03", None, "2026-02-03", None, **_DAY),
    _timed("done-at-a-time", "2026-02-03", "2026-02-03 23:30:00", "2026-02-03", "2026-02-03 23:30:00",
           performedDateTime="2026-02-03T23:30:00-05:00"),
    _timed("done-over-midnight", "2026-02-03", "2026-02-03 23:30:00", "2026-02-04", "2026-02-04 00:30:00",
           performedPeriod={"start": "2026-02-03T23:30:00-05:00", "end": "2026-02-04T00:30:00-05:00"}),
    _timed("done-in-a-month", "2026-02-01", None, "2026-02-28", None,
           performedPeriod={"start": "2026-02", "end": "2026-02"}),
    _done("done-at-an-age", [], "f2o-070", performedAge={"value": 50, "unit": "a"}),
    *(_not_done(status) for status in ("preparation", "in-progress", "on-hold", "stopped", "entered-in-error")),
    _done("done-by-team-and-doctor", [(_DR,)], columns="provider_id", **_DAY,
          performer=[{"actor": at("Organization", "heart-centre")}, {"actor": _HEART}]),
    # The concept's domain decides, not the resource's type.
    _done("a-procedure-that-is-a-measurement", [(3004410, "4548-4")], "f2o-037", table="omop.measurement",
          columns="measurement_concept_id, measurement_source_value", code=coded(LOINC, "4548-4"), **_DAY),
    _done("a-procedure-that-is-an-observation", [(2000000160, "G0439")], "f2o-037", table="omop.observation",
          columns="observation_concept_id, observation_source_value", code=coded(HCPCS, "G0439"), **_DAY),
    _done("a-procedure-that-is-a-device", [(STENT, "705643001", "2026-02-03")], "f2o-037",
          table="omop.device_exposure",
          columns="device_concept_id, device_source_value, device_exposure_start_date::text",
          code=coded(SNOMED, "705643001"), **_DAY),
    _done("a-procedure-that-is-a-drug", [(1112807, "2026-02-03", "2026-02-03")], "f2o-037", table="omop.drug_exposure",
          columns="drug_concept_id, drug_exposure_start_date::text, drug_exposure_end_date::text",
          code=coded(RXNORM, "1191"), **_DAY),
    _done("a-procedure-nobody-knows", [(0, "X-9")], "f2o-032", columns="procedure_concept_id, procedure_source_value",
          code=coded("urn:local", "X-9"), **_DAY),
    _done("a-procedure-in-the-other-spelling-of-hcpcs", [(COLONOSCOPY_CONCEPT,)], "f2o-030",
          columns="procedure_concept_id",
          code=coded("https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets", "G0105"), **_DAY),
]  # fmt: skip

_ALLERGY = "observation_concept_id, value_as_concept_id, observation_source_value, observation_date::text"
_ON = "2026-02-03"


def _allergic(name: str, expected: list[tuple[Any, ...]], *requirements: str, **parts: Any) -> Case:
    given = {"code": coded(RXNORM, "1191"), "recordedDate": _ON} | parts
    given = {element: value for element, value in given.items() if value is not None}
    resource = of(name, "AllergyIntolerance", name, **given)
    return Case(name, [resource], "omop.observation", _ALLERGY, expected, requirements)


def _to(kind: str, category: str, concept: int) -> Case:
    expected = [(concept, 1112807, "1191", _ON)]
    return _allergic(f"{kind}-to-{category}", expected, "f2o-081", type=kind, category=[category])


def _withheld(code: str) -> Case:
    name = f"allergy-{code}"
    status = told(code, "allergyintolerance-verification")
    given = of(name, "AllergyIntolerance", "", code=coded(RXNORM, "1191"), verificationStatus=status)
    return left_out(name, given, f"verification:{code}", "f2o-060", "f2o-062")


ALLERGIES = [
    *(_to("allergy", category, concept) for category, concept in (
        ("food", 4188027), ("medication", 439224), ("environment", 4144450), ("biologic", 43530807),
    )),
    *(_to("intolerance", category, concept) for category, concept in (
        ("food", 4340252), ("medication", 4240582), ("environment", 4172024), ("biologic", 36684107),
    )),
    _allergic("an-allergy-of-no-type", [(439224, 1112807, "1191", _ON)], category=["medication"]),
    _allergic("an-allergy-of-no-category", [(0, 1112807, "1191", _ON)], "f2o-032", type="allergy"),
    _allergic("an-allergy-to-what-nobody-knows", [(439224, 0, "X", _ON)], "f2o-032", category=["medication"],
              code=coded("urn:local", "X")),
    # That there is none stands for itself.
    _allergic("no-known-allergy", [(NO_ALLERGY, None, "716186003", _ON)], "f2o-037",
              code=coded(SNOMED, "716186003", "No known allergy")),
    _allergic("no-known-allergy-in-words", [(0, None, "NKDA", _ON)], "f2o-032", category=["medication"],
              code={"text": "NKDA"}),
    _allergic("allergic-since", [(439224, 1112807, "1191", "2010-01-01")], "f2o-071", category=["medication"],
              onsetDateTime="2010"),
    _allergic("allergic-nobody-knows-when", [], "f2o-070", category=["medication"], recordedDate=None),
    _allergic("an-allergy-unconfirmed", [(439224, 1112807, "1191", _ON)], "f2o-060", category=["medication"],
              verificationStatus=told("unconfirmed", "allergyintolerance-verification")),
    *(_withheld(code) for code in ("refuted", "entered-in-error")),
]  # fmt: skip

_PANEL = coded(LOINC, "51990-0", "Basic metabolic panel")


def _reported(name: str, expected: list[tuple[Any, ...]], *requirements: str, **parts: Any) -> Case:
    given = {"status": "final", "code": _PANEL, "effectiveDateTime": _ON} | parts
    columns = "measurement_concept_id, measurement_type_concept_id, measurement_date::text, value_as_number::float"
    return Case(
        name, [of(name, "DiagnosticReport", name, **given)], "omop.measurement", columns, expected, requirements
    )


def _no_report(status: str) -> Case:
    name = f"report-{status}"
    given = of(name, "DiagnosticReport", "", status=status, code=_PANEL)
    return left_out(name, given, f"status:{status}", "f2o-060", "f2o-062")


_PANEL_CONCEPT = 3041230

REPORTS = [
    _reported("a-report", [(_PANEL_CONCEPT, 32817, _ON, None)], "f2o-037"),
    _reported("a-laboratory-report", [(_PANEL_CONCEPT, 32856, _ON, None)], "f2o-051",
              category=[coded("http://terminology.hl7.org/CodeSystem/v2-0074", "LAB")]),
    _reported("a-report-issued-only", [(_PANEL_CONCEPT, 32817, "2026-02-05", None)], effectiveDateTime="2026-02-05"),
    # Its results are rows of their own, which it does not repeat.
    _reported("a-report-of-a-result", [(_PANEL_CONCEPT, 32817, _ON, None)], result=[at("Observation", "elsewhere")]),
    *(_reported(f"report-{status}", [(_PANEL_CONCEPT, 32817, _ON, None)], "f2o-060", status=status)
      for status in ("amended", "corrected", "appended")),
    *(_no_report(status) for status in ("registered", "partial", "preliminary", "cancelled", "entered-in-error")),
    Case("a-report-of-a-note",
         [of("a-report-of-a-note", "DiagnosticReport", "note-report", status="final", effectiveDateTime=_ON,
             code=coded(LOINC, "11488-4"))],
         "omop.observation", "observation_concept_id, observation_date::text, observation_source_value",
         [(2000000012, _ON, "11488-4")], ("f2o-037",)),
]  # fmt: skip

_SAID = "observation_concept_id, value_as_concept_id, observation_source_value, observation_date::text"


def _said(kind: str, name: str, expected: list[tuple[Any, ...]], *requirements: str, **parts: Any) -> Case:
    return Case(name, [of(name, kind, name, **parts)], "omop.observation", _SAID, expected, requirements)


_EVENT: Resource = {"actuality": "actual", "event": coded(SNOMED, "386661006")}
_AIM: Resource = {"lifecycleStatus": "active", "description": {"text": "walk"}}


def _no_goal(status: str) -> Case:
    name = f"goal-{status}"
    given = of(name, "Goal", "", lifecycleStatus=status, description={"text": "walk"}, startDate=_ON)
    return left_out(name, given, f"status:{status}", "f2o-060", "f2o-062")


def _no_order(element: str, code: str) -> Case:
    name = f"service-{code}"
    given = of(name, "ServiceRequest", "", **(ORDERED | {"code": COLONOSCOPY, element: code}))
    return left_out(name, given, f"{element}:{code}", "f2o-060", "f2o-062")


STATED = [
    Case("adverse-event-on-a-day", [of("adverse-event-on-a-day", "AdverseEvent", "adverse", date=_ON, **_EVENT)],
         "omop.observation", SAID, [(32817, ADVERSE, FEVER, "386661006", _ON, 0, None)]),
    _said("AdverseEvent", "adverse-event-detected", [(ADVERSE, FEVER, "386661006", _ON)], detected=_ON, **_EVENT),
    _said("AdverseEvent", "adverse-event-recorded", [(ADVERSE, FEVER, "386661006", _ON)], recordedDate=_ON, **_EVENT),
    Case(
        "adverse-event-is-no-diagnosis",
        [of("adverse-event-is-no-diagnosis", "AdverseEvent", "adverse-dx", actuality="actual", date="2026-02-01",
            event=coded(ICD10, "E11.9"))],
        "omop.condition_occurrence",
        "person_id",
        [],
    ),
    left_out("adverse-event-that-might-have-been",
             of("adverse-event-that-might-have-been", "AdverseEvent", "", **(_EVENT | {"actuality": "potential"})),
             "actuality:potential", "f2o-060"),
    Case(
        "goal",
        [of("goal", "Goal", "aim", lifecycleStatus="active", startDate="2026-02-01",
            description=coded(LOINC, "4548-4"))],
        "omop.observation",
        SAID,
        [(32817, GOAL, 3004410, "4548-4", "2026-02-01", 0, None)],
    ),
    Case(
        "timeline-says-goal",
        [of("timeline-says-goal", "Goal", "aimed", lifecycleStatus="active", startDate="2026-02-01",
            description=coded("urn:x", "1", "walk"))],
        "features.patient_timeline",
        "concept_name",
        [("Goal: walk",)],
    ),
    _said("Goal", "goal-in-words", [(GOAL, 0, "walk", _ON)], "f2o-081", startDate=_ON, **_AIM),
    _said("Goal", "goal-of-a-status-date", [(GOAL, 0, "walk", _ON)], statusDate=_ON, **_AIM),
    _said("Goal", "goal-without-a-day", [], "f2o-070", **_AIM),
    *(_no_goal(status) for status in ("proposed", "cancelled", "rejected", "entered-in-error")),
    *(_no_order("intent", code) for code in ("proposal", "plan", "directive", "option")),
    *(_no_order("status", code) for code in ("draft", "revoked", "entered-in-error", "unknown")),
    _said("ServiceRequest", "service-for-a-day", [(REQUESTED, COLONOSCOPY_CONCEPT, "G0105", "2026-04-01")], "f2o-081",
          status="active", intent="order", code=COLONOSCOPY, occurrenceDateTime="2026-04-01"),
    _said("ServiceRequest", "service-by-extension-not-to-be-done", [(2100000002, COLONOSCOPY_CONCEPT, "G0105", _ON)],
          "f2o-060", "f2o-063", status="active", intent="order", code=COLONOSCOPY, authoredOn=_ON,
          modifierExtension=[{"url": "http://hl7.org/fhir/StructureDefinition/request-doNotPerform",
                              "valueBoolean": True}]),
    judged("CMS122", "hospice-as-a-goal", OPEN,
            of("hospice-as-a-goal", "Goal", "hospice-goal", lifecycleStatus="active", startDate="2026-02-01",
               description=HOSPICE)),
    judged("CMS122", "hospice-as-an-adverse-event", OPEN,
            of("hospice-as-an-adverse-event", "AdverseEvent", "hospice-ae", actuality="actual", date="2026-02-01",
               event=HOSPICE)),
]  # fmt: skip

_TAKEN = (
    "specimen_id, specimen_type_concept_id, specimen_source_id, specimen_concept_id, specimen_source_value, "
    "specimen_date::text, specimen_datetime::text, anatomic_site_concept_id, anatomic_site_source_value, "
    "quantity::float, unit_concept_id, unit_source_value"
)


def _taken(name: str, expected: tuple[Any, ...], *requirements: str, **parts: Any) -> Case:
    """A specimen, of blood unless its type says otherwise, and its row but for the key, the type concept and the id."""
    given = of(name, "Specimen", name, **({"type": coded(SNOMED, "119297000")} | parts))
    return Case(name, [given], "omop.specimen", _TAKEN, [(key("Specimen", name), 32817, None, *expected)], requirements)


_UNMEASURED = (0, None, None, None, None)
_ID = {"identifier": [{"system": "urn:lab", "value": "LAB-77"}]}

SPECIMENS = [
    _taken("a-specimen",
           (BLOOD, "119297000", _ON, f"{_ON} 07:00:00", FOREARM, "14975008", 5, 8587, "mL"), "f2o-020", "f2o-030",
           collection={"collectedDateTime": f"{_ON}T07:00:00-05:00", "bodySite": coded(SNOMED, "14975008"),
                       "quantity": {"value": 5, "code": "mL"}}, **_ID),
    # What another system calls a code is no unit.
    _taken("a-specimen-nobody-knows", (0, "B", _ON, None, 0, "forearm", 5, 0, "tube"), "f2o-032",
           type=coded("urn:x", "B", "blood"),
           collection={"collectedDateTime": _ON, "bodySite": {"text": "forearm"},
                       "quantity": {"value": 5, "unit": "tube", "code": "mL", "system": "urn:units"}}),
    _taken("a-specimen-over-a-period", (BLOOD, "119297000", _ON, None, *_UNMEASURED),
           collection={"collectedPeriod": {"start": _ON, "end": "2026-02-04"}}),
    _taken("a-specimen-received", (BLOOD, "119297000", _ON, None, *_UNMEASURED), receivedTime=_ON,
           status="unsatisfactory"),
    Case(
        "specimen-without-a-day",
        [of("specimen-without-a-day", "Specimen", "undated-blood", type=coded("urn:x", "B"))],
        "omop.specimen", "person_id", [],
    ),
    left_out("a-specimen-in-error", of("a-specimen-in-error", "Specimen", "", status="entered-in-error"),
             "status:entered-in-error", "f2o-060"),
    Case("an-adverse-event-of-a-diagnosis",
         [of("an-adverse-event-of-a-diagnosis", "AdverseEvent", "ae-dx", actuality="actual", date=_ON,
             event=coded(ICD10, "I10"))],
         "features.problem_list", "problem_name", [], ("f2o-060",)),
]  # fmt: skip

RECORDS = [*PROCEDURES, *ALLERGIES, *REPORTS, *STATED, *SPECIMENS]
