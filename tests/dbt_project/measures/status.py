"""Screenings with a plan: CMS2, CMS69, CMS138."""

from typing import Any

from tests.dbt_project.measures.cases import (
    ELIGIBLE,
    EXCEPTED,
    EXCLUDED,
    MET,
    OPEN,
    OUT,
    SUPPLIED,
    Case,
    Resource,
    case,
    concept,
    condition,
    encounter,
    observation,
    order,
    prescription,
    procedure,
    verified,
)


def _body_mass() -> list[Case]:
    visit = encounter("encounter_to_evaluate_bmi", "2026-05-01T09:00:00Z", "2026-05-01T09:30:00Z")
    above, below = "follow_up_for_above_normal_bmi", "follow_up_for_below_normal_bmi"
    obese, thin = concept("overweight_or_obese"), concept("underweight")

    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS69", name, expected, visit, *resources, **person)

    def bmi(value: float | None, day: str = "2026-05-01", unit: str = "kg/m2", **extra: Any) -> Resource:
        return observation("body_mass_index", day, value, unit, **{"category": "vital-signs", **extra})

    def cancelled(reason: str, day: str = "2026-05-01") -> Resource:
        url = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-notDoneReason"
        return bmi(None, day, status="cancelled", extension=[{"url": url, "valueCodeableConcept": concept(reason)}])

    return [
        only("no index", OPEN),
        only("18 on the day", OPEN, born="2008-05-01"),
        only("17 on the day", OUT, born="2008-05-02"),
        case("CMS69", "virtual visit", OUT, encounter("encounter_to_evaluate_bmi", "2026-05-01", kind="VR")),
        only("normal", MET, bmi(18.5)),
        only("normal up to 25", MET, bmi(24.9)),
        only("normal but once high", OPEN, bmi(22), bmi(25, "2026-06-01")),
        only("normal but once low", OPEN, bmi(22), bmi(18.4, "2026-06-01")),
        only("normal the year before", OPEN, bmi(22, "2025-12-31")),
        only("normal in another unit", OPEN, bmi(22, unit="lb/in2")),
        only("zero", OPEN, bmi(0)),
        only("preliminary", OPEN, bmi(22, status="preliminary")),
        only("high without a plan", OPEN, bmi(30)),
        only("high, plan with its reason", MET, bmi(30), order(above, "2026-06-01", reasonCode=[obese])),
        only("high, plan with another reason", OPEN, bmi(30), order(above, "2026-06-01", reasonCode=[thin])),
        only("high, plan and diagnosis", MET, bmi(30), order(above, "2026-06-01"),
             condition("overweight_or_obese", "2026-06-01", "encounter-diagnosis")),
        only("high, plan before the diagnosis", OPEN, bmi(30), order(above, "2026-06-01"),
             condition("overweight_or_obese", "2026-06-02")),
        only("high, plan for low", OPEN, bmi(30), order(below, "2026-06-01", reasonCode=[thin])),
        only("high, referral", MET, bmi(30),
             order("referrals_where_weight_assessment_may_occur", "2026-06-01", reasonCode=[obese])),
        only("high, plan the year before", OPEN, bmi(30), order(above, "2025-12-31", reasonCode=[obese])),
        only("high, plan revoked", OPEN, bmi(30), order(above, "2026-06-01", "revoked", reasonCode=[obese])),
        only("high, plan not to be", OPEN, bmi(30), order(above, "2026-06-01", doNotPerform=True, reasonCode=[obese])),
        only("high, medication", MET, bmi(30),
             prescription("medications_for_above_normal_bmi", "2026-06-01", reasonCode=[obese])),
        only("high, procedure with its reason", MET, bmi(30), procedure(above, "2026-06-01", reasonCode=[obese])),
        only("high, procedure and problem", MET, bmi(30), procedure(above, "2026-06-01"),
             condition("overweight_or_obese", "2026-01-01")),
        only("high, procedure and encounter diagnosis", OPEN, bmi(30), procedure(above, "2026-06-01"),
             condition("overweight_or_obese", "2026-01-01", "encounter-diagnosis")),
        only("high, procedure after the problem", OPEN, bmi(30), procedure(above, "2026-06-01"), condition(
            "overweight_or_obese", "2026-01-01", clinical="resolved", abatementDateTime="2026-05-31")),
        only("low, plan with its reason", MET, bmi(17), order(below, "2026-06-01", reasonCode=[thin])),
        only("low, procedure and health concern", MET, bmi(17), procedure(below, "2026-06-01"),
             condition("underweight", "2026-01-01", "health-concern")),
        only("low, procedure in progress", OPEN, bmi(17),
             procedure(below, "2026-06-01", status="in-progress", reasonCode=[thin])),
        only("pregnant", EXCLUDED, condition("pregnancy_or_related", "2026-09-01")),
        only("pregnant by status", EXCLUDED,
             observation("pregnancy_status", "2026-09-01", "pregnancy_or_related", category="social-history")),
        only("palliative care", EXCLUDED, condition("palliative_care_diagnosis", "2026-09-01")),
        only("declined", EXCEPTED, cancelled("patient_declined")),
        only("not measured for a medical reason", EXCEPTED, cancelled("medical_reason")),
        only("not measured for another reason", OPEN, cancelled("left")),
        only("declined on another day", OPEN, cancelled("patient_declined", "2026-05-02")),
        only("ordered not to be measured", OPEN, order("body_mass_index", "2026-05-01", "completed", doNotPerform=True,
             reasonCode=[concept("patient_declined")])),
        only("declined, then normal", MET, cancelled("patient_declined"), bmi(22, "2026-06-01")),
        only("no plan for a medical reason", EXCEPTED, bmi(30), order(
            above, "2026-05-01", "completed", doNotPerform=True, reasonCode=[concept("medical_reason")])),
        only("no plan because declined", OPEN, bmi(30), order(
            above, "2026-05-01", "completed", doNotPerform=True, reasonCode=[concept("patient_declined")])),
    ]  # fmt: skip


def _tobacco() -> list[Case]:
    visit = encounter("annual_wellness_visit", "2026-05-01")
    counseling, drug = "tobacco_use_cessation_counseling", "tobacco_use_cessation_pharmacotherapy"

    def groups(one: frozenset[str], two: frozenset[str], three: frozenset[str]) -> dict[int, frozenset[str]]:
        return {1: one, 2: two, 3: three}

    def only(name: str, expected: dict[int, frozenset[str]], *resources: Resource, **person: str) -> Case:
        return case("CMS138", name, expected, visit, *resources, **person)

    def status(answer: str | None, day: str = "2026-05-01", **extra: Any) -> Resource:
        return observation("tobacco_use_screening", day, answer, **{"category": "social-history", **extra})

    unscreened, no_user = groups(OPEN, ELIGIBLE, OPEN), groups(MET, ELIGIBLE, MET)
    alone, helped = groups(MET, OPEN, OPEN), groups(MET, MET, MET)
    user = status("tobacco_user")
    rejected = {
        "resourceType": "Task", "status": "rejected", "intent": "order", "id": "task",
        "code": {"coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]},
        "focus": {"reference": "MedicationRequest/cms138-user-order-rejected-order"},
    }  # fmt: skip
    return [
        only("not screened", unscreened),
        only("12 on the first day", unscreened, born="2014-01-01"),
        only("12 a day later", groups(OUT, OUT, OUT), born="2014-01-02"),
        case("CMS138", "one office visit", groups(OUT, OUT, OUT), encounter("office_visit", "2026-05-01")),
        case("CMS138", "two office visits", unscreened, encounter("office_visit", "2026-05-01"),
             encounter("telephone_visit", "2026-06-01")),
        case("CMS138", "one visit of two types", groups(OUT, OUT, OUT),
             encounter("office_visit", "2026-05-01", type=[concept("office_visit", "telephone_visit")])),
        only("no user", no_user, status("tobacco_non_user")),
        only("user", alone, user),
        only("answer of neither", unscreened, status("left")),
        only("without an answer", unscreened, status(None)),
        only("screening amended", unscreened, status("tobacco_user", status="amended")),
        only("screening of another category", unscreened, status("tobacco_user", category="survey")),
        only("screened the year before", unscreened, status("tobacco_user", "2025-12-31")),
        only("latest screening counts", no_user, user, status("tobacco_non_user", "2026-06-01")),
        only("latest screening counts, user", alone, status("tobacco_non_user", "2026-04-01"), user),
        only("latest screening without an answer", unscreened, user, status(None, "2026-06-01")),
        only("user counseled", helped, user, procedure(counseling, "2026-06-01")),
        only("user counseled six months before", helped, user, procedure(counseling, "2025-07-01")),
        only("user counseled too long ago", alone, user, procedure(counseling, "2025-06-30")),
        only("user not counseled", alone, user, procedure(counseling, "2026-06-01", status="not-done")),
        only("user counseled by diagnosis", helped, user, condition("tobacco_abuse_counseling", "2026-06-01")),
        only("user counseled by refuted diagnosis", alone, user,
             condition("tobacco_abuse_counseling", "2026-06-01", **verified("refuted"))),
        only("user with an order", helped, user, prescription(drug, "2026-06-01", "completed")),
        only("user with a draft", alone, user, prescription(drug, "2026-06-01", "draft")),
        only("user order rejected", alone, user, prescription(drug, "2026-06-01", id="order"), rejected),
        only("user with an old order still supplied", alone, user,
             prescription(drug, "2025-06-29", **SUPPLIED)),
        only("counseled without being a user", no_user, status("tobacco_non_user"),
             procedure(counseling, "2026-06-01")),
        only("hospice", groups(EXCLUDED, ELIGIBLE, EXCLUDED), condition("hospice_diagnosis", "2026-05-01")),
    ]  # fmt: skip


def _lasting(days: int) -> Resource:
    return {"dispenseRequest": {"expectedSupplyDuration": {"value": days, "code": "d"}}}


def _taken(start: str, end: str) -> Resource:
    return {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": start, "end": end}}}}]}


def _depression() -> list[Case]:
    visit = encounter("encounter_to_screen_for_depression", "2026-05-15T09:00:00Z", "2026-05-15T09:30:00Z")
    negative, positive = "depression_screening_negative", "depression_screening_positive"

    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS2", name, expected, visit, *resources, **person)

    def screened(answer: str | None, day: str = "2026-05-15", tool: str = "adult", **extra: Any) -> Resource:
        return observation(f"{tool}_depression_screening", day, answer, **{"category": "survey", **extra})

    def unscreened(reason: str, day: str = "2026-05-15", tool: str = "adult", **extra: Any) -> Resource:
        url = "http://hl7.org/fhir/us/qicore/StructureDefinition/qicore-notDoneReason"
        why = [{"url": url, "valueCodeableConcept": concept(reason)}]
        return screened(
            None, "", tool, **{"status": "cancelled", "issued": f"{day}T09:10:00Z", "extension": why, **extra}
        )

    child, young, adult = {"born": "2012-07-01"}, {"born": "2008-07-01"}, {"born": "2007-07-01"}
    ill = screened(positive)
    referral, drug = "referral_for_adult_depression", "adult_depression_medications"
    return [
        only("not screened", OPEN),
        only("11 on the first day", OUT, born="2014-01-02"),
        case("CMS2", "no visit", OUT, screened(negative)),
        only("negative", MET, screened(negative)),
        only("negative a fortnight before", MET, screened(negative, "2026-05-01")),
        only("negative too long before", OPEN, screened(negative, "2026-04-30")),
        only("negative after the visit", OPEN, screened(negative, "2026-05-16")),
        only("negative in the year before", MET, screened(negative, "2025-12-25"),
             encounter("telephone_visit", "2026-01-02")),
        only("preliminary", OPEN, screened(negative, status="preliminary")),
        only("without value", OPEN, screened(None)),
        only("last one counts", OPEN, screened(negative, "2026-05-14"), ill),
        only("last one counts, negative", MET, screened(positive, "2026-05-14"), screened(negative)),
        only("child by the tool for adults", OPEN, screened(negative), **child),
        only("child by its tool", MET, screened(negative, tool="adolescent"), **child),
        only("17 by either tool", MET, screened(negative), **young),
        only("17 by the other tool", MET, screened(negative, tool="adolescent"), **young),
        only("18 by the tool for children", OPEN, screened(negative, tool="adolescent"), **adult),
        only("positive", OPEN, ill),
        only("positive, referred", MET, ill, order(referral, "2026-05-15")),
        only("positive, referred in two days", MET, ill, order(referral, "2026-05-17")),
        only("positive, referred in three days", OPEN, ill, order(referral, "2026-05-18")),
        only("positive, referred before", OPEN, ill, order(referral, "2026-05-14")),
        only("positive, referral revoked", OPEN, ill, order(referral, "2026-05-15", "revoked")),
        only("positive, referral not to be", OPEN, ill, order(referral, "2026-05-15", doNotPerform=True)),
        only("positive, medication", MET, ill, prescription(drug, "2026-05-15", **SUPPLIED)),
        only("positive, medication nobody knows for how long", OPEN, ill, prescription(drug, "2026-05-15")),
        only("positive, medication of the visit's day alone", OPEN, ill,
             prescription(drug, "2026-05-15", **_lasting(1))),
        only("positive, medication from the day after", OPEN, ill, prescription(drug, "2026-05-16", **SUPPLIED)),
        only("positive, medication ordered two days later, from the visit on", MET, ill,
             prescription(drug, "2026-05-17", **_taken("2026-05-15", "2026-08-15"))),
        only("positive, medication ordered three days later, from the visit on", OPEN, ill,
             prescription(drug, "2026-05-18", **_taken("2026-05-15", "2026-08-15"))),
        only("positive, medication stopped", OPEN, ill, prescription(drug, "2026-05-15", "stopped", **SUPPLIED)),
        only("positive, follow-up in the visit", MET, ill,
             procedure("follow_up_for_adult_depression", "2026-05-15T09:10:00Z")),
        only("positive, follow-up after the visit", OPEN, ill,
             procedure("follow_up_for_adult_depression", "2026-05-15T10:10:00Z")),
        only("positive child, follow-up for adults", OPEN, screened(positive, tool="adolescent"),
             order(referral, "2026-05-15"), **child),
        only("positive child, its follow-up", MET, screened(positive, tool="adolescent"),
             order("referral_for_adolescent_depression", "2026-05-15"), **child),
        only("declined", EXCEPTED, unscreened("depression_screening_declined")),
        only("not screened for a medical reason", EXCEPTED, unscreened("medical_reason")),
        only("not screened for another reason", OPEN, unscreened("patient_declined")),
        only("declined the day before", OPEN, unscreened("depression_screening_declined", "2026-05-14")),
        only("not screened, in error", OPEN, unscreened("medical_reason", status="entered-in-error")),
        only("declined, screened and without a plan", OPEN, unscreened("depression_screening_declined"), ill),
        only("declined, screened in the month before", EXCEPTED, unscreened("depression_screening_declined"),
             screened(positive, "2026-04-15")),
        only("declined by one tool, screened by the other", EXCEPTED, ill,
             unscreened("depression_screening_declined", tool="adolescent")),
        only("declined, then negative", MET, unscreened("depression_screening_declined"), screened(negative)),
        only("declined and bipolar", EXCLUDED, unscreened("depression_screening_declined"),
             condition("bipolar_disorder", "2020-01-01")),
        only("bipolar", EXCLUDED, condition("bipolar_disorder", "2020-01-01")),
        only("bipolar since the visit", OPEN, condition("bipolar_disorder", "2026-05-15")),
        only("bipolar as encounter diagnosis", OPEN,
             condition("bipolar_disorder", "2020-01-01", "encounter-diagnosis")),
    ]  # fmt: skip


CASES = [*_body_mass(), *_tobacco(), *_depression()]
