"""Patient, Practitioner, Organization and Location as bronze rows."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipelines.fhir.mapping.elements import identifier_alias
from pipelines.keys import derived_key
from tests.pipelines.fhir.synthetic import concept, excluded, key, mapped, patient

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
OMB = "urn:oid:2.16.840.1.113883.6.238"
MR = concept("http://terminology.hl7.org/CodeSystem/v2-0203", "MR")


def omb(name: str, *codes: str) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"url": "ombCategory", "valueCoding": {"system": OMB, "code": code}} for code in codes
    ]
    return {"url": f"{US_CORE}{name}", "extension": [*parts, {"url": "text", "valueString": "as told"}]}


def test_patient_becomes_person_identifiers_and_home() -> None:
    found = mapped(
        patient(
            identifier=[
                {"type": MR, "system": "urn:oid:1.2.3", "value": "100"},
                {"system": "http://hospital.example/mrn", "value": "A-7"},
                {"system": "http://hospital.example/mrn", "value": "A-7"},
                {"system": "http://no.value.example"},
            ],
            extension=[omb("us-core-race", "2106-3", "2054-5"), omb("us-core-ethnicity", "2186-5")],
            _birthDate={
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                        "valueDateTime": "1960-02-03T23:30:00-05:00",
                    }
                ]
            },
            deceasedDateTime="2024-12-31T23:59:59-05:00",
            address=[
                {"use": "home", "city": "Former", "period": {"end": "2001"}},
                {"use": "work", "city": "Office"},
                {
                    "use": "home",
                    "line": ["1 Way"],
                    "city": "Boston",
                    "district": "Suffolk",
                    "state": "MA",
                    "postalCode": "02101",
                    "country": "US",
                },
            ],
            generalPractitioner=[{"reference": "Practitioner/d1"}],
            managingOrganization={"reference": "Organization/h1"},
            name=[{"family": "Surname"}],
        )
    )
    assert set(found) == {"person", "person_identifier", "reference_alias", "location"}
    (person,) = found["person"]
    (home,) = found["location"]
    own = key("Patient", "p1")
    assert person == {
        "person_key": own,
        "resource_key": own,
        "source_system": "ehr",
        "known_at": None,
        "gender_source_value": "female",
        "sex_code": None,
        "year_of_birth": 1960,
        "month_of_birth": 2,
        "day_of_birth": 3,
        "birth_datetime": datetime(1960, 2, 3, 23, 30),
        "race_codings": [{"system": OMB, "code": "2106-3"}, {"system": OMB, "code": "2054-5"}],
        "ethnicity_codings": [{"system": OMB, "code": "2186-5"}],
        "deceased": True,
        "death_date": date(2024, 12, 31),
        "death_datetime": datetime(2024, 12, 31, 23, 59, 59),
        "location_key": home["location_key"],
        "provider_key": key("Practitioner", "d1"),
        "care_site_key": key("Organization", "h1"),
        "merged_into_person_key": None,
    }
    geography = ("city", "state", "zip", "county", "country")
    assert [home[name] for name in geography] == ["Boston", "MA", "02101", "Suffolk", "US"]
    assert "1 Way" not in str(found)
    assert "Surname" not in str(found)
    identifiers = [
        (i["assigning_authority"], i["identifier_value"], i["identifier_type"]) for i in found["person_identifier"]
    ]
    assert identifiers == [("1.2.3", "100", "MR"), ("http://hospital.example/mrn", "A-7", "")]
    assert len(found["reference_alias"]) == 2


@pytest.mark.parametrize(
    ("born", "parts"), [("1960", (1960, None, None)), ("1960-02", (1960, 2, None)), ("1960-02-03", (1960, 2, 3))]
)
def test_a_partial_birth_date_leaves_its_absent_parts_empty(born: str, parts: tuple[int | None, ...]) -> None:
    (person,) = mapped(patient(birthDate=born))["person"]
    assert (person["year_of_birth"], person["month_of_birth"], person["day_of_birth"]) == parts


def test_a_patient_without_birth_date_is_no_person() -> None:
    assert excluded({"resourceType": "Patient", "id": "p1"}) == "no_birth_date"


@pytest.mark.parametrize(
    ("parts", "deceased"), [({}, False), ({"deceasedBoolean": False}, False), ({"deceasedBoolean": True}, True)]
)
def test_death_without_a_date(parts: dict[str, Any], deceased: bool) -> None:
    (person,) = mapped(patient(**parts))["person"]
    assert (person["deceased"], person["death_date"]) == (deceased, None)


def test_birth_sex_stands_in_for_gender_only_where_that_is_absent() -> None:
    birth_sex = {"url": f"{US_CORE}us-core-birthsex", "valueCode": "M"}
    without = {"resourceType": "Patient", "id": "p1", "birthDate": "1960", "extension": [birth_sex]}
    assert mapped(without)["person"][0]["gender_source_value"] == "male"
    assert mapped(without | {"gender": "other"})["person"][0]["gender_source_value"] == "other"


@pytest.mark.parametrize(
    ("kind", "other", "merged_into", "replaced"),
    [
        ("replaced-by", "Patient/p2", "p2", None),
        ("replaces", "Patient/p2", None, "p2"),
        ("replaces", "http://server.example/Patient/p2/_history/3", None, "p2"),
        ("seealso", "Patient/p2", None, None),
        ("refer", "Patient/p2", None, None),
        ("replaced-by", "RelatedPerson/p2", None, None),
        ("replaces", "Patient/p1", None, None),
    ],
)
def test_only_replacing_links_to_other_patients_merge(
    kind: str, other: str, merged_into: str | None, replaced: str | None
) -> None:
    found = mapped(patient(link=[{"type": kind, "other": {"reference": other}}]))
    assert found["person"][0]["merged_into_person_key"] == (merged_into and key("Patient", merged_into))
    links = [(row["person_key"], row["replaced_person_key"]) for row in found.get("person_link", [])]
    assert links == ([(key("Patient", "p1"), key("Patient", replaced))] if replaced else [])


def test_a_record_that_was_merged_away_needs_no_birth_date() -> None:
    link = {"type": "replaced-by", "other": {"reference": "Patient/p2"}}
    (person,) = mapped({"resourceType": "Patient", "id": "p1", "active": False, "link": [link]})["person"]
    assert (person["year_of_birth"], person["merged_into_person_key"]) == (None, key("Patient", "p2"))


@pytest.mark.parametrize(
    ("value", "code"),
    [({"valueCode": "248152002"}, "248152002"), ({"valueCoding": {"code": "248153007"}}, "248153007"), ({}, None)],
)
def test_the_sex_care_goes_by_is_kept_beside_the_gender(value: dict[str, Any], code: str | None) -> None:
    (row,) = mapped(patient(extension=[{"url": f"{US_CORE}us-core-sex", **value}], gender="unknown"))["person"]
    assert (row["sex_code"], row["gender_source_value"]) == (code, "unknown")


def test_practitioner_becomes_a_provider_without_a_name() -> None:
    found = mapped(
        {
            "resourceType": "Practitioner",
            "id": "d1",
            "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "9999999999"}],
            "name": [{"family": "Surname"}],
            "gender": "male",
            "birthDate": "1970-05",
            "qualification": [{"code": concept("http://nucc.org/provider-taxonomy", "207R00000X")}],
        }
    )
    (provider,) = found["provider"]
    assert provider["provider_key"] == key("Practitioner", "d1")
    assert provider["npi"] == "9999999999"
    assert provider["gender_source_value"] == "male"
    assert provider["year_of_birth"] == 1970
    assert [coding["code"] for coding in provider["specialty_codings"]] == ["207R00000X"]
    (alias,) = found["reference_alias"]
    assert alias["alias_key"] == derived_key(
        "ehr", "Practitioner?identifier", "http://hl7.org/fhir/sid/us-npi|9999999999"
    )
    assert alias["resource_key"] == provider["provider_key"]
    assert "Surname" not in str(found)


def test_organization_becomes_a_care_site_with_its_address() -> None:
    found = mapped(
        {
            "resourceType": "Organization",
            "id": "h1",
            "name": "General Hospital",
            "type": [concept("http://terminology.hl7.org/CodeSystem/organization-type", "prov")],
            "partOf": {"reference": "Organization/h0"},
            "address": [{"city": "Boston", "state": "MA", "postalCode": "02101"}],
        }
    )
    (site,) = found["care_site"]
    (place,) = found["location"]
    assert site["care_site_key"] == key("Organization", "h1")
    assert site["care_site_name"] == "General Hospital"
    assert [coding["code"] for coding in site["place_of_service_codings"]] == ["prov"]
    assert site["parent_care_site_key"] == key("Organization", "h0")
    assert site["location_key"] == place["location_key"]
    assert (place["city"], place["state"], place["zip"]) == ("Boston", "MA", "02101")


def test_location_lies_within_its_part_of_else_its_organization() -> None:
    ward = {
        "resourceType": "Location",
        "id": "l1",
        "name": "Ward 3",
        "physicalType": concept("http://terminology.hl7.org/CodeSystem/location-physical-type", "wa"),
        "managingOrganization": {"reference": "Organization/h1"},
    }
    (site,) = mapped(ward)["care_site"]
    assert site["care_site_key"] == key("Location", "l1")
    assert [coding["code"] for coding in site["place_of_service_codings"]] == ["wa"]
    assert site["parent_care_site_key"] == key("Organization", "h1")
    assert site["location_key"] is None
    (site,) = mapped(ward | {"partOf": {"reference": "Location/l0"}})["care_site"]
    assert site["parent_care_site_key"] == key("Location", "l0")


def test_a_role_names_practitioner_place_and_specialty() -> None:
    nucc = "http://nucc.org/provider-taxonomy"
    found = mapped(
        {
            "resourceType": "PractitionerRole",
            "id": "r1",
            "identifier": [{"system": "urn:staff", "value": "7"}],
            "practitioner": {"reference": "Practitioner/d1"},
            "organization": {"reference": "Organization/h1"},
            "location": [{"reference": "Location/l1"}],
            "specialty": [concept(nucc, "207RC0000X"), concept(nucc, "208600000X")],
            "period": {"start": "2024-01-01", "end": "2025-02"},
        }
    )
    assert found["provider_role"] == [
        {
            "provider_role_key": key("PractitionerRole", "r1"),
            "provider_key": key("Practitioner", "d1"),
            "care_site_key": key("Organization", "h1"),
            "specialty_codings": [{"system": nucc, "code": "207RC0000X"}, {"system": nucc, "code": "208600000X"}],
            "is_active": True,
            "start_date": date(2024, 1, 1),
            "end_date": date(2025, 2, 28),
            "resource_key": key("PractitionerRole", "r1"),
            "source_system": "ehr",
            "known_at": datetime(2024, 1, 1, tzinfo=UTC),
        }
    ]
    assert [row["alias_key"] for row in found["reference_alias"]] == [
        identifier_alias("ehr", "PractitionerRole", "urn:staff", "7")
    ]


def test_a_role_without_anything_is_in_use_by_nobody() -> None:
    uuid = "5d2e1f0a-0000-4000-8000-000000000001"
    found = mapped({"resourceType": "PractitionerRole", "id": uuid, "location": [{"reference": "Location/l1"}]})
    (row,) = found["provider_role"]
    assert (row["provider_key"], row["care_site_key"], row["is_active"]) == (None, key("Location", "l1"), True)
    # A reference by urn:uuid: doesn't say that it means a role.
    assert [alias["alias_key"] for alias in found["reference_alias"]] == [key("Practitioner", uuid)]
    inactive = {"resourceType": "PractitionerRole", "id": "r1", "active": False}
    assert mapped(inactive)["provider_role"][0]["is_active"] is False
