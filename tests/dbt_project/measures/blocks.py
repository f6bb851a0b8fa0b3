"""The blocks that measures share, on CMS130 and, of orders, encounters and conditions, where the logic needs them."""

from tests.dbt_project.measures.cases import (
    EXCLUDED,
    MET,
    OPEN,
    OUT,
    SUPPLIED,
    Case,
    Resource,
    case,
    condition,
    device_order,
    encounter,
    observation,
    order,
    prescription,
    procedure,
    verified,
)

_VISIT = encounter("office_visit", "2026-02-03")
_OLD = {"born": "1956-07-01"}
_FRAIL = condition("frailty_diagnosis", "2026-03-01")
_ILL = condition("advanced_illness", "2025-06-01")


def _screening(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
    return case("CMS130", name, expected, _VISIT, *resources, **person)


def _without_type(found: Resource) -> Resource:
    return {name: value for name, value in found.items() if name != "type"}


def _encounters() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource) -> Case:
        return case("CMS130", name, expected, *resources)

    return [
        only("no encounter", OUT),
        *(only(f"by {value_set}", OPEN, encounter(value_set, "2026-12-31")) for value_set in (
            "annual_wellness_visit", "preventive_care_established", "preventive_care_initial", "home_healthcare",
            "virtual_encounter", "telephone_visit",
        )),
        only("encounter of another type", OUT, encounter("audiology_visit", "2026-02-03")),
        only("planned encounter", OUT, encounter("office_visit", "2026-02-03", status="planned")),
        only("encounter in progress", OUT, encounter("office_visit", "2026-02-03", status="in-progress")),
        only("cancelled encounter", OUT, encounter("office_visit", "2026-02-03", status="cancelled")),
        only("encounter begun before", OUT, encounter("office_visit", "2025-12-31", "2026-01-01")),
        only("encounter on the first day", OPEN, encounter("office_visit", "2026-01-01T00:00:00Z")),
        only("encounter on the last day", OPEN,
             encounter("office_visit", "2026-12-31T23:00:00Z", "2026-12-31T23:59:59Z")),
        only("encounter that ends after", OUT, encounter("office_visit", "2026-12-31", "2027-01-01")),
        only("encounter without end", OUT, encounter("office_visit", "2026-02-03", period={"start": "2026-02-03"})),
    ]  # fmt: skip


def _hospice() -> list[Case]:
    discharged = {"hospitalization": {"dischargeDisposition": {"coding": [
        {"system": "urn:sanctum:test:value-set", "code": "discharge_to_hospice"},
    ]}}}  # fmt: skip

    def stay(start: str, end: str, **extra: object) -> Resource:
        return encounter("encounter_inpatient", start, end, kind="IMP", **extra)

    return [
        _screening("hospice discharge", EXCLUDED, stay("2025-12-20", "2026-01-02", **discharged)),
        _screening("hospice discharge before", OPEN, stay("2025-12-20", "2025-12-31", **discharged)),
        _screening("hospice discharge of a stay in progress", OPEN,
                   stay("2025-12-20", "2026-01-02", status="in-progress", **discharged)),
        _screening("hospice discharge of no stay by its type", OPEN, encounter(
            "ophthalmological_services", "2025-12-20", "2026-01-02", kind="IMP", **discharged)),
        _screening("hospice discharge of a stay without type", EXCLUDED, _without_type(
            encounter("", "2025-12-20", "2026-01-02", kind="IMP", **discharged))),
        _screening("hospice discharge at an unknown time", OPEN,
                   stay("2026-01-02", "2026-01-02", period={"start": "2026-01-02"}, **discharged)),
        _screening("stay without hospice", OPEN, stay("2026-01-02", "2026-01-09")),
        _screening("hospice encounter overlaps", EXCLUDED, encounter("hospice_encounter", "2025-11-01", "2026-01-01")),
        _screening("hospice encounter without end", EXCLUDED,
                   encounter("hospice_encounter", "2025-11-01", period={"start": "2025-11-01"})),
        _screening("hospice encounter before", OPEN, encounter("hospice_encounter", "2025-11-01", "2025-12-31")),
        _screening("hospice assessed", EXCLUDED,
                   observation("hospice_assessment", "2026-05-01", "answer_yes", category="survey")),
        _screening("hospice denied", OPEN,
                   observation("hospice_assessment", "2026-05-01", "right", category="survey")),
        _screening("hospice assessed, preliminary", OPEN, observation(
            "hospice_assessment", "2026-05-01", "answer_yes", category="survey", status="preliminary")),
        _screening("hospice ordered", EXCLUDED, order("hospice_care", "2026-12-31", status="completed")),
        _screening("hospice planned", OPEN, order("hospice_care", "2026-05-01", intent="plan")),
        _screening("hospice order revoked", OPEN, order("hospice_care", "2026-05-01", status="revoked")),
        _screening("hospice ordered not to be", OPEN, order("hospice_care", "2026-05-01", doNotPerform=True)),
        _screening("hospice procedure", EXCLUDED, procedure("hospice_care", "2025-10-01", "2026-01-01")),
        _screening("hospice procedure in progress", OPEN,
                   procedure("hospice_care", "2026-05-01", status="in-progress")),
        _screening("hospice diagnosis", EXCLUDED, condition("hospice_diagnosis", "2020-01-01")),
        _screening("hospice diagnosis abated", OPEN, condition(
            "hospice_diagnosis", "2020-01-01", clinical="resolved", abatementDateTime="2025-12-31")),
        _screening("hospice diagnosis inactive, begun in the period", EXCLUDED,
                   condition("hospice_diagnosis", "2026-03-01", clinical="inactive")),
        _screening("hospice diagnosis inactive, begun before", OPEN,
                   condition("hospice_diagnosis", "2025-03-01", clinical="inactive")),
        _screening("hospice diagnosis refuted", OPEN, condition(
            "hospice_diagnosis", "2026-03-01", **verified("refuted"))),
        _screening("hospice diagnosis unconfirmed", EXCLUDED, condition(
            "hospice_diagnosis", "2026-03-01", **verified("unconfirmed"))),
        _screening("hospice diagnosis after", OPEN, condition("hospice_diagnosis", "2027-01-01")),
    ]  # fmt: skip


def _palliative() -> list[Case]:
    return [
        _screening("palliative assessment", EXCLUDED,
                   observation("palliative_care_assessment", "2026-05-01", 3, "{score}", "survey")),
        _screening("palliative assessment as an encounter's type", OPEN,
                   encounter("palliative_care_assessment", "2026-05-01")),
        _screening("palliative diagnosis", EXCLUDED, condition("palliative_care_diagnosis", "2026-05-01")),
        _screening("palliative encounter", EXCLUDED, encounter("palliative_care_encounter", "2026-05-01")),
        _screening("palliative intervention", EXCLUDED, procedure("palliative_care_intervention", "2026-05-01")),
        _screening("palliative intervention not done", OPEN,
                   procedure("palliative_care_intervention", "2026-05-01", status="not-done")),
        _screening("palliative intervention before", OPEN, procedure("palliative_care_intervention", "2025-05-01")),
    ]  # fmt: skip


def _frailty() -> list[Case]:
    def of_66(name: str, expected: frozenset[str], *resources: Resource) -> Case:
        return _screening(name, expected, *resources, **_OLD)

    dementia = "dementia_medications"
    return [
        of_66("frail and ill", EXCLUDED, _FRAIL, _ILL),
        _screening("frail and ill at 65", OPEN, _FRAIL, _ILL, born="1961-01-01"),
        _screening("frail and ill at 66", EXCLUDED, _FRAIL, _ILL, born="1960-12-31"),
        of_66("frail alone", OPEN, _FRAIL),
        of_66("ill alone", OPEN, _ILL),
        of_66("illness since too long", OPEN, _FRAIL, condition("advanced_illness", "2024-12-31")),
        of_66("illness for just a year", EXCLUDED, _FRAIL, condition("advanced_illness", "2025-01-01")),
        of_66("frail by device order", EXCLUDED, _ILL, device_order("frailty_device", "2026-05-01")),
        of_66("frail by device order before", OPEN, _ILL, device_order("frailty_device", "2025-12-31")),
        of_66("frail by equipment", EXCLUDED, _ILL,
              observation("medical_equipment_used", "2026-05-01", "frailty_device", category="survey")),
        of_66("other equipment", OPEN, _ILL,
              observation("medical_equipment_used", "2026-05-01", "left", category="survey")),
        of_66("frail by encounter", EXCLUDED, _ILL, encounter("frailty_encounter", "2026-05-01")),
        of_66("frail by symptom", EXCLUDED, _ILL, observation("frailty_symptom", "2026-05-01", category="survey")),
        of_66("frailty symptom as condition", OPEN, _ILL, condition("frailty_symptom", "2026-05-01")),
        of_66("frail with dementia medication", EXCLUDED, _FRAIL, prescription(dementia, "2026-05-01", **SUPPLIED)),
        of_66("dementia medication of no duration", OPEN, _FRAIL, prescription(dementia, "2026-05-01")),
        of_66("dementia medication completed", OPEN, _FRAIL,
              prescription(dementia, "2026-05-01", "completed", **SUPPLIED)),
        of_66("dementia medication proposed", OPEN, _FRAIL,
              prescription(dementia, "2026-05-01", intent="proposal", **SUPPLIED)),
        of_66("dementia medication used up before", OPEN, _FRAIL, prescription(dementia, "2024-05-01", **SUPPLIED)),
    ]  # fmt: skip


def _nursing_home() -> list[Case]:
    def housed(day: str, answer: str) -> Resource:
        return observation("housing_status", day, answer, category="survey")

    home = "lives_in_nursing_home"
    return [
        _screening("nursing home", EXCLUDED, housed("2026-05-01", home), **_OLD),
        _screening("nursing home long ago", EXCLUDED, housed("2019-05-01", home), **_OLD),
        _screening("nursing home left", OPEN, housed("2025-05-01", home), housed("2026-05-01", "right"), **_OLD),
        _screening("nursing home entered", EXCLUDED, housed("2025-05-01", "right"), housed("2026-05-01", home), **_OLD),
        _screening("nursing home at 59", OPEN, housed("2026-05-01", home)),
    ]


def _precedence() -> list[Case]:
    screened = procedure("colonoscopy", "2020-01-01")
    return [
        _screening("excluded before numerator", EXCLUDED, screened, condition("hospice_diagnosis", "2026-01-01")),
        case("CMS130", "numerator without population", OUT, screened),
        _screening("died in the period", MET, screened, died="2026-06-01"),
    ]


CASES = [*_encounters(), *_hospice(), *_palliative(), *_frailty(), *_nursing_home(), *_precedence()]
