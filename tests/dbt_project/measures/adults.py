"""Chronic conditions of adults: CMS122, CMS131, CMS165, CMS347, CMS951."""

from tests.dbt_project.measures.cases import (
    EXCEPTED,
    EXCLUDED,
    MET,
    OPEN,
    OUT,
    SUPPLIED,
    Case,
    Resource,
    allergy,
    blood_pressure,
    case,
    concept,
    condition,
    encounter,
    observation,
    order,
    prescription,
    procedure,
)

_VISIT = encounter("office_visit", "2026-02-03", id="visit")
_DIABETES = condition("diabetes", "2026-02-03", "encounter-diagnosis")


def _glycaemic() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS122", name, expected, _VISIT, _DIABETES, *resources, **person)

    def test(day: str, value: float | str | None, unit: str = "%", **extra: str) -> Resource:
        return observation("hba1c", day, value, unit, **extra)

    return [
        only("no test", MET),
        only("17 at the end", OUT, born="2009-01-01"),
        only("75 at the end", MET, born="1951-01-01"),
        only("76 on the last day", OUT, born="1950-12-31"),
        case("CMS122", "on the problem list alone", OUT, _VISIT, condition("diabetes", "2026-02-03")),
        case("CMS122", "on both", MET, _VISIT, condition("diabetes", "2026-02-03", category="problem-list-item"),
             _DIABETES),
        case("CMS122", "resolved before", OUT, _VISIT, condition(
            "diabetes", "2020-02-03", "encounter-diagnosis", "resolved", abatementDateTime="2025-12-31")),
        case("CMS122", "inactive since an unknown day", OUT, _VISIT, condition(
            "diabetes", "2020-02-03", "encounter-diagnosis", "inactive")),
        case("CMS122", "inactive, begun in the period", MET, _VISIT, condition(
            "diabetes", "2026-02-03", "encounter-diagnosis", "inactive")),
        case("CMS122", "nutrition visit", MET, encounter("nutrition_services", "2026-02-03"), _DIABETES),
        case("CMS122", "virtual visit is none", OUT, encounter("virtual_encounter", "2026-02-03"), _DIABETES),
        only("9 exactly", OPEN, test("2026-05-01", 9)),
        only("above 9", MET, test("2026-05-01", 9.1)),
        only("latest day counts", OPEN, test("2026-05-01", 12), test("2026-06-01", 7)),
        only("latest day counts, poor", MET, test("2026-05-01", 7), test("2026-06-01", 12)),
        only("lowest of the latest day", OPEN, test("2026-06-01", 12), test("2026-06-01", 7)),
        only("null before all", MET, test("2026-06-01", None), test("2026-06-01", 7)),
        only("null on an earlier day", OPEN, test("2026-05-01", None), test("2026-06-01", 7)),
        only("GMI", OPEN, observation("glucose_management_indicator", "2026-06-01", 7)),
        only("test the year before", MET, test("2025-12-31", 7)),
        only("preliminary test", MET, test("2026-06-01", 7, status="preliminary")),
        only("amended test", OPEN, test("2026-06-01", 7, status="amended")),
        only("in mmol/mol", OPEN, test("2026-06-01", 53, "mmol/mol")),
        only("in mmol/mol, poor", MET, test("2026-06-01", 97, "mmol/mol")),
        only("as a fraction", OPEN, test("2026-06-01", 0.08, "1")),
        only("as a fraction, poor", MET, test("2026-06-01", 0.095, "1")),
        only("in an unknown unit", MET, test("2026-06-01", 7, "{units}")),
        only("absent", MET, test("2026-06-01", None, dataAbsentReason=concept("left"))),
    ]  # fmt: skip


def _blood_pressure() -> list[Case]:
    hypertension = condition("essential_hypertension", "2020-01-01")

    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS165", name, expected, _VISIT, hypertension, *resources, **person)

    stay = encounter("encounter_inpatient", "2026-05-01", "2026-05-03", kind="IMP", id="stay")
    return [
        only("no reading", OPEN),
        only("85 at the end", OPEN, born="1941-01-01"),
        only("86 on the last day", OUT, born="1940-12-31"),
        case("CMS165", "onset on 30 June", OPEN, _VISIT, condition("essential_hypertension", "2026-06-30")),
        case("CMS165", "onset on 1 July", OUT, _VISIT, condition("essential_hypertension", "2026-07-01")),
        only("controlled", MET, blood_pressure("2026-05-01", 139, 89)),
        only("140 systolic", OPEN, blood_pressure("2026-05-01", 140, 80)),
        only("90 diastolic", OPEN, blood_pressure("2026-05-01", 130, 90)),
        only("lowest of the last day, of two readings", MET, blood_pressure("2026-05-01", 150, 80),
             blood_pressure("2026-05-01", 130, 95)),
        only("only the last day", OPEN, blood_pressure("2026-05-01", 120, 80), blood_pressure("2026-06-01", 150, 80)),
        only("reading without systolic", OPEN, blood_pressure("2026-06-01", None, 80),
             blood_pressure("2026-06-01", 130, 80)),
        only("last reading without any value", OPEN, blood_pressure("2026-05-01", 120, 80),
             blood_pressure("2026-06-01", None, None)),
        only("preliminary", OPEN, blood_pressure("2026-06-01", 120, 80, status="preliminary")),
        only("in kilopascals", MET, blood_pressure("2026-06-01", 18.6, 11.9, unit="kPa")),
        only("140 in kilopascals", OPEN, blood_pressure("2026-06-01", 18.7, 11.9, unit="kPa")),
        only("without unit", OPEN, blood_pressure("2026-06-01", 120, 80, unit=None)),
        only("in a stay, linked to it", OPEN, stay,
             blood_pressure("2026-05-02T10:00:00Z", 120, 80, encounter="stay")),
        only("in a stay, not linked", MET, stay, blood_pressure("2026-05-02T10:00:00Z", 120, 80)),
        only("in a stay, linked to a visit", MET, stay,
             blood_pressure("2026-05-02T10:00:00Z", 120, 80, encounter="visit")),
        only("stay reading does not hide the one before", MET, stay, blood_pressure("2026-03-01", 120, 80),
             blood_pressure("2026-05-02T10:00:00Z", 180, 100, encounter="stay")),
        only("pregnant", EXCLUDED, condition("pregnancy", "2026-05-01")),
        only("dialysis long ago", EXCLUDED, procedure("dialysis", "2001-05-01")),
        only("dialysis ordered", OPEN, order("dialysis", "2026-05-01")),
        only("monthly ESRD services", EXCLUDED, encounter("esrd_monthly", "2020-05-01")),
        only("kidney transplant", EXCLUDED, procedure("kidney_transplant", "2010-05-01")),
        only("frail at 80", OPEN, condition("frailty_diagnosis", "2026-05-01"), born="1946-01-01"),
        only("frail at 81", EXCLUDED, condition("frailty_diagnosis", "2026-05-01"), born="1945-01-01"),
    ]  # fmt: skip


def _eye() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS131", name, expected, _VISIT, _DIABETES, *resources, **person)

    def exam(value_set: str, day: str, found: str | None = None, **extra: str) -> Resource:
        return observation(value_set, day, found, **{"category": "exam", **extra})

    retinal, ai = "retinal_or_dilated_eye_exam", "autonomous_eye_exam"
    left, right = "left_eye_retinopathy_severity", "right_eye_retinopathy_severity"
    graded, none = "diabetic_retinopathy_severity_level", "no_apparent_retinopathy"
    retinopathy = condition("diabetic_retinopathy", "2024-01-01")
    return [
        only("no exam", OPEN),
        case("CMS131", "ophthalmological services", OPEN, encounter("ophthalmological_services", "2026-02-03"),
             _DIABETES),
        case("CMS131", "diabetes of long", OPEN, _VISIT, condition("diabetes", "2015-12-31", "encounter-diagnosis")),
        case("CMS131", "diabetes on the problem list alone", OUT, _VISIT, condition("diabetes", "2015-12-31")),
        case("CMS131", "diabetes over before the period", OUT, _VISIT, condition(
            "diabetes", "2015-12-31", "encounter-diagnosis", "resolved", abatementDateTime="2025-12-31")),
        case("CMS131", "onset as a period", OPEN, _VISIT,
             condition("diabetes", None, "encounter-diagnosis",
                       onsetPeriod={"start": "2025-01-01", "end": "2025-02-01"})),
        only("exam in the period", MET, exam(retinal, "2026-12-31")),
        only("exam the year before", MET, exam(retinal, "2025-01-01")),
        only("exam two years before", OPEN, exam(retinal, "2024-12-31")),
        only("exam of another category", OPEN, exam(retinal, "2026-05-01", category="survey")),
        only("retinopathy, exam in the period", MET, retinopathy, exam(retinal, "2026-05-01")),
        only("retinopathy, exam the year before", OPEN, retinopathy, exam(retinal, "2025-05-01")),
        only("retinopathy resolved, exam the year before", MET, exam(retinal, "2025-05-01"), condition(
            "diabetic_retinopathy", "2020-01-01", clinical="resolved", abatementDateTime="2025-12-31")),
        only("autonomous exam", MET, exam(ai, "2026-05-01", "autonomous_eye_exam_result_or_finding")),
        only("autonomous exam, other result", OPEN, exam(ai, "2026-05-01", "left")),
        only("autonomous exam the year before", OPEN,
             exam(ai, "2025-05-01", "autonomous_eye_exam_result_or_finding")),
        only("both eyes graded", MET, exam(left, "2026-05-01", graded), exam(right, "2026-06-01", graded)),
        only("one eye graded", OPEN, exam(left, "2026-05-01", graded)),
        only("one graded, other none the year before", MET, exam(left, "2026-05-01", graded),
             exam(right, "2025-06-01", none)),
        only("both none the year before", MET, exam(left, "2025-05-01", none), exam(right, "2025-06-01", none)),
        only("both none in the period", OPEN, exam(left, "2026-05-01", none), exam(right, "2026-06-01", none)),
        only("without eyes", EXCLUDED, condition("absence_of_both_eyes", "2000-01-01")),
    ]  # fmt: skip


def _kidney() -> list[Case]:
    diabetes = condition("diabetes", "2020-01-01")

    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS951", name, expected, _VISIT, diabetes, *resources, **person)

    egfr = observation("egfr", "2026-05-01", 80, "mL/min")

    def ratio(value: float | str | None, **extra: str) -> Resource:
        return observation("urine_albumin_creatinine_ratio", "2026-05-01", value, "mg/g", **extra)

    def urine(which: str, day: str, value: float | None = 5) -> Resource:
        return observation(f"urine_{which}", day, value, "mg/dL")

    return [
        only("no tests", OPEN),
        only("18 on the first day", OPEN, born="2008-01-01"),
        only("18 a day later", OUT, born="2008-01-02"),
        only("85 at the start", OPEN, born="1940-01-02"),
        case("CMS951", "onset on the first day", OUT, _VISIT, condition("diabetes", "2026-01-01")),
        case("CMS951", "encounter diagnosis", OPEN, _VISIT, condition("diabetes", "2025-12-31", "encounter-diagnosis")),
        case("CMS951", "over before the period", OUT, _VISIT, condition(
            "diabetes", "2020-01-01", clinical="resolved", abatementDateTime="2025-12-31")),
        case("CMS951", "outpatient consultation", OPEN, encounter("outpatient_consultation", "2026-02-03"), diabetes),
        only("filtration and ratio", MET, egfr, ratio(30)),
        only("filtration alone", OPEN, egfr),
        only("ratio alone", OPEN, ratio(30)),
        only("ratio undetectable", MET, egfr, ratio("undetectable_lab_result_value")),
        only("ratio as another text", OPEN, egfr, ratio("left")),
        only("ratio without value", OPEN, egfr, ratio(None)),
        only("ratio preliminary", OPEN, egfr, ratio(30, status="preliminary")),
        only("albumin and creatinine four days apart", MET, egfr, urine("albumin", "2026-05-05"),
             urine("creatinine", "2026-05-01")),
        only("albumin and creatinine five days apart", OPEN, egfr, urine("albumin", "2026-05-06"),
             urine("creatinine", "2026-05-01")),
        only("albumin before creatinine", MET, egfr, urine("albumin", "2026-05-01"), urine("creatinine", "2026-05-05")),
        only("albumin and creatinine four days apart to the moment", MET, egfr,
             urine("albumin", "2026-05-05T08:00:00Z"), urine("creatinine", "2026-05-01T08:00:00Z")),
        only("albumin an hour more than four days after creatinine", OPEN, egfr,
             urine("albumin", "2026-05-05T09:00:00Z"), urine("creatinine", "2026-05-01T08:00:00Z")),
        only("albumin an hour more than four days before creatinine", OPEN, egfr,
             urine("albumin", "2026-05-01T08:00:00Z"), urine("creatinine", "2026-05-05T09:00:00Z")),
        only("albumin without value", OPEN, egfr, urine("albumin", "2026-05-01", None),
             urine("creatinine", "2026-05-01")),
        only("kidney failure", EXCLUDED, condition("end_stage_renal_disease", "2026-05-01")),
        only("frailty is no exclusion", OPEN, condition("frailty_diagnosis", "2026-05-01"),
             condition("advanced_illness", "2026-05-01"), born="1950-01-01"),
    ]  # fmt: skip


def _statin() -> list[Case]:
    stroke = condition("cerebrovascular_disease_stroke_or_tia", "2010-01-01")
    statin = "moderate_intensity_statin_therapy"

    def groups(one: int, expected: frozenset[str]) -> dict[int, frozenset[str]]:
        return {number: expected if number == one else OUT for number in (1, 2, 3, 4)}

    def only(name: str, one: int, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS347", name, groups(one, expected), _VISIT, *resources, **person)

    diabetes, lipid = condition("diabetes", "2020-01-01"), observation("ldl_cholesterol", "2015-01-01", 190, "mg/dL")
    return [
        only("no risk", 0, OUT),
        only("stroke", 1, OPEN, stroke),
        only("stroke at 90", 1, OPEN, stroke, born="1936-01-01"),
        only("stroke as encounter diagnosis alone", 0, OUT,
             condition("cerebrovascular_disease_stroke_or_tia", "2010-01-01", "encounter-diagnosis")),
        only("stroke as health concern", 1, OPEN,
             condition("cerebrovascular_disease_stroke_or_tia", "2010-01-01", "health-concern")),
        only("stent", 1, OPEN, procedure("pci", "2010-01-01")),
        only("stent not done", 0, OUT, procedure("pci", "2010-01-01", status="not-done")),
        only("stroke and diabetes", 1, OPEN, stroke, diabetes),
        only("high LDL", 2, OPEN, lipid),
        only("LDL of 189", 0, OUT, observation("ldl_cholesterol", "2015-01-01", 189, "mg/dL")),
        only("LDL in another unit", 0, OUT, observation("ldl_cholesterol", "2015-01-01", 190, "mmol/L")),
        only("LDL in grams per litre", 2, OPEN, observation("ldl_cholesterol", "2015-01-01", 1.9, "g/L")),
        only("high LDL at 19", 0, OUT, lipid, born="2006-06-01"),
        only("high LDL at 20", 2, OPEN, lipid, born="2006-01-01"),
        only("familial", 2, OPEN, condition("familial_hypercholesterolemia", "2010-01-01")),
        only("diabetes at 40", 3, OPEN, diabetes, born="1986-01-01"),
        only("diabetes at 39", 0, OUT, diabetes, born="1986-01-02"),
        only("diabetes and high LDL", 2, OPEN, diabetes, lipid),
        only("risk of 20 percent", 4, OPEN, observation("cardiovascular_risk", "2026-05-01", 20, category="survey")),
        only("risk of a fifth", 4, OPEN, observation("cardiovascular_risk", "2026-05-01", 0.2, "1", category="survey")),
        only("risk of 19 percent", 0, OUT, observation("cardiovascular_risk", "2026-05-01", 19, category="survey")),
        only("risk the year before", 0, OUT, observation("cardiovascular_risk", "2025-05-01", 20, category="survey")),
        only("statin ordered", 1, MET, stroke, prescription(statin, "2026-12-31")),
        only("statin ordered, as the patient reports", 1, MET, stroke,
             prescription(statin, "2026-05-01", reportedBoolean=True)),
        only("statin taken, as the patient states", 1, OPEN, stroke, {
            "resourceType": "MedicationStatement", "status": "active", "effectiveDateTime": "2026-05-01",
            "medicationCodeableConcept": concept(statin)}),
        only("statin stopped", 1, OPEN, stroke, prescription(statin, "2026-05-01", "stopped")),
        only("statin planned", 1, OPEN, stroke, prescription(statin, "2026-05-01", intent="plan", **SUPPLIED)
             | {"status": "draft"}),
        only("statin supplied into the period", 1, MET, stroke,
             prescription(statin, "2025-12-01", "completed", **SUPPLIED)),
        only("statin used up before", 1, OPEN, stroke, prescription(statin, "2025-06-01", "completed", **SUPPLIED)),
        only("breastfeeding", 1, EXCLUDED, stroke, condition("breastfeeding", "2026-05-01", "encounter-diagnosis")),
        only("allergy", 1, EXCEPTED, stroke, allergy("statin_allergen", "2026-05-01")),
        only("allergy of long", 1, EXCEPTED, stroke, allergy("statin_allergen", "2015-05-01")),
        only("allergy inactive", 1, OPEN, stroke, allergy("statin_allergen", "2026-05-01", "inactive")),
        only("allergy but a statin", 1, MET, stroke, allergy("statin_allergen", "2026-05-01"),
             prescription(statin, "2026-05-01")),
        only("hospice", 1, EXCEPTED, stroke, condition("hospice_diagnosis", "2026-05-01")),
        only("liver disease", 3, EXCEPTED, diabetes, condition("liver_disease", "2020-01-01")),
        only("liver disease as encounter diagnosis", 3, OPEN, diabetes,
             condition("liver_disease", "2020-01-01", "encounter-diagnosis")),
        only("medical reason at a visit", 1, EXCEPTED, stroke, prescription(
            statin, "2026-02-03", "completed", doNotPerform=True, reasonCode=[concept("medical_reason")])),
        only("medical reason at no visit", 1, OPEN, stroke, prescription(
            statin, "2026-02-04", "completed", doNotPerform=True, reasonCode=[concept("medical_reason")])),
        only("other reason at a visit", 1, OPEN, stroke, prescription(
            statin, "2026-02-03", "completed", doNotPerform=True, reasonCode=[concept("patient_declined")])),
    ]  # fmt: skip


CASES = [*_glycaemic(), *_blood_pressure(), *_eye(), *_kidney(), *_statin()]
