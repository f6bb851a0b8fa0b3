"""What CMS's Coverages say of entitlement, as Blue Button writes them, becomes rows with a day and an answer."""

from datetime import date
from typing import Any

from pipelines.keys import derived_key
from tests.pipelines.fhir.synthetic import Resource, key, mapped

CMS = "https://bluebutton.cms.gov/resources/variables"


def variable(name: str, code: str, display: str | None = None) -> Resource:
    coding = {"system": f"{CMS}/{name}", "code": code} | ({"display": display} if display else {})
    return {"url": f"{CMS}/{name}", "valueCoding": coding}


def year(text: str) -> Resource:
    return {"url": f"{CMS}/rfrnc_yr", "valueDate": text}


def part(letter: str = "A", *said: Resource, **parts: Any) -> Resource:
    """A Coverage of one part of Medicare."""

    def of_class(kind: str, value: str) -> Resource:
        system = "http://terminology.hl7.org/CodeSystem/coverage-class"
        return {"type": {"coding": [{"system": system, "code": kind}]}, "value": value}

    return {
        "resourceType": "Coverage",
        "id": f"part-{letter.lower()}-1",
        "extension": list(said),
        "status": "active",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SUBSIDIZ"}]},
        "subscriberId": "1S00E00AA00",
        "beneficiary": {"reference": "Patient/p1"},
        "relationship": {"coding": [{"code": "self"}]},
        "period": {"start": "2014-02-06"},
        "payor": [{"identifier": {"value": "Centers for Medicare and Medicaid Services"}}],
        "class": [of_class("group", "Medicare"), of_class("plan", f"Part {letter}")],
        **parts,
    }


def said(resource: Resource) -> dict[str, tuple[date | None, str]]:
    """Of each variable the day and the code of the answer."""
    return {
        row["codings"][0]["code"]: (row["measurement_date"], row["value_codings"][0]["code"])
        for row in mapped(resource).get("measurement", [])
    }


def test_an_answer_is_a_row_with_its_variable() -> None:
    resource = part("A", variable("orec", "1", "Disability insurance benefits (DIB)"))
    (row,) = mapped(resource)["measurement"]
    assert row == {
        "measurement_key": derived_key(str(key("Coverage", "part-a-1")), "entitlement", "orec"),
        "resource_key": key("Coverage", "part-a-1"),
        "source_system": "ehr",
        "known_at": row["known_at"],
        "person_key": key("Patient", "p1"),
        "codings": [{"system": CMS, "code": "orec", "display": "Original reason for entitlement"}],
        "code_text": "Original reason for entitlement",
        "category": "coverage",
        "categories": ["coverage"],
        "status": "final",
        "measurement_date": date(2014, 2, 6),
        "value_codings": [
            {"system": f"{CMS}/orec", "code": "1", "display": "Disability insurance benefits (DIB)"},
        ],
        "value_text": "Disability insurance benefits (DIB)",
        "has_effective_time": True,
    }  # fmt: skip


def test_each_variable_has_its_day() -> None:
    months = [variable(f"dual_{month:02d}", "NA") for month in range(1, 13)]
    months += [variable(f"buyin{month:02d}", "3") for month in range(1, 13)]
    resource = part("A", year("2025"), variable("crec", "0"), variable("esrd_ind", "0"), variable("orec", "1"), *months)
    expected = {"orec": (date(2014, 2, 6), "1"), "crec": (date(2025, 1, 1), "0"), "esrd_ind": (date(2025, 1, 1), "0")}
    expected |= {f"dual_{month:02d}": (date(2025, month, 1), "NA") for month in range(1, 13)}
    expected |= {f"buyin{month:02d}": (date(2025, month, 1), "3") for month in range(1, 13)}
    assert said(resource) == expected
    # A reference year may be a whole date.
    resource["extension"][0] = year("2025-05-31")
    assert said(resource) == expected


def test_without_a_reference_year_nobody_knows_the_month() -> None:
    resource = part("B", variable("crec", "0"), variable("dual_03", "02"))
    assert said(resource) == {"crec": (date(2014, 2, 6), "0"), "dual_03": (None, "02")}


def test_what_is_no_variable_of_entitlement_makes_no_row() -> None:
    others = [
        variable("ms_cd", "10"), variable("dual_13", "02"), variable("buyin00", "3"), variable("hmo_ind_01", "1"),
        {"url": f"{CMS}/orec", "valueString": "1"}, {"url": f"{CMS}/crec", "valueCoding": {"display": "unknown"}},
        {"url": "http://example.org/orec", "valueCoding": {"code": "1"}},
    ]  # fmt: skip
    assert "measurement" not in mapped(part("C", year("2025"), *others))
    assert "measurement" not in mapped(part("C"))


def test_the_plan_is_the_part_of_medicare_and_no_number_of_a_member() -> None:
    (row,) = mapped(part("B"))["payer_plan_period"]
    assert (row["plan_name"], row["start_date"]) == ("Part B", date(2014, 2, 6))
    resource = part("B")
    resource["class"][1]["value"] = "Part B-12345"
    (row,) = mapped(resource)["payer_plan_period"]
    assert row["plan_name"] is None
    resource["class"][1]["name"] = "Gold"
    (row,) = mapped(resource)["payer_plan_period"]
    assert row["plan_name"] == "Gold"
