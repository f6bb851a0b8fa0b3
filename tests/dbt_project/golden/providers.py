"""Golden cases of practitioners, their roles, organisations and places."""

from typing import Any

from tests.dbt_project.golden.case import SNOMED, TERMS, Case, Resource, at, key, told
from tests.dbt_project.golden.orders import HOSPICE, service
from tests.dbt_project.golden.vocabulary import CARDIOLOGY, HOSPITAL
from tests.dbt_project.population import LOINC, coded, of

NUCC = "http://nucc.org/provider-taxonomy"
ROLE_UUID = "5d2e1f0a-0000-4000-8000-00000000000a"


def practitioner(identity: str, **parts: Any) -> Resource:
    return {"resourceType": "Practitioner", "id": identity, **parts}


def role(name: str, of_whom: str, specialty: str | None = None, **parts: Any) -> Resource:
    found = {"specialty": [coded(NUCC, specialty)]} if specialty else {}
    whom = {"reference": f"Practitioner/{of_whom}"}
    return {"resourceType": "PractitionerRole", "id": name, "practitioner": whom, **found, **parts}


def organization(identity: str, **parts: Any) -> Resource:
    return {"resourceType": "Organization", "id": identity, **parts}


def location(identity: str, **parts: Any) -> Resource:
    return {"resourceType": "Location", "id": identity, **parts}


STAFF = [
    organization("heart-centre", name="Heart Centre", identifier=[{"system": "urn:sites", "value": "1"}]),
    practitioner("dr-heart", identifier=[{"system": "urn:staff", "value": "heart-doctor"}]),
    location("ward", name="Ward 4E", managingOrganization=at("Organization", "heart-centre"),
             identifier=[{"system": "urn:rooms", "value": "W"}]),
    location("intensive-care", name="Intensive care", partOf=at("Location", "ward")),
    role("heart-role", "dr-heart", "207RC0000X", organization={"reference": "Organization/heart-centre"},
         identifier=[{"system": "urn:staff", "value": "heart"}]),
    role(ROLE_UUID, "dr-heart"),
    role("heart-role-over", "dr-heart", "208600000X", active=False),
    role("heart-role-past", "dr-heart", "208600000X", period={"start": "2019-01-01", "end": "2020-12-31"}),
    practitioner("dr-degree", qualification=[{"code": coded(NUCC, "208600000X")}]),
    role("degree-role", "dr-degree", organization={"reference": "Organization/heart-centre"}),
    role("nobody-role", "dr-who-never-came", "207RC0000X"),
]  # fmt: skip


def _by(reference: Resource, name: str, expected: str | None) -> Case:
    given = [service(name, HOSPICE, requester=reference)]
    provider = key("Practitioner", expected) if expected else None
    return Case(name, given, "omop.observation", "provider_id", [(provider,)])


PROVIDERS = [
    _by({"reference": "Practitioner/dr-heart"}, "by-a-practitioner", "dr-heart"),
    _by({"reference": "PractitionerRole/heart-role"}, "by-a-role", "dr-heart"),
    _by({"reference": "PractitionerRole/heart-role-over"}, "by-a-role-that-is-over", "dr-heart"),
    _by({"reference": "PractitionerRole?identifier=urn:staff|heart"}, "by-the-identifier-of-a-role", "dr-heart"),
    _by({"reference": f"urn:uuid:{ROLE_UUID}"}, "by-the-uuid-of-a-role", "dr-heart"),
    _by({"reference": "PractitionerRole/nobody-role"}, "by-a-role-of-nobody-we-know", None),
]


_PROVIDER = (
    "npi, specialty_concept_id, specialty_source_value, year_of_birth, gender_concept_id, gender_source_value, "
    "provider_name, dea, provider_source_value = provider_id::text"
)
_SITE = (
    "care_site_name, place_of_service_concept_id, place_of_service_source_value, location_id IS NULL, "
    "care_site_source_value = care_site_id::text"
)
_NPI = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "9999999999"}
_ADDRESS = {"line": ["1 Elm Way"], "city": "Salem", "state": "MA", "postalCode": "01970", "country": "US"}


def _somebody(identity: str, *expected: Any, **parts: Any) -> Case:
    of = ("provider_id", key("Practitioner", identity))
    found = [practitioner(identity, **parts)]
    return Case(identity, found, "omop.provider", _PROVIDER, [(*expected, None, None, True)], ("f2o-022",), of=of)


def _site(resource: Resource, *expected: Any, columns: str = _SITE, table: str = "omop.care_site") -> Case:
    name = resource["id"]
    of = ("care_site_id", key(resource["resourceType"], name))
    return Case(name, [resource], table, columns, [expected], ("f2o-020",), of=of)


_NOBODY = (0, None)

SITES = [
    _somebody("dr-known", "9999999999", CARDIOLOGY, "207RC0000X", 1970, 8507, "male", identifier=[_NPI], gender="male",
              birthDate="1970-05", qualification=[{"code": coded(NUCC, "207RC0000X")}], name=[{"family": "Surname"}]),
    _somebody("dr-unknown", None, *_NOBODY, None, *_NOBODY),
    _somebody("dr-of-another-number", None, *_NOBODY, None, 8532, "female", gender="female",
              identifier=[{"system": "urn:badges", "value": "77"}]),
    _somebody("dr-of-a-rare-specialty", None, 0, "X", None, *_NOBODY,
              qualification=[{"code": coded("urn:local", "X")}]),
    _site(organization("a-clinic", name="Clinic"), "Clinic", *_NOBODY, True, True),
    _site(organization("a-hospital", name="Hospital", type=[coded(SNOMED, "22232009")], address=[_ADDRESS],
                       identifier=[{"system": "urn:sites", "value": "2"}]),
          "Hospital", HOSPITAL, "22232009", False, True),
    _site(organization("a-nameless-place", type=[told("prov", "organization-type")]), None, 0, "prov", True, True),
    _site(location("a-room", name="Room 1", physicalType=coded(f"{TERMS}location-physical-type", "ro")),
          "Room 1", 0, "ro", True, True),
    _site(location("a-room-of-a-type", name="Room 2", type=[coded(SNOMED, "22232009")],
                   physicalType=coded(f"{TERMS}location-physical-type", "ro")),
          "Room 2", HOSPITAL, "22232009", True, True),
    _site(organization("a-place-with-an-address", address=[_ADDRESS]), "Salem", None, "01970", "MA", "US",
          columns="city, address_1, zip, state, country_source_value",
          table="omop.care_site INNER JOIN omop.location USING (location_id)"),
]  # fmt: skip


def _in_care(name: str, expected: list[int], *resources: Resource) -> Case:
    """In whose care the person is: who may see the record."""
    return Case(name, list(resources), "access.person_scope", "scope_id", [(scope,) for scope in expected])


_DR, _CENTRE = key("Practitioner", "dr-heart"), key("Organization", "heart-centre")


def _team(person: str, status: str, **parts: Any) -> Resource:
    members = [{"member": at("Practitioner", "dr-heart")}, {"member": at("Patient", person)}]
    return of(person, "CareTeam", f"{person}-team", status=status, participant=members, **parts)


TEAMS = [
    _in_care("a-team", [key("CareTeam", "a-team-team"), _DR], _team("a-team", "active")),
    _in_care("a-team-of-a-centre", [key("CareTeam", "a-team-of-a-centre-team"), _DR, _CENTRE],
             _team("a-team-of-a-centre", "active", managingOrganization=[at("Organization", "heart-centre")])),
    *(_in_care(f"a-team-{status}", [], _team(f"a-team-{status}", status))
      for status in ("proposed", "suspended", "inactive", "entered-in-error")),
    _in_care("a-team-that-is-over", [], _team("a-team-that-is-over", "active", period={"end": "2020-12"})),
    _in_care("a-team-to-come", [], _team("a-team-to-come", "active", period={"start": "2099-01-01"})),
]  # fmt: skip


def _agreed(name: str, *expected: Any, status: str = "active", **parts: Any) -> Case:
    given: Resource = {
        "resourceType": "Consent", "id": name, "patient": at("Patient", name), "status": status,
        "scope": told("patient-privacy", "consentscope"), "dateTime": "2026-02-03T10:00:00Z",
        "category": [coded(LOINC, "59284-0")], "policyRule": told("OPTIN", "v3-ActCode"), **parts,
    }  # fmt: skip
    of = ("person_key", key("Patient", name))
    found = [expected] if expected else []
    return Case(name, [given], "bronze.consent", "status, consent_date::text", found, ("f2o-060",), of=of)


CONSENTS = [
    *(_agreed(f"a-consent-{status}", status, "2026-02-03", status=status)
      for status in ("active", "inactive", "rejected", "proposed", "draft")),
    _agreed("a-consent-in-error", status="entered-in-error"),
    _agreed("a-consent-of-unknown-rules", modifierExtension=[{"url": "http://example.org/x", "valueBoolean": True}]),
]  # fmt: skip

PLACES = [*PROVIDERS, *SITES, *TEAMS, *CONSENTS]
