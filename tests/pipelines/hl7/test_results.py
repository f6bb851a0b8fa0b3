"""OBX of every value type, statuses, units, ranges; time stamps and coding systems."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pipelines.hl7.message import parse
from pipelines.hl7.results import results
from pipelines.hl7.values import Timestamp, coding, system_uri, timestamp
from resources.postgres import Database
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, rows

ORDER = "OBR|1||F1^LAB|24323-8^CMP^LN|||202603081030|||||||||||||||||LAB|F"


def columns(*observations: str) -> list[dict[str, Any]]:
    found = results(parse(message("ORU^R01", "20260308", ORDER, *observations)))
    return [{name: value for name, value in result.columns.items() if value is not None} for result in found]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("NM|1^A^LN||7.1", {"value_number": 7.1}),
        ("NM|1^A^LN||<0.5", {"value_number": 0.5, "value_operator": "<"}),
        ("NM|1^A^LN||pending", {"value_text": "pending"}),
        ("NM|1^A^LN||" + "9" * 400, {"value_text": "9" * 400}),
        ("SN|1^A^LN||>^100", {"value_number": 100.0, "value_operator": ">"}),
        ("SN|1^A^LN||^1^:^128", {"value_text": "1:128"}),
        ("SN|1^A^LN||=^5", {"value_number": 5.0}),
        (
            "CWE|1^A^LN||260385009^Negative^SCT^N^Neg^L",
            {
                "value_codings": [
                    {"system": "http://snomed.info/sct", "code": "260385009", "display": "Negative"},
                    {"system": "urn:hl7v2:L", "code": "N", "display": "Neg"},
                ],
                "value_text": "Negative",
            },
        ),
        ("CE|1^A^LN||^Yellow", {"value_text": "Yellow"}),
        ("ST|1^A^LN||a\\T\\b", {"value_text": "a&b"}),
        ("FT|1^A^LN||one\\.br\\two", {"value_text": "one\ntwo"}),
        ("TX|1^A^LN||one~two", {"value_text": "one\ntwo"}),
        ('NM|1^A^LN||""', {}),
    ],
)
def test_value_types(value: str, expected: dict[str, Any]) -> None:
    (found,) = columns(f"OBX|1|{value}||||||F")
    assert {name: value for name, value in found.items() if name.startswith("value")} == expected
    assert (found["status"], found["category"]) == ("final", "laboratory")
    assert found["codings"] == [{"system": "http://loinc.org", "code": "1", "display": "A"}]


@pytest.mark.parametrize("status", ["P", "I", "R", "S", "O"])
def test_results_that_are_not_final_are_no_rows(status: str) -> None:
    assert columns(f"OBX|1|NM|1^A^LN||7||||||{status}") == []


def test_documents_are_no_measurements() -> None:
    assert columns("OBX|1|ED|1^A^LN||^application^pdf^Base64^QUJD||||||F") == []


def test_units_ranges_and_interpretations() -> None:
    first, second, third = columns(
        "OBX|1|NM|1^A^LN||7|mmol/L^^UCUM|3.5-5.1|H~A|||F",
        "OBX|2|NM|2^B^LN||7|MG^milligrams^L|<5||||F",
        "OBX|3|NM|3^C^LN||7|mg/dL|>=60||||F",
    )
    assert (first["unit_code"], first["unit_source_value"]) == ("mmol/L", "mmol/L")
    assert (first["range_low"], first["range_high"]) == (3.5, 5.1)
    assert [one["code"] for one in first["interpretation_codings"]] == ["H", "A"]
    assert ("unit_code" in second, second["unit_source_value"], second["range_high"]) == (False, "milligrams", 5.0)
    assert (third["unit_code"], third["range_low"]) == ("mg/dL", 60.0)


def test_lines_of_one_text_join_and_repeated_numbers_stay_apart() -> None:
    found = columns(
        "OBX|1|TX|1^A^LN|1|first||||||F",
        "OBX|2|TX|1^A^LN|1|second||||||F",
        "OBX|3|NM|2^B^LN||5||||||F",
        "OBX|4|NM|2^B^LN||6||||||F",
    )
    assert [one.get("value_text", one.get("value_number")) for one in found] == ["first\nsecond", 5.0, 6.0]


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_a_correction_replaces_and_a_withdrawal_removes(ingest: Ingest, db: Database, status: str) -> None:
    observation = "OBX|1|NM|2345-7^Glucose^LN||{}|mg/dL^^UCUM|||||{}|||202603081000"
    ingest(message("ORU^R01", "20260308", ORDER, observation.format(95, "F"), "OBX|2|NM|2^B^LN||1||||||F"))
    first = rows(db, "measurement", order="code_text DESC")[0]
    assert (first["measurement_datetime"], first["status"]) == (datetime(2026, 3, 8, 10), "final")
    ingest(message("ORU^R01", "20260309", ORDER, observation.format(96, "C")))
    other, corrected = rows(db, "measurement", order="code_text")
    assert (float(corrected["value_number"]), corrected["status"]) == (96.0, "corrected")
    assert corrected["measurement_key"] == first["measurement_key"]
    assert other["measurement_datetime"] == datetime(2026, 3, 8, 10, 30)
    ingest(message("ORU^R01", "20260310", ORDER, observation.format("", status)))
    assert [row["code_text"] for row in rows(db, "measurement")] == ["B"]


def test_a_result_alone_makes_a_person_until_admissions_tell_more(ingest: Ingest, db: Database) -> None:
    ingest(message("ORU^R01", "20260308", ORDER, "OBX|1|NM|1^A^LN||7||||||F"))
    assert [p["gender_source_value"] for p in rows(db, "person")] == ["female"]
    patient = "PID|1||100^^^HOSP&urn:oid:1.2.3&ISO^MR||X||19610203|M"
    ingest(message("ADT^A28", "20200101", patient=patient))
    assert [(p["gender_source_value"], p["year_of_birth"]) for p in rows(db, "person")] == [("male", 1961)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026", Timestamp(date(2026, 1, 1), None, 4, None)),
        ("202603", Timestamp(date(2026, 3, 1), None, 6, None)),
        ("20260308", Timestamp(date(2026, 3, 8), None, 8, None)),
        ("2026030810", Timestamp(date(2026, 3, 8), datetime(2026, 3, 8, 10), 8, None)),
        (
            "20260308103015.25-0500",
            Timestamp(date(2026, 3, 8), datetime(2026, 3, 8, 10, 30, 15, 250000), 8, timedelta(hours=-5)),
        ),
        ("20260308240000", None),
        ("00000000", None),
        ("20260230", None),
        ("UNKNOWN", None),
        ("20260308+2500", None),
    ],
)
def test_time_stamps_of_every_precision(text: str, expected: Timestamp | None) -> None:
    assert timestamp(text) == expected


def test_the_last_day_of_the_calendar_is_an_instant() -> None:
    found = timestamp("99991231235959-0500")
    assert found is not None
    assert found.instant(UTC).year == 9999


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("LN", "http://loinc.org"),
        ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("ICD-10-CM", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("SCT", "http://snomed.info/sct"),
        ("99LAB", "urn:hl7v2:99LAB"),
    ],
)
def test_coding_systems(name: str, uri: str) -> None:
    assert system_uri(name) == uri


def test_a_coding_has_no_absent_parts() -> None:
    assert coding("1", "", "") == {"code": "1"}
    assert coding("", "name", "LN") is None
