"""Golden cases of Patient: person, death, location, observation_period."""

from typing import Any

from tests.dbt_project.golden.case import AS_OF, ASPIRIN, Case, Resource, at, key, left_out, order
from tests.dbt_project.population import ICD10, LOINC, coded, condition, of, patient, result, visit

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
OMB = "urn:oid:2.16.840.1.113883.6.238"
_NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
_PERSON = (
    "gender_concept_id, gender_source_value, year_of_birth, month_of_birth, day_of_birth, birth_datetime::text, "
    "race_concept_id, race_source_value, ethnicity_concept_id, ethnicity_source_value"
)
_WOMAN, _BORN, _UNTOLD = (8532, "female"), (1960, 4, 12, None), (0, None)


def omb(name: str, *codes: str, url: str = "ombCategory") -> Resource:
    """A race or ethnicity extension of US Core; codes of null flavours are of that code system."""
    systems = [_NULL_FLAVOR if code in ("UNK", "ASKU") else OMB for code in codes]
    parts: list[Resource] = [
        {"url": url, "valueCoding": {"system": system, "code": code}}
        for system, code in zip(systems, codes, strict=True)
    ]
    return {"url": f"{US_CORE}{name}", "extension": [*parts, {"url": "text", "valueString": "as told"}]}


def _who(name: str, told: tuple[Any, ...], *requirements: str, **elements: Any) -> Case:
    return Case(name, [], "omop.person", _PERSON, [told], requirements, elements)


def _raced(name: str, concept: int, source: str | None, *extensions: Resource) -> Case:
    return _who(name, (*_WOMAN, *_BORN, concept, source, *_UNTOLD), "f2o-033", extension=list(extensions))


def _of_ethnicity(name: str, concept: int, code: str) -> Case:
    told = (*_WOMAN, *_BORN, *_UNTOLD, concept, code)
    return _who(name, told, "f2o-033", extension=[omb("ethnicity", code)])


_REST = (*_BORN, *_UNTOLD, *_UNTOLD)
_BIRTH_TIME = {
    "extension": [
        {
            "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
            "valueDateTime": "1960-04-12T23:30:00-05:00",
        }
    ]
}
_MALE_AT_BIRTH = {"url": f"{US_CORE}birthsex", "valueCode": "M"}
_FEMALE_AT_BIRTH = {"url": f"{US_CORE}birthsex", "valueCode": "F"}
_UNKNOWN_AT_BIRTH = {"url": f"{US_CORE}birthsex", "valueCode": "UNK"}

DEMOGRAPHICS = [
    _who("a-woman", (*_WOMAN, *_REST), "f2o-033"),
    _who("a-man", (8507, "male", *_REST), gender="male"),
    # No standard concept of the Gender domain says either.
    _who("another-gender", (0, "other", *_REST), "f2o-031", "f2o-032", gender="other"),
    _who("an-unknown-gender", (0, "unknown", *_REST), "f2o-032", gender="unknown"),
    _who("no-gender", (0, None, *_REST), "f2o-011", gender=None),
    _who("a-birth-sex-without-a-gender", (8507, "male", *_REST), gender=None, extension=[_MALE_AT_BIRTH]),
    _who("a-birth-sex-beside-a-gender", (0, "other", *_REST), gender="other", extension=[_FEMALE_AT_BIRTH]),
    _who("an-unknown-birth-sex", (0, None, *_REST), gender=None, extension=[_UNKNOWN_AT_BIRTH]),
    _who("born-in-a-year", (*_WOMAN, 1960, None, None, None, *_UNTOLD, *_UNTOLD), birthDate="1960"),
    _who("born-in-a-month", (*_WOMAN, 1960, 4, None, None, *_UNTOLD, *_UNTOLD), birthDate="1960-04"),
    _who(
        "born-at-a-time", (*_WOMAN, 1960, 4, 12, "1960-04-12 23:30:00", *_UNTOLD, *_UNTOLD), "f2o-073",
        _birthDate=_BIRTH_TIME,
    ),
    _raced("white", 8527, "2106-3", omb("race", "2106-3")),
    _raced("black", 8516, "2054-5", omb("race", "2054-5")),
    _raced("asian", 8515, "2028-9", omb("race", "2028-9")),
    _raced("native-american", 8657, "1002-5", omb("race", "1002-5")),
    _raced("pacific-islander", 8557, "2076-8", omb("race", "2076-8")),
    _raced("two-races", 1546847, "2054-5,2106-3", omb("race", "2106-3", "2054-5")),
    _raced("a-race-and-an-unknown", 8527, "2106-3,UNK", omb("race", "2106-3", "UNK")),
    _raced("the-same-race-twice", 8527, "2106-3", omb("race", "2106-3", "2106-3")),
    _raced("a-race-not-told", 0, "ASKU", omb("race", "ASKU")),
    # What is finer than the five categories has no concept of its own here.
    _raced("a-race-in-detail-only", 0, None, omb("race", "2034-7", url="detailed")),
    _of_ethnicity("hispanic", 38003563, "2135-2"),
    _of_ethnicity("not-hispanic", 38003564, "2186-5"),
    _of_ethnicity("an-ethnicity-not-told", 0, "UNK"),
    _who(
        "race-and-ethnicity", (*_WOMAN, *_BORN, 8516, "2054-5", 38003563, "2135-2"),
        extension=[omb("ethnicity", "2135-2"), omb("race", "2054-5")],
    ),
    Case(
        "a-pseudonym", [], "omop.person", "person_source_value = person_id::text, person_id",
        [(True, key("Patient", "a-pseudonym"))], ("f2o-020", "f2o-021"),
    ),
    Case(
        "born-nobody-knows-when", [], "bronze.resource", "outcome", [("no_birth_date",)], ("f2o-070", "f2o-062"),
        {"birthDate": None}, of=("resource_key", key("Patient", "born-nobody-knows-when")),
    ),
    Case(
        "what-is-known-of-one-without-a-birth-date",
        [condition("what-is-known-of-one-without-a-birth-date", "ageless", coded(ICD10, "I10"), "problem-list-item")],
        "omop.dropped_row", "bronze_table, reason", [("condition_occurrence", "no_person")], ("f2o-062",),
        {"birthDate": None}, of=("bronze_key", key("Condition", "ageless")),
    ),
]  # fmt: skip

_DEATH = "death_date::text, death_datetime::text, death_type_concept_id, cause_concept_id"


def _dead(name: str, expected: list[tuple[Any, ...]], *requirements: str, **elements: Any) -> Case:
    return Case(name, [], "omop.death", _DEATH, expected, requirements, elements)


DEATHS = [
    _dead(
        "died-at-a-time", [("2026-02-03", "2026-02-03 23:30:00", 32817, 0)], "f2o-050", "f2o-073",
        deceasedDateTime="2026-02-03T23:30:00-05:00",
    ),
    _dead("died-on-a-day", [("2026-02-03", None, 32817, 0)], deceasedDateTime="2026-02-03"),
    _dead("died-in-a-year", [("2024-01-01", None, 32817, 0)], "f2o-071", deceasedDateTime="2024"),
    _dead("died-nobody-says-when", [], "f2o-070", deceasedBoolean=True),
    _dead("alive", [], deceasedBoolean=False),
    Case(
        "died-nobody-knows-when", [], "omop.dropped_row", "bronze_table, reason", [("death", "deceased_without_date")],
        ("f2o-062",), {"deceasedBoolean": True}, of=("bronze_key", key("Patient", "died-nobody-knows-when")),
    ),
]  # fmt: skip

_HOME = "omop.person INNER JOIN omop.location USING (location_id)"


def _lives(name: str, city: str | None, *addresses: Resource, updated: str | None = None) -> Case:
    elements = {"address": list(addresses)} | ({"meta": {"lastUpdated": updated}} if updated else {})
    return Case(name, [], _HOME, "city", [(city,)] if city else [], ("f2o-022",), elements)


def _address(city: str, use: str | None = None, **parts: Any) -> Resource:
    return {"city": city, **({"use": use} if use else {}), **parts}


_STREET = {
    "use": "home", "line": ["1 Elm Way"], "city": "Salem", "district": "Essex", "state": "MA", "postalCode": "01970",
    "country": "US", "text": "1 Elm Way, Salem",
}  # fmt: skip

ADDRESSES = [
    Case(
        "an-address-without-its-street", [], _HOME,
        "city, address_1, address_2, county, state, zip, country_source_value, location_source_value",
        [("Salem", None, None, "Essex", "MA", "01970", "US", None)], ("f2o-022",), {"address": [_STREET]},
    ),
    _lives("at-home-and-at-work", "Lynn", _address("Office", "work"), _address("Lynn", "home")),
    _lives("at-work-only", "Office", _address("Office", "work")),
    _lives("an-address-without-a-use", "Lynn", _address("Lynn")),
    _lives("moved", "Lynn", _address("Gone", "home", period={"end": "2001-01-01"}), _address("Lynn", "home")),
    _lives("an-old-address-without-an-end", "Lynn", _address("Gone", "old"), _address("Lynn", "temp")),
    _lives("an-old-address-only", None, _address("Gone", "old")),
    _lives("an-address-that-is-over", None, _address("Gone", "home", period={"end": "2001-01-01"})),
    # Compared with the day the source last knew.
    _lives(
        "an-address-that-ends-one-day", "Lynn", _address("Lynn", "home", period={"end": "2099-12-31"}),
        updated="2026-01-01T00:00:00Z",
    ),
    _lives(
        "an-address-to-come", "Lynn", _address("Next", "home", period={"start": "2027-01-01"}),
        _address("Lynn", "home"), updated="2026-01-01T00:00:00Z",
    ),
    _lives("nowhere", None),
]  # fmt: skip


def _cared_for(name: str, column: str, expected: int | None, **elements: Any) -> Case:
    return Case(name, [], "omop.person", column, [(expected,)], (), elements)


_DR, _CENTRE = key("Practitioner", "dr-heart"), key("Organization", "heart-centre")

CARE = [
    _cared_for("a-doctor", "provider_id", _DR, generalPractitioner=[at("Practitioner", "dr-heart")]),
    _cared_for("a-doctor-by-role", "provider_id", _DR, generalPractitioner=[at("PractitionerRole", "heart-role")]),
    _cared_for(
        "a-practice-before-the-doctor", "provider_id", _DR,
        generalPractitioner=[at("Organization", "heart-centre"), at("Practitioner", "dr-heart")],
    ),
    _cared_for(
        "a-practice-without-a-doctor", "provider_id", None, generalPractitioner=[at("Organization", "heart-centre")]
    ),
    _cared_for("registered", "care_site_id", _CENTRE, managingOrganization=at("Organization", "heart-centre")),
    _cared_for("registered-nowhere-we-know", "care_site_id", None, managingOrganization=at("Organization", "gone")),
    _cared_for(
        "registered-by-identifier", "care_site_id", _CENTRE,
        managingOrganization={"reference": "Organization?identifier=urn:sites|1"},
    ),
]  # fmt: skip

_PERIOD = "observation_period_start_date::text, observation_period_end_date::text, period_type_concept_id"


def _observed(name: str, expected: list[tuple[Any, ...]], *resources: Resource) -> Case:
    return Case(name, list(resources), "omop.observation_period", _PERIOD, expected, ("f2o-070",))


_SUPPLY = {"expectedSupplyDuration": {"value": 90, "code": "d"}}

PERIODS = [
    _observed(
        "observed", [("2026-02-03", "2026-05-06", 32817)],
        visit("observed", "first-seen", "2026-02-03", "2026-02-04"),
        result("observed", "last-seen", "4548-4", "2026-05-06", 7, "%"),
    ),
    _observed("observed-once", [("2026-05-06", "2026-05-06", 32817)],
              result("observed-once", "seen-once", "4548-4", "2026-05-06", 7, "%")),
    # A supply that lasts is not an observation.
    _observed("supplied-for-long", [("2026-10-01", AS_OF, 32817)],
              order("supplied-for-long", authoredOn="2026-10-01", dispenseRequest=_SUPPLY, **ASPIRIN)),
    _observed("never-observed", []),
]  # fmt: skip

MERGES = [
    Case(
        "merged-with-another-record",
        [
            patient("former-record", "1960-04-12", "MRN-former",
                    link=[{"other": at("Patient", "merged-with-another-record"), "type": "replaced-by"}]),
            result("former-record", "of-former", "4548-4", "2026-02-03", 7, "%"),
        ],
        "omop.measurement", "measurement_id", [(key("Observation", "of-former"),)], ("f2o-023",),
    ),
    Case(
        "see-also-another-record",
        [
            patient("other-record", "1960-04-12", "MRN-other",
                    link=[{"other": at("Patient", "see-also-another-record"), "type": "seealso"}]),
            result("other-record", "of-other", "4548-4", "2026-02-03", 7, "%"),
        ],
        "omop.measurement", "measurement_id", [],
    ),
    left_out("about-a-group", {**of("", "Observation", "", status="final", code=coded(LOINC, "4548-4"), valueInteger=7),
                               "subject": at("Group", "g1")}, "no_patient", "f2o-062"),
]  # fmt: skip

PEOPLE = [*DEMOGRAPHICS, *DEATHS, *ADDRESSES, *CARE, *PERIODS, *MERGES]
