"""Golden cases of the measures that read orders, negations, goals and adverse events."""

from tests.dbt_project.golden.case import Case, Resource
from tests.dbt_project.golden.orders import COLONOSCOPY, HOSPICE, ORDERED, procedure, service
from tests.dbt_project.population import HCPCS, ICD10, LOINC, coded, condition, of, result, visit

_POPULATIONS = "initial_population, denominator_exclusion, numerator"


def seen(person: str, *more: Resource) -> list[Resource]:
    """Someone of 66 with diabetes and an office visit in the period."""
    return [
        visit(person, f"{person}-visit", "2026-02-03", "2026-02-03", type=[coded(HCPCS, "G0463")]),
        condition(person, f"{person}-dx", coded(ICD10, "E11.9"), "encounter-diagnosis"),
        result(person, f"{person}-a1c", "4548-4", "2026-02-03", 7.0, "%"),
        *more,
    ]


def judged(measure: str, person: str, expected: tuple[bool, bool, bool], *more: Resource) -> Case:
    """The person's populations in a measure: initial, excluded, numerator."""
    columns = f"{_POPULATIONS}, measure_id"
    return Case(person, seen(person, *more), f"measures.{measure.lower()}", columns, [(*expected, measure)])


OPEN, _MET, _EXCLUDED = (True, False, False), (True, False, True), (True, True, False)

MEASURES = [
    judged("CMS122", "nothing-ordered", OPEN),
    judged("CMS122", "hospice-ordered", _EXCLUDED, service("hospice-ordered", HOSPICE)),
    judged("CMS122", "hospice-order-completed", _EXCLUDED,
            service("hospice-order-completed", HOSPICE, status="completed")),
    judged("CMS122", "hospice-order-on-hold", OPEN, service("hospice-order-on-hold", HOSPICE, status="on-hold")),
    judged("CMS122", "hospice-not-ordered", OPEN, service("hospice-not-ordered", HOSPICE, doNotPerform=True)),
    judged("CMS122", "hospice-ordered-before", OPEN,
            service("hospice-ordered-before", HOSPICE, authoredOn="2025-12-31")),
    judged("CMS122", "hospice-ordered-as-device", OPEN,
            of("hospice-ordered-as-device", "DeviceRequest", "as-device", codeCodeableConcept=HOSPICE, **ORDERED)),
    judged("CMS122", "hospice-not-done", OPEN, procedure("hospice-not-done", HOSPICE, status="not-done")),
    judged("CMS122", "hospice-done", _EXCLUDED, procedure("hospice-done", HOSPICE, status="completed")),
    judged("CMS122", "palliative-assessment-ordered", OPEN,
            service("palliative-assessment-ordered", coded(LOINC, "71007-9"))),
    judged("CMS130", "colonoscopy-done", _MET, procedure("colonoscopy-done", COLONOSCOPY, status="completed")),
    judged("CMS130", "colonoscopy-not-done", OPEN, procedure("colonoscopy-not-done", COLONOSCOPY, status="not-done")),
    judged("CMS130", "colonoscopy-ordered", OPEN,
            service("colonoscopy-ordered", COLONOSCOPY, status="completed")),
    judged("CMS130", "stool-test-ordered", OPEN,
            service("stool-test-ordered", coded(LOINC, "2335-8"), status="completed")),
]  # fmt: skip
