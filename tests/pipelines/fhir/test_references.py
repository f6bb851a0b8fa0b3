"""FHIR references and dates as keys and local dates."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from pipelines.fhir.mapping.elements import (
    Context,
    identifier_alias,
    instant,
    local_date,
    local_datetime,
    reference_key,
)
from pipelines.fhir.reading import records
from tests.pipelines.fhir.synthetic import bundle, excluded, key, mapped, ndjson, observation, only_row

CONTEXT = Context("ehr", 1, "us-core")
NPI = "http://hl7.org/fhir/sid/us-npi"
UUID = "5d2e1f0a-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("Practitioner/d1", key("Practitioner", "d1")),
        ("Practitioner/d1/_history/2", key("Practitioner", "d1")),
        ("https://ehr.example.org/fhir/R4/Practitioner/d1", key("Practitioner", "d1")),
        ("https://ehr.example.org/fhir/R4/Practitioner/d1/_history/7", key("Practitioner", "d1")),
        (f"urn:uuid:{UUID}", key("Practitioner", UUID)),
        ("urn:oid:1.2.3", key("Practitioner", "1.2.3")),
        (f"Practitioner?identifier={NPI}|99", identifier_alias("ehr", "Practitioner", NPI, "99")),
        (
            f"https://ehr.example.org/fhir/Practitioner?identifier={NPI}|99",
            identifier_alias("ehr", "Practitioner", NPI, "99"),
        ),
        ("#contained", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_forms_of_a_reference(reference: str, expected: int | None) -> None:
    assert reference_key(CONTEXT, {"reference": reference}, "Practitioner") == expected


def test_a_logical_reference_is_an_alias() -> None:
    logical = {"identifier": {"system": NPI, "value": "99"}}
    assert reference_key(CONTEXT, logical, "Practitioner") == identifier_alias("ehr", "Practitioner", NPI, "99")
    assert reference_key(CONTEXT, {"display": "someone"}, "Practitioner") is None
    assert reference_key(CONTEXT, None, "Practitioner") is None


def test_a_conditional_reference_meets_the_alias_of_what_it_names() -> None:
    doctor = {"resourceType": "Practitioner", "id": "d1", "identifier": [{"system": NPI, "value": "99"}]}
    (alias,) = mapped(doctor)["reference_alias"]
    asked = {"reference": f"Practitioner?identifier={NPI}|99"}
    row = only_row(observation(valueInteger=1, performer=[asked]), "measurement")
    assert row["provider_key"] == alias["alias_key"]


def test_sources_never_share_keys() -> None:
    elsewhere = Context("other", 1, "us-core")
    reference = {"reference": "Patient/p1"}
    assert reference_key(CONTEXT, reference, "Patient") != reference_key(elsewhere, reference, "Patient")


def test_the_subject_must_be_a_patient() -> None:
    for subject in ({"reference": "Group/g1"}, {"reference": "Device/d1"}, {"reference": "#p"}, {"display": "x"}):
        assert excluded(observation(valueInteger=1, subject=subject)) == "no_patient"


def test_addresses_within_a_bundle_name_its_entries() -> None:
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "p1", "birthDate": "1960"},
        observation(subject={"reference": f"urn:uuid:{UUID}"}, valueInteger=1),
    ]
    whole = bundle(resources)
    whole["entry"][0]["fullUrl"] = f"urn:uuid:{UUID}"
    found = [record.resource for record in records((1, ndjson([whole])))]
    assert found[1] is not None
    assert found[1]["subject"]["reference"] == "Patient/p1"


def test_an_entry_without_id_takes_its_address() -> None:
    whole = bundle([{"resourceType": "Patient", "id": UUID, "birthDate": "1960"}])
    del whole["entry"][0]["resource"]["id"]
    (record,) = records((1, ndjson([whole])))
    assert record.resource is not None
    assert record.resource["id"] == UUID


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025", date(2025, 1, 1)),
        ("2025-02", date(2025, 2, 1)),
        ("2025-02-03", date(2025, 2, 3)),
        ("2025-02-03T23:59:59-11:00", date(2025, 2, 3)),
        ("2025-02-03T00:00:00+14:00", date(2025, 2, 3)),
        ("2025-02-30", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_local_dates_are_not_shifted(text: str | None, day: date | None) -> None:
    assert local_date(text) == day


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-02-03T23:59:59.5-11:00", datetime(2025, 2, 3, 23, 59, 59, 500000)),
        ("2025-02-03T10:00:00Z", datetime(2025, 2, 3, 10)),
        ("2025-02-03", None),
        ("2025-02-03T25:00:00Z", None),
    ],
)
def test_local_times_keep_what_the_clock_showed(text: str, time: datetime | None) -> None:
    assert local_datetime(text) == time


@pytest.mark.parametrize(
    ("texts", "moment"),
    [
        (("2025-02-03T23:00:00-05:00",), datetime(2025, 2, 4, 4, tzinfo=UTC)),
        ((None, "2025-02"), datetime(2025, 2, 1, tzinfo=UTC)),
        (("2025-02-30", "2025"), datetime(2025, 1, 1, tzinfo=UTC)),
        (("0001-01-01T00:00:00+14:00",), None),
        (("9999-12-31T23:00:00-05:00",), None),
        ((), None),
    ],
)
def test_instants_are_utc(texts: tuple[str | None, ...], moment: datetime | None) -> None:
    assert instant(*texts) == moment
