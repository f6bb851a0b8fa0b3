"""Golden cases of Encounter: visit_occurrence and visit_detail."""

from typing import Any

from tests.dbt_project.golden.case import ACT, AS_OF, TERMS, Case, Resource, at, key, left_out, told
from tests.dbt_project.population import ICD10, coded, condition, of, visit

_VISIT = "visit_start_date::text, visit_end_date::text, visit_concept_id, visit_type_concept_id, visit_source_value"
_TIMES = "visit_start_date::text, visit_start_datetime::text, visit_end_date::text, visit_end_datetime::text"
_DAY = ("2026-02-03", "2026-02-03")


def _of_class(code: str, concept: int) -> Case:
    name = f"class-{code.lower()}"
    expected = [(*_DAY, concept, 32827, code)]
    return Case(name, [visit(name, name, *_DAY, code)], "omop.visit_occurrence", _VISIT, expected, ("f2o-037",))


CLASSES = [
    _of_class("IMP", 9201),
    _of_class("ACUTE", 9201),
    _of_class("NONAC", 9201),
    _of_class("AMB", 9202),
    _of_class("EMER", 9203),
    _of_class("HH", 581476),
    _of_class("VR", 5083),
    _of_class("OBSENC", 581385),
    _of_class("SS", 9202),
    _of_class("PRENC", 9202),
    _of_class("FLD", 0),
]


def _went(name: str, expected: list[tuple[Any, ...]], *requirements: str, columns: str = _VISIT, **parts: Any) -> Case:
    """An encounter of the case's name, with elements in place of an ambulatory visit's on one day."""
    encounter = {**visit(name, name, *_DAY), **parts}
    encounter = {element: value for element, value in encounter.items() if value is not None}
    return Case(name, [encounter], "omop.visit_occurrence", columns, expected, requirements)


def _class(code: str) -> Resource:
    return {"class": {"system": ACT, "code": code}}


_OPEN = {"period": {"start": "2026-02-03"}}

TIMES = [
    _went("visit-in-progress", [(*_DAY, 9202, 32827, "AMB")], "f2o-060", status="in-progress", **_OPEN),
    _went("visit-arrived", [(*_DAY, 9202, 32827, "AMB")], "f2o-060", status="arrived", **_OPEN),
    _went("visit-triaged", [(*_DAY, 9203, 32827, "EMER")], "f2o-060", status="triaged", **_OPEN, **_class("EMER")),
    # In the house to this day; 32220 says so.
    _went("stay-in-progress", [("2026-02-03", AS_OF, 9201, 32220, "IMP")], "f2o-071", status="in-progress", **_OPEN,
          **_class("IMP")),
    # It is over, nobody says since when: not a stay of months.
    _went("stay-that-is-over", [(*_DAY, 9201, 32827, "IMP")], "f2o-071", **_OPEN, **_class("IMP")),
    _went("visit-without-an-end", [(*_DAY, 9202, 32827, "AMB")], "f2o-071", **_OPEN),
    _went("visit-with-an-end-only", [(*_DAY, 9202, 32827, "AMB")], "f2o-071", period={"end": "2026-02-03"}),
    _went("visit-of-a-month", [("2026-02-01", "2026-02-28", 9202, 32827, "AMB")], "f2o-071",
          period={"start": "2026-02", "end": "2026-02"}),
    _went("visit-over-midnight", [("2026-02-03", "2026-02-03 23:30:00", "2026-02-04", "2026-02-04 00:30:00")],
          "f2o-073", columns=_TIMES,
          period={"start": "2026-02-03T23:30:00-05:00", "end": "2026-02-04T00:30:00-05:00"}),
    _went("visit-in-another-zone", [("2026-02-03", "2026-02-03 00:30:00", "2026-02-03", "2026-02-03 01:00:00")],
          "f2o-073", columns=_TIMES,
          period={"start": "2026-02-03T00:30:00+13:00", "end": "2026-02-03T01:00:00+13:00"}),
    _went("visit-by-day", [("2026-02-03", None, "2026-02-03", None)], columns=_TIMES),
]  # fmt: skip


def _not_made(status: str) -> Case:
    name = f"visit-{status}"
    return left_out(name, visit(name, name, *_DAY) | {"status": status}, f"status:{status}", "f2o-060", "f2o-062")


LEFT_OUT = [
    *(_not_made(status) for status in ("planned", "cancelled", "entered-in-error", "unknown", "onleave")),
    left_out("visit-without-a-day", visit("visit-without-a-day", "", *_DAY) | {"period": {}}, "no_date", "f2o-070"),
    left_out(
        "visit-of-unknown-meaning", visit("visit-of-unknown-meaning", "", *_DAY)
        | {"modifierExtension": [{"url": "http://example.org/simulated", "valueBoolean": True}]},
        "modifier_extension", "f2o-063",
    ),
]  # fmt: skip


def _hospital(element: str, system: str, column: str, code: str, concept: int) -> Case:
    columns = f"{column}_concept_id, {column}_source_value"
    stay = {"hospitalization": {element: told(code, system)}, **_class("IMP")}
    return _went(f"{system}-{code}", [(concept, code)], "f2o-033", columns=columns, **stay)


STAYS = [
    *(
        _hospital("admitSource", "admit-source", "admitted_from", code, concept)
        for code, concept in (
            ("hosp-trans", 38004515), ("emd", 8870), ("outp", 8756), ("gp", 8940), ("mp", 8940), ("nursing", 8676),
            ("psych", 8971), ("rehab", 38004254), ("born", 0),
        )
    ),
    *(
        _hospital("dischargeDisposition", "discharge-disposition", "discharged_to", code, concept)
        for code, concept in (
            ("home", 8536), ("alt-home", 8536), ("other-hcf", 33007), ("hosp", 8546), ("long", 38004277),
            ("aadvice", 32216), ("exp", 32218), ("psy", 8971), ("rehab", 32266), ("snf", 8863), ("oth", 0),
        )
    ),
]  # fmt: skip


def _took_part(who: Resource, *codes: str) -> Resource:
    coding = [{"system": f"{TERMS}v3-ParticipationType", "code": code} for code in codes]
    return {"individual": who, **({"type": [{"coding": coding}]} if codes else {})}


_HEART, _DEGREE = at("Practitioner", "dr-heart"), at("Practitioner", "dr-degree")
_RELATIVE = at("RelatedPerson", "sister")


def _seen_by(name: str, expected: str | None, *participants: Resource) -> Case:
    provider = key("Practitioner", expected) if expected else None
    return _went(name, [(provider,)], columns="provider_id", participant=list(participants))


def _went_to(name: str, expected: int | None, site: Resource) -> Case:
    return _went(name, [(expected,)], columns="care_site_id", serviceProvider=site)


_CENTRE = key("Organization", "heart-centre")

PARTICIPANTS = [
    _seen_by("seen-by-the-attending", "dr-heart", _took_part(_DEGREE), _took_part(_HEART, "ATND")),
    _seen_by("seen-by-the-performer", "dr-heart", _took_part(_DEGREE, "CON"), _took_part(_HEART, "PPRF")),
    _seen_by("seen-by-attending-and-performer", "dr-degree", _took_part(_HEART, "PPRF"), _took_part(_DEGREE, "ATND")),
    _seen_by("seen-by-one-of-two-roles", "dr-heart", _took_part(_DEGREE), _took_part(_HEART, "ADM", "ATND")),
    _seen_by("seen-by-anybody", "dr-degree", _took_part(_DEGREE, "ADM")),
    _seen_by("seen-with-a-relative", "dr-heart", _took_part(_RELATIVE), _took_part(_HEART)),
    _seen_by("seen-by-a-relative", None, _took_part(_RELATIVE, "ATND")),
    _seen_by("seen-by-nobody-named", None, {"type": [told("ATND", "v3-ParticipationType")]}),
    _seen_by("seen-by-a-role", "dr-heart", _took_part(at("PractitionerRole", "heart-role"), "ATND")),
    _seen_by("seen-by-somebody-unknown", None, _took_part(at("Practitioner", "never-came"))),
    _went_to("at-a-centre", _CENTRE, at("Organization", "heart-centre")),
    _went_to("at-an-address", _CENTRE, {"reference": "https://ehr.example.org/fhir/Organization/heart-centre"}),
    _went_to("at-an-identifier", _CENTRE, {"reference": "Organization?identifier=urn:sites|1"}),
    _went_to("at-a-logical-identifier", _CENTRE, {"identifier": {"system": "urn:sites", "value": "1"}}),
    _went_to("at-a-place-unknown", None, at("Organization", "never-came")),
]

_DETAIL = (
    "visit_detail_start_date::text, visit_detail_end_date::text, visit_detail_concept_id, "
    "visit_detail_type_concept_id, visit_occurrence_id, care_site_id"
)
_STAY = {"start": "2026-02-03T08:00:00-05:00", "end": "2026-02-07T12:00:00-05:00"}


def _in_parts(name: str, expected: list[tuple[Any, ...]], *resources: Resource, columns: str = _DETAIL) -> Case:
    return Case(name, list(resources), "omop.visit_detail", columns, expected)


def _stay(name: str, *places: Resource) -> Resource:
    return visit(name, name, "2026-02-03", "2026-02-07", "IMP") | {"period": _STAY, "location": list(places)}


def _place(location: str, start: str | None = None, end: str | None = None, **parts: Any) -> Resource:
    period = {name: day for name, day in (("start", start), ("end", end)) if day}
    return {"location": at("Location", location), **({"period": period} if period else {}), **parts}


_WARD, _UNIT = key("Location", "ward"), key("Location", "intensive-care")


def _part(person: str, name: str, day: str, of_which: str, code: str = "AMB") -> Resource:
    return visit(person, name, day, day, code, partOf=at("Encounter", of_which))


DETAILS = [
    _in_parts(
        "moved-between-wards",
        [("2026-02-03", "2026-02-05", 9201, 32827, key("Encounter", "moved-between-wards"), _WARD),
         ("2026-02-05", "2026-02-07", 9201, 32827, key("Encounter", "moved-between-wards"), _UNIT)],
        _stay("moved-between-wards", _place("ward", "2026-02-03T08:00:00-05:00", "2026-02-05T10:00:00-05:00"),
              _place("intensive-care", "2026-02-05T10:00:00-05:00")),
    ),
    _in_parts("a-place-without-a-time", [], _stay("a-place-without-a-time", _place("ward"))),
    _in_parts("a-place-only-planned", [],
              _stay("a-place-only-planned", _place("ward", "2026-02-06", status="planned"),
                    _place("intensive-care", "2026-02-06", status="reserved"))),
    _in_parts("a-place-that-is-over",
              [("2026-02-03", "2026-02-04", 9201, 32827, key("Encounter", "a-place-that-is-over"), _WARD)],
              _stay("a-place-that-is-over", _place("ward", "2026-02-03", "2026-02-04", status="completed"))),
    # The place's day must not get the visit's hour.
    _in_parts("a-place-by-day", [("2026-02-05", None, "2026-02-06", None)],
              _stay("a-place-by-day", _place("ward", "2026-02-05", "2026-02-06")),
              columns="visit_detail_start_date::text, visit_detail_start_datetime::text, visit_detail_end_date::text, "
              "visit_detail_end_datetime::text"),
    _in_parts("a-part-of-a-visit",
              [("2026-02-04", "2026-02-04", 9202, 32827, key("Encounter", "a-part-of-a-visit"), None)],
              _stay("a-part-of-a-visit"), _part("a-part-of-a-visit", "part", "2026-02-04", "a-part-of-a-visit")),
    _in_parts("a-part-of-a-part",
              [("2026-02-04", "2026-02-04", 9202, 32827, key("Encounter", "a-part-of-a-part"), None),
               ("2026-02-05", "2026-02-05", 9203, 32827, key("Encounter", "a-part-of-a-part"), None)],
              _stay("a-part-of-a-part"), _part("a-part-of-a-part", "inner", "2026-02-04", "a-part-of-a-part"),
              _part("a-part-of-a-part", "innermost", "2026-02-05", "inner", "EMER")),
    Case("a-diagnosis-in-a-part",
         [_stay("a-diagnosis-in-a-part"),
          _part("a-diagnosis-in-a-part", "dx-part", "2026-02-04", "a-diagnosis-in-a-part"),
          condition("a-diagnosis-in-a-part", "dx-in-part", coded(ICD10, "I10"), "encounter-diagnosis",
                    encounter=at("Encounter", "dx-part"))],
         "omop.condition_occurrence", "visit_occurrence_id", [(key("Encounter", "a-diagnosis-in-a-part"),)]),
    Case("a-part-of-what-never-was",
         [visit("a-part-of-what-never-was", "whole-planned", *_DAY) | {"status": "planned"},
          _part("a-part-of-what-never-was", "part-that-was", "2026-02-03", "whole-planned")],
         "omop.visit_occurrence", "visit_occurrence_id", [(key("Encounter", "part-that-was"),)], ("f2o-060",)),
    Case("a-part-of-anothers-visit",
         [_part("a-part-of-anothers-visit", "not-theirs", "2026-02-03", "a-part-of-a-visit")],
         "omop.visit_occurrence", "visit_occurrence_id", [(key("Encounter", "not-theirs"),)]),
    Case("one-visit-after-another",
         [visit("one-visit-after-another", "the-first", "2026-01-05", "2026-01-05"),
          visit("one-visit-after-another", "the-second", "2026-02-03", "2026-02-03")],
         "omop.visit_occurrence", "visit_start_date::text, preceding_visit_occurrence_id",
         [("2026-01-05", None), ("2026-02-03", key("Encounter", "the-first"))]),
    Case("a-diagnosis-in-anothers-visit",
         [of("a-diagnosis-in-anothers-visit", "Condition", "dx-elsewhere", code=coded(ICD10, "I10"),
             recordedDate="2026-02-03", encounter=at("Encounter", "a-part-of-a-visit"))],
         "omop.condition_occurrence", "visit_occurrence_id", [(None,)]),
]  # fmt: skip

ENCOUNTERS = [*CLASSES, *TIMES, *LEFT_OUT, *STAYS, *PARTICIPANTS, *DETAILS]
