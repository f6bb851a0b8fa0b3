"""Golden cases of references: every form of address leads to the same row."""

from typing import Any

from tests.dbt_project.golden.case import Case, Resource, at, key, left_out
from tests.dbt_project.golden.observations import seen
from tests.dbt_project.population import LOINC, coded, visit

_A1C = coded(LOINC, "4548-4")
_PATIENT_UUID = "5d2e1f0a-0000-4000-8000-0000000000f1"
_VISIT_UUID = "5d2e1f0a-0000-4000-8000-0000000000f2"
_STAFF_ID = {"system": "urn:staff", "value": "heart-doctor"}


def _about(name: str, subject: Resource, person: str | None = None, **patient: Any) -> Case:
    """A result of 7 whose subject is named in this form."""
    given = {**seen("", f"{name}-result", _A1C, valueInteger=7), "subject": subject}
    case = person or name
    return Case(case, [given], "omop.measurement", "value_as_number::int", [(7,)], ("f2o-021",), patient)


_KNOWN_BY = {"identifier": [{"system": "urn:members", "value": "77"}]}

SUBJECTS = [
    _about("subject-by-id", at("Patient", "subject-by-id")),
    _about("subject-by-address", {"reference": "https://ehr.example.org/fhir/R4/Patient/subject-by-address"}),
    _about("subject-by-version", {"reference": "Patient/subject-by-version/_history/3"}),
    _about("subject-by-address-and-version",
           {"reference": "https://ehr.example.org/fhir/Patient/subject-by-address-and-version/_history/3"}),
    _about("subject-by-uuid", {"reference": f"urn:uuid:{_PATIENT_UUID}"}, _PATIENT_UUID),
    _about("subject-by-identifier", {"reference": "Patient?identifier=urn:members|77"}, **_KNOWN_BY),
    _about("subject-by-logical-identifier", {"identifier": {"system": "urn:members", "value": "78"}},
           identifier=[{"system": "urn:members", "value": "78"}]),
    left_out("subject-contained",
             {**seen("", "", _A1C, valueInteger=7), "contained": [{"resourceType": "Patient", "id": "p"}],
              "subject": {"reference": "#p"}}, "no_patient", "f2o-062"),
    left_out("subject-in-words", {**seen("", "", _A1C, valueInteger=7), "subject": {"display": "somebody"}},
             "no_patient", "f2o-062"),
    left_out("subject-that-is-a-device", {**seen("", "", _A1C, valueInteger=7), "subject": at("Device", "d")},
             "no_patient", "f2o-062"),
    Case("subject-that-never-came",
         [{**seen("", "of-nobody", _A1C, valueInteger=7), "subject": at("Patient", "never-came")}],
         "omop.dropped_row", "bronze_table, reason", [("measurement", "no_person")], ("f2o-062",),
         of=("bronze_key", key("Observation", "of-nobody"))),
]  # fmt: skip


def _during(name: str, encounter: Resource, visit_id: str, **elements: Any) -> Case:
    """A result in a visit that is named in this form."""
    given = [
        visit(name, visit_id, "2026-02-03", "2026-02-03", **elements),
        seen(name, f"{name}-result", _A1C, valueInteger=7, encounter=encounter),
    ]
    expected = [(key("Encounter", visit_id),)]
    return Case(name, given, "omop.measurement", "visit_occurrence_id", expected, ("f2o-021",))


_NUMBERED = {"identifier": [{"system": "urn:visits", "value": "V-1"}]}
_NUMBERED_TOO = {"identifier": [{"system": "urn:visits", "value": "V-2"}]}

ENCOUNTERS = [
    _during("visit-by-id", at("Encounter", "visit-1"), "visit-1"),
    _during("visit-by-address", {"reference": "https://ehr.example.org/fhir/Encounter/visit-2"}, "visit-2"),
    _during("visit-by-version", {"reference": "Encounter/visit-3/_history/1"}, "visit-3"),
    _during("visit-by-uuid", {"reference": f"urn:uuid:{_VISIT_UUID}"}, _VISIT_UUID),
    _during("visit-by-identifier", {"reference": "Encounter?identifier=urn:visits|V-1"}, "visit-4", **_NUMBERED),
    _during("visit-by-logical-identifier", {"identifier": {"system": "urn:visits", "value": "V-2"}}, "visit-5",
            **_NUMBERED_TOO),
    Case("visit-that-never-came",
         [seen("visit-that-never-came", "in-no-visit", _A1C, valueInteger=7, encounter=at("Encounter", "never-came"))],
         "omop.measurement", "visit_occurrence_id", [(None,)]),
]  # fmt: skip


def _performed(name: str, performer: Resource, expected: str | None = "dr-heart") -> Case:
    given = [seen(name, f"{name}-result", _A1C, valueInteger=7, performer=[performer])]
    provider = key("Practitioner", expected) if expected else None
    return Case(name, given, "omop.measurement", "provider_id", [(provider,)], ("f2o-021",))


PERFORMERS = [
    _performed("performer-by-id", at("Practitioner", "dr-heart")),
    _performed("performer-by-address", {"reference": "https://ehr.example.org/fhir/Practitioner/dr-heart"}),
    _performed("performer-by-version", {"reference": "Practitioner/dr-heart/_history/9"}),
    _performed("performer-by-identifier", {"reference": "Practitioner?identifier=urn:staff|heart-doctor"}),
    _performed("performer-by-logical-identifier", {"type": "Practitioner", "identifier": _STAFF_ID}),
    _performed("performer-by-role", at("PractitionerRole", "heart-role")),
    _performed("performer-contained", {"reference": "#doctor"}, None),
    _performed("performer-in-words", {"display": "somebody"}, None),
]


def _placed(name: str, location: Resource, expected: str | None) -> Case:
    period = {"start": "2026-02-03", "end": "2026-02-03"}
    given = [
        visit(name, f"{name}-visit", "2026-02-03", "2026-02-03", location=[{"location": location, "period": period}])
    ]
    site = key("Location", expected) if expected else None
    return Case(name, given, "omop.visit_detail", "care_site_id", [(site,)], ("f2o-021",))


LOCATIONS = [
    _placed("place-by-id", at("Location", "ward"), "ward"),
    _placed("place-by-address", {"reference": "https://ehr.example.org/fhir/Location/ward"}, "ward"),
    _placed("place-by-version", {"reference": "Location/ward/_history/2"}, "ward"),
    _placed("place-by-identifier", {"reference": "Location?identifier=urn:rooms|W"}, "ward"),
    _placed("place-that-never-came", at("Location", "never-came"), None),
]

REFERENCES = [*SUBJECTS, *ENCOUNTERS, *PERFORMERS, *LOCATIONS]
