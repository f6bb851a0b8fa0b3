"""Cancer screenings, falls, HIV: CMS124, CMS125, CMS130, CMS139, CMS349."""

from tests.dbt_project.measures.cases import (
    EXCEPTED,
    EXCLUDED,
    MET,
    OPEN,
    OUT,
    Case,
    Resource,
    case,
    concept,
    condition,
    encounter,
    observation,
    procedure,
    report,
    verified,
)

_VISIT = encounter("office_visit", "2026-02-03")


def _colorectal() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS130", name, expected, _VISIT, *resources, **person)

    imaging = {"category": "imaging"}
    return [
        only("too young at 45", OUT, born="1981-01-01"),
        only("46 on the last day", OPEN, born="1980-12-31"),
        only("75 at the end", OPEN, born="1951-01-01"),
        only("76 on the last day", OUT, born="1950-12-31"),
        only("FOBT", MET, observation("fobt", "2026-01-01", "right")),
        only("FOBT without value", OPEN, observation("fobt", "2026-05-01")),
        only("FOBT the year before", OPEN, observation("fobt", "2025-12-31", "right")),
        only("FOBT preliminary", OPEN, observation("fobt", "2026-05-01", "right", status="preliminary")),
        only("FOBT corrected", MET, observation("fobt", "2026-05-01", "right", status="corrected")),
        only("stool DNA two years before", MET, observation("sdna_fit", "2024-01-01", 1, "1")),
        only("stool DNA too long ago", OPEN, observation("sdna_fit", "2023-12-31", 1, "1")),
        only("stool DNA period that ends in time", MET, observation("sdna_fit", "", 1, "1", effectivePeriod={
            "start": "2023-12-30", "end": "2024-01-01"})),
        only("sigmoidoscopy four years before", MET, procedure("flexible_sigmoidoscopy", "2022-01-01")),
        only("sigmoidoscopy too long ago", OPEN, procedure("flexible_sigmoidoscopy", "2021-12-31")),
        only("sigmoidoscopy that ended in time", MET,
             procedure("flexible_sigmoidoscopy", "2021-12-31", "2022-01-01")),
        only("CT colonography", MET, observation("ct_colonography", "2022-01-01", **imaging)),
        only("CT colonography of another category", OPEN, observation("ct_colonography", "2025-01-01")),
        only("CT colonography too long ago", OPEN, observation("ct_colonography", "2021-12-31", **imaging)),
        only("colonoscopy nine years before", MET, procedure("colonoscopy", "2017-01-01")),
        only("colonoscopy too long ago", OPEN, procedure("colonoscopy", "2016-12-31")),
        only("colonoscopy in progress", OPEN, procedure("colonoscopy", "2026-05-01", status="in-progress")),
        only("colonoscopy after the period", OPEN, procedure("colonoscopy", "2027-01-01")),
        only("cancer of the colon", EXCLUDED, condition(
            "malignant_neoplasm_of_colon", "1999-01-01", clinical="resolved", abatementDateTime="2001-01-01")),
        only("cancer of the colon refuted", OPEN, condition(
            "malignant_neoplasm_of_colon", "1999-01-01", **verified("refuted"))),
        only("cancer of the colon entered in error", OPEN, condition(
            "malignant_neoplasm_of_colon", "1999-01-01", **verified("entered-in-error"))),
        only("total colectomy", EXCLUDED, procedure("total_colectomy", "1999-01-01")),
    ]  # fmt: skip


def _cervical() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS124", name, expected, _VISIT, *resources, **{"born": "1986-07-01", **person})

    return [
        only("woman of 40", OPEN),
        only("man of 40", OUT, gender="male"),
        only("23 at the end", OUT, born="2003-01-01"),
        only("24 on the last day", OPEN, born="2002-12-31"),
        only("64 at the end", OPEN, born="1962-01-01"),
        only("65 on the last day", OUT, born="1961-12-31"),
        case("CMS124", "wellness visit is none", OUT, encounter("annual_wellness_visit", "2026-02-03"),
             born="1986-07-01"),
        only("Pap test", MET, observation("pap_test", "2024-01-01", 1, "1")),
        only("Pap test too long ago", OPEN, observation("pap_test", "2023-12-31", 1, "1")),
        only("Pap test without value", OPEN, observation("pap_test", "2026-05-01")),
        only("HPV test at 30", MET, observation("hpv_test", "2022-07-01", 1, "1"), born="1992-07-01"),
        only("HPV test the day before 30", OPEN, observation("hpv_test", "2022-06-30", 1, "1"), born="1992-07-01"),
        only("HPV test too long ago", OPEN, observation("hpv_test", "2021-12-31", 1, "1")),
        only("hysterectomy", EXCLUDED, procedure("hysterectomy_with_no_residual_cervix", "2010-01-01")),
        only("absence of cervix", EXCLUDED, condition("congenital_or_acquired_absence_of_cervix", "2010-01-01")),
        only("absence of cervix after", OPEN, condition("congenital_or_acquired_absence_of_cervix", "2027-01-01")),
    ]  # fmt: skip


def _breast() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS125", name, expected, _VISIT, *resources, **person)

    def mammography(day: str, **extra: str) -> Resource:
        return observation("mammography", day, **{"category": "imaging", **extra})

    side = "unilateral_mastectomy_unspecified_laterality"
    left, right = (condition(side, "2010-01-01", bodySite=[concept(where)]) for where in ("left", "right"))
    return [
        only("woman of 60", OPEN),
        only("man of 60", OUT, gender="male"),
        only("41 at the end", OUT, born="1985-01-01"),
        only("42 on the last day", OPEN, born="1984-12-31"),
        only("75 on the last day", OUT, born="1951-12-31"),
        only("mammography", MET, mammography("2024-10-01")),
        only("mammography too long ago", OPEN, mammography("2024-09-30")),
        only("mammography preliminary", OPEN, mammography("2026-05-01", status="preliminary")),
        only("mammography of another category", OPEN, mammography("2026-05-01", category="exam")),
        only("mammography report", MET, report("mammography", "2026-05-01")),
        only("mammography report preliminary", OPEN, report("mammography", "2026-05-01", status="preliminary")),
        only("both by history", EXCLUDED, condition("history_of_bilateral_mastectomy", "2010-01-01")),
        only("both by procedure", EXCLUDED, procedure("bilateral_mastectomy", "2010-01-01")),
        only("left alone", OPEN, procedure("unilateral_mastectomy_left", "2010-01-01")),
        only("left and right by procedures", EXCLUDED, procedure("unilateral_mastectomy_left", "2010-01-01"),
             procedure("unilateral_mastectomy_right", "2026-12-31")),
        only("left and right by diagnoses", EXCLUDED, condition("status_post_left_mastectomy", "2010-01-01"),
             condition("status_post_right_mastectomy", "2011-01-01")),
        only("left and right by sites", EXCLUDED, left, right),
        only("left twice", OPEN, left, procedure("unilateral_mastectomy_left", "2012-01-01")),
        only("side not told", OPEN, condition(side, "2010-01-01"), right),
        only("left by site, right by procedure", EXCLUDED, left,
             procedure("unilateral_mastectomy_right", "2012-01-01")),
    ]  # fmt: skip


def _falls() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS139", name, expected, _VISIT, *resources, **{"born": "1950-07-01", **person})

    return [
        only("65 on the first day", OPEN, born="1961-01-01"),
        only("65 a day later", OUT, born="1961-01-02"),
        case("CMS139", "visit in a nursing facility", OPEN, encounter("nursing_facility_visit", "2026-02-03"),
             born="1950-07-01"),
        only("screened", MET, observation("falls_screening", "2026-12-31", 0, "1", "survey")),
        only("screened without value", MET, observation("falls_screening", "2026-05-01", category="survey")),
        only("screened before", OPEN, observation("falls_screening", "2025-12-31", 0, "1", "survey")),
        only("screening begun before", OPEN, observation("falls_screening", "", 0, "1", "survey", effectivePeriod={
            "start": "2025-12-31", "end": "2026-01-01"})),
        only("screening cancelled", OPEN, observation("falls_screening", "2026-05-01", 0, "1", "survey", "cancelled")),
        only("hospice", EXCLUDED, condition("hospice_diagnosis", "2026-05-01")),
        only("palliative care is no exclusion", OPEN, condition("palliative_care_diagnosis", "2026-05-01")),
    ]  # fmt: skip


def _hiv() -> list[Case]:
    def only(name: str, expected: frozenset[str], *resources: Resource, **person: str) -> Case:
        return case("CMS349", name, expected, _VISIT, *resources, **person)

    return [
        only("15 on the first day", OPEN, born="2011-01-01"),
        only("15 a day later", OUT, born="2011-01-02"),
        only("65 at the start", OPEN, born="1960-01-02"),
        only("66 on the first day", OUT, born="1960-01-01"),
        case("CMS349", "wellness visit is none", OUT, encounter("annual_wellness_visit", "2026-02-03")),
        only("tested decades ago", MET, observation("hiv_test", "1999-01-01", 0, "1")),
        only("test without value", OPEN, observation("hiv_test", "2026-05-01")),
        only("test by the set of both", MET, observation("hiv_test_set", "2026-05-01", "right")),
        only("tested at 14", OPEN, observation("hiv_test", "2020-06-30", 0, "1"), born="2005-07-01"),
        only("tested at 15", MET, observation("hiv_test", "2020-07-01", 0, "1"), born="2005-07-01"),
        only("test with a time of issue alone", OPEN,
             observation("hiv_test", "", 0, "1", issued="2026-05-01T10:00:00Z")),
        only("tested on the last day", OPEN, observation("hiv_test", "2026-12-31", 0, "1")),
        only("HIV before", EXCLUDED, condition("hiv", "2025-12-31")),
        only("HIV since the first day", OPEN, condition("hiv", "2026-01-01")),
        only("HIV before, refuted", OPEN, condition("hiv", "2025-12-31", **verified("refuted"))),
        only("died", EXCEPTED, died="2026-05-01"),
        only("died, tested", MET, observation("hiv_test", "1999-01-01", 0, "1"), died="2026-05-01"),
    ]  # fmt: skip


CASES = [*_colorectal(), *_cervical(), *_breast(), *_falls(), *_hiv()]
