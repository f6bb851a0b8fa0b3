"""Section 3 of the checklist, fields and types: one test a line."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.hl7 import ingest_hl7
from pipelines.hl7.events import read_event
from pipelines.hl7.policy import Policy
from pipelines.hl7.values import timestamp
from resources.postgres import Database, Role
from resources.settings import Settings, load_settings
from tests.pipelines.hl7.adt.fold import doubts, fold, patient, person, places, stay, visits
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, rows, visit

T = datetime
MAP = Path(__file__).parents[4] / "dbt_project" / "seeds" / "omop" / "source_to_concept_map.csv"
ADMIT = message("ADT^A01", "20260301100000", visit(location="3E^1^A", f36="01", f45="20260302100000"))


def test_3_01_empty_is_no_change_and_two_quotes_delete() -> None:
    empty = message("ADT^A08", "20260303100000", visit(location="3E^1^A", f36="", f45=""), patient=patient(fields="||"))
    tables = fold(ADMIT, empty)
    assert (tables["person"][0]["year_of_birth"], stay(tables)[1:]) == (1960, (T(2026, 3, 2, 10), "01"))
    deleted = message(
        "ADT^A08", "20260303100000", visit(location="3E^1^A", f36='""', f45='""'), patient=patient(fields='||""')
    )
    tables = fold(ADMIT, deleted)
    assert (tables["person"][0]["year_of_birth"], stay(tables)[1:]) == (None, (None, None))
    left = message("ADT^A03", "20260302100000", visit(location="3E^1^A"))
    assert places(fold(ADMIT, left, deleted)) == [("3E^1^A", T(2026, 3, 1, 10), None)]


def test_3_02_in_snapshot_mode_too_a_segment_that_is_absent_is_no_change() -> None:
    first = message("ADT^A01", "20260301", visit(), "AL1|1|DA|1^A^L", "AL1|2|DA|2^B^L", "DG1|1||I10^H^I10C")
    fewer = message("ADT^A08", "20260302", visit(), "AL1|1|DA|2^B^L")
    none = message("ADT^A08", "20260303", visit())

    def told(*messages: bytes, snapshot: bool) -> tuple[list[Any], int]:
        tables = fold(*messages, snapshot=snapshot)
        return sorted(row["code_text"] for row in tables["observation"]), len(tables["condition_occurrence"])

    assert told(first, fewer, none, snapshot=False) == (["A", "B"], 1)
    assert told(first, fewer, none, snapshot=True) == (["B"], 1)
    assert told(first, none, snapshot=True) == (["A", "B"], 1)


def test_3_03_the_persons_key_is_chosen_by_type_and_authority_and_all_numbers_are_kept() -> None:
    numbers = "999^^^SSA^SS~77^^^INS^AN~55^^^CLINIC^PI~100^^^HOSP^MR~8^^^LAB^XX"
    body = message("ADT^A28", "20260301", patient=f"PID|1||{numbers}||DOE")
    tables = fold(body)
    assert [row["person_key"] for row in tables["person"]] == [person("100", "HOSP")]
    assert sorted((row["identifier_value"], row["identifier_type"]) for row in tables["person_identifier"]) == [
        ("100", "MR"),
        ("55", "PI"),
        ("77", "AN"),
        ("8", "XX"),
        ("999", "SS"),
    ]
    asked = fold(body, patient_authorities=("LAB",))
    assert [row["person_key"] for row in asked["person"]] == [person("8", "LAB")]
    for numbers, key in (("999^^^SSA^SS~77^^^INS^AN~8^^^LAB^XX", ("8", "LAB")), ("77^^^INS^AN", ("77", "INS"))):
        tables = fold(message("ADT^A28", "20260301", patient=f"PID|1||{numbers}"))
        assert [row["person_key"] for row in tables["person"]] == [person(*key)]
    with pytest.raises(ValueError, match="no_patient_identifier"):
        fold(message("ADT^A28", "20260301", patient="PID|1||999^^^SSA^SS"))
    unnamed = fold(message("ADT^A28", "20260301", patient="PID|1||100"))
    assert [row["person_key"] for row in unnamed["person"]] == [person("100", "HOSP")]


def test_3_03_the_configured_authority_keys_the_person_and_corrects_what_landing_noted(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    asked = load_settings(hl7_patient_authorities="LAB, HOSP").hl7_patient_authorities
    assert asked == ("LAB", "HOSP")
    path = tmp_path / "feed.hl7"
    path.write_bytes(message("ADT^A28", "20260301", patient="PID|1||100^^^HOSP^MR~8^^^LAB^XX"))
    ingest_hl7(settings.model_copy(update={"hl7_patient_authorities": asked}), db, [path])
    assert [row["person_key"] for row in rows(db, "person")] == [person("8", "LAB")]
    with db.connect(Role.INGEST) as connection:
        assert connection.execute("SELECT patient_key FROM landing.hl7_message").fetchone() == (person("8", "LAB"),)


def test_3_04_authorities_are_equal_by_universal_id_else_by_name() -> None:
    def born(number: str, at: str, fields: str) -> bytes:
        return message("ADT^A28", at, patient=f"PID|1||{number}^MR||DOE||{fields}")

    two = fold(born("100^^^HOSP", "20260301", "1960"), born("100^^^WEST", "20260302", "1961"))
    assert sorted(row["year_of_birth"] for row in two["person"]) == [1960, 1961]
    same_id = fold(born("100^^^HOSP&1.2.3&ISO", "20260301", "1960"), born("100^^^OTHER&1.2.3&ISO", "20260302", "1961"))
    assert [row["year_of_birth"] for row in same_id["person"]] == [1961]
    # One has no universal id: the name decides. Its record is that of the other, before and after.
    named, full = born("100^^^HOSP", "20260301", "1960"), born("100^^^HOSP&1.2.3&ISO", "20260302", "")
    for order in ((named, full), (full, named)):
        tables = fold(*order)
        (one,) = (row for row in tables["person"] if row["person_key"] == person("100", "1.2.3"))
        assert (one["year_of_birth"], len(tables["person"])) == (1960, 2)
        (other,) = (row for row in tables["person"] if row["person_key"] == person("100", "HOSP"))
        assert other["merged_into_person_key"] == person("100", "1.2.3")
    # Two authorities of one name: whose the bare name is nobody knows.
    third = born("100^^^HOSP&9.9.9&ISO", "20260303", "1970")
    tables = fold(named, full, third)
    assert {row["merged_into_person_key"] for row in tables["person"]} == {None}
    assert len(tables["person"]) == 3


def test_3_04_a_name_without_id_is_found_again_by_a_later_load(ingest: Ingest, db: Database) -> None:
    named = message("ADT^A01", "20260301", visit(f19="V1^^^HOSP&1.2.3&ISO"), patient=patient("100"))
    bare = message("ADT^A03", "20260302", visit(f19="V1^^^HOSP"), patient="PID|1||100^^^HOSP^MR||||1960")
    ingest(bare)
    ingest(named)
    (one,) = rows(db, "visit_occurrence")
    assert (one["visit_start_date"], one["visit_end_date"]) == (date(2026, 3, 1), date(2026, 3, 2))
    found = {row["person_key"]: row["merged_into_person_key"] for row in rows(db, "person")}
    assert found == {person(): None, person("100", "HOSP"): person()}


def test_3_05_pid_2_and_pid_4_count_only_before_2_3_1_and_without_pid_3() -> None:
    def of(version: str, fields: str) -> bytes:
        return message("ADT^A28", "20260301", patient=f"PID|1|{fields}||DOE").replace(
            b"|2.5.1\r", f"|{version}\r".encode()
        )

    assert [row["person_key"] for row in fold(of("2.3", "7^^^HOSP||"))["person"]] == [person("7", "HOSP")]
    assert [row["person_key"] for row in fold(of("2.2", "||8^^^HOSP"))["person"]] == [person("8", "HOSP")]
    assert [row["person_key"] for row in fold(of("2.3", "7^^^HOSP|9^^^HOSP|"))["person"]] == [person("9", "HOSP")]
    for version in ("2.3.1", "2.5.1", ""):
        with pytest.raises(ValueError, match="no_patient_identifier"):
            fold(of(version, "7^^^HOSP||8^^^HOSP"))


def test_3_06_the_precision_of_a_time_is_kept() -> None:
    for text, digits, local in (
        ("2026", 4, None),
        ("202603", 6, None),
        ("20260301", 8, None),
        ("2026030110", 8, T(2026, 3, 1, 10)),
        ("202603011030", 8, T(2026, 3, 1, 10, 30)),
        ("20260301103015", 8, T(2026, 3, 1, 10, 30, 15)),
        ("20260301103015.5", 8, T(2026, 3, 1, 10, 30, 15, 500000)),
        ("20260301103015.1234-0500", 8, T(2026, 3, 1, 10, 30, 15, 123400)),
    ):
        found = timestamp(text)
        assert found is not None
        assert (found.digits, found.local, found.text) == (digits, local, text)
    tables = fold(message("ADT^A01", "20260401", visit(f44="2026"), patient=patient(fields="||1960|F")))
    (one,) = tables["visit_occurrence"]
    columns = ("visit_start_date", "visit_start_datetime", "visit_start_source_value")
    assert tuple(one[name] for name in columns) == (date(2026, 1, 1), None, "2026")
    born = tables["person"][0]
    assert (born["year_of_birth"], born["month_of_birth"], born["day_of_birth"]) == (1960, None, None)


def test_3_07_a_time_without_offset_is_in_msh_7s_else_the_senders_zone() -> None:
    policy = Policy(UTC, facility_zones={"HOSP": ZoneInfo("America/New_York")})

    def instant(sent: str, occurred: str, sender: bytes = b"HOSP") -> datetime | None:
        body = message("ADT^A28", sent, occurred=occurred).replace(b"|ADT|HOSP|", b"|ADT|" + sender + b"|")
        return read_event(1, body, policy).event_at

    assert instant("20260301100000-0800", "20260301100000") == T(2026, 3, 1, 18, tzinfo=UTC)
    assert instant("20260301100000", "20260301100000") == T(2026, 3, 1, 15, tzinfo=UTC)
    assert instant("20260301100000", "20260301100000", b"WEST") == T(2026, 3, 1, 10, tzinfo=UTC)
    assert instant("20260301100000-0800", "20260301100000+0100") == T(2026, 3, 1, 9, tzinfo=UTC)
    (one,) = fold(message("ADT^A01", "20260301", visit(f44="20260301100000+0100")))["visit_occurrence"]
    assert one["visit_start_source_value"] == "20260301100000+0100"
    zones = load_settings(hl7_facility_zones='{"HOSP": "America/New_York"}').hl7_facility_zones
    assert zones == (("HOSP", "America/New_York"),)
    with pytest.raises(ValueError, match="no time zone"):
        load_settings(hl7_facility_zones='{"HOSP": "Mars/Olympus"}')


@pytest.mark.parametrize(
    ("occurred", "rule", "instant"),
    [
        ("20261101013000", "ambiguous_time", T(2026, 11, 1, 5, 30, tzinfo=UTC)),
        ("20260308023000", "nonexistent_time", T(2026, 3, 8, 7, 30, tzinfo=UTC)),
    ],
)
def test_3_08_hours_that_are_there_twice_or_never_are_flagged(occurred: str, rule: str, instant: datetime) -> None:
    zone = ZoneInfo("America/New_York")
    body = message("ADT^A28", "20261201", occurred=occurred)
    assert doubts(fold(body, zone=zone)) == [(rule, "EVN", occurred)]
    assert read_event(1, body, zone).event_at == instant
    assert doubts(fold(message("ADT^A28", "20261201", occurred=f"{occurred}-0500"), zone=zone)) == []


@pytest.mark.parametrize("written", ["20260301240000", "00000000", "20260230", "99991231", "UNKNOWN"])
def test_3_09_what_is_no_time_is_told_and_the_message_is_loaded(written: str) -> None:
    body = message(
        "ADT^A01",
        "20260301100000",
        visit(location="3E", f44=written, f45=written),
        patient=patient(fields=f"||{written}|F"),
    )
    tables = fold(body)
    assert [("not_a_time", field, written) for field in ("PID-7", "PV1-44", "PV1-45")] == doubts(tables)
    assert stay(tables) == (T(2026, 3, 1, 10), None, None)
    tables = fold(message("ADT^A01", "20260301100000", visit(), occurred=written))
    assert (doubts(tables), stay(tables)[0]) == ([("not_a_time", "EVN-6", written)], T(2026, 3, 1, 10))


def test_3_10_impossible_times_are_told_and_nothing_is_dropped() -> None:
    tables = fold(ADMIT.replace(b"20260302100000", b"20260228100000"))
    assert (doubts(tables), stay(tables)[1]) == (
        [("end_before_start", "PV1-45", "20260228100000")],
        T(2026, 2, 28, 10),
    )
    tables = fold(ADMIT.replace(b"20260302100000", b"20300101"))
    assert doubts(tables) == [("discharge_in_future", "PV1-45", "20300101")]
    assert len(tables["visit_occurrence"]) == 1
    tables = fold(message("ADT^A28", "20260301", patient=patient(fields="||18500101")))
    assert (doubts(tables), tables["person"][0]["year_of_birth"]) == ([("age_over_130", "PID-7", "18500101")], 1850)
    same_day = message("ADT^A01", "20260301100000", visit(f44="20260301100000", f45="20260301"))
    assert doubts(fold(same_day)) == []


def test_3_11_classes_map_and_others_keep_what_was_written() -> None:
    written = ("I", "E", "O", "P", "R", "B", "C", "N", "U", "XLOCAL")
    bodies = [
        message("ADT^A01", f"2026030110{number:02d}00", visit(text, f19=f"V{number}^^^HOSP"))
        for number, text in enumerate(written)
    ]
    assert [found for (found,) in visits(fold(*bodies), "class_code")] == [
        "IMP", "EMER", "AMB", "PRENC", "R", "B", "C", "N", "U", "XLOCAL",
    ]  # fmt: skip
    emergency = message("ADT^A04", "20260301100000", visit("E"))
    admitted = message("ADT^A06", "20260301120000", visit("I"))
    later = message("ADT^A08", "20260301130000", visit("I"))
    assert visits(fold(emergency, admitted, later), "class_code") == [("IMP",)]
    mapped = {
        line.split(",")[0]: line.split(",")[4] for line in MAP.read_text().splitlines() if ",ActEncounterCode," in line
    }
    assert (mapped["IMP"], mapped["EMER-IMP"], mapped.get("R")) == ("9201", "262", None)
    rule = Policy.of(load_settings(hl7_emergency_admission="emergency-inpatient")).emergency_admission
    assert visits(fold(emergency, admitted, later, emergency_admission=rule), "class_code") == [("EMER-IMP",)]
    assert visits(fold(message("ADT^A01", "20260301", visit("I")), later, emergency_admission=rule), "class_code") == [
        ("IMP",)
    ]


def test_3_12_a_place_is_unit_room_bed_and_facility_and_another_bed_may_be_the_same() -> None:
    first = message("ADT^A01", "20260301100000", visit(location="3E^301^A^HOSP^O^N^B1^F3"))
    bed = message("ADT^A02", "20260302100000", visit(location="3E^301^B^HOSP"))
    room = message("ADT^A02", "20260303100000", visit(location="3E^302^A^HOSP"))
    assert [place[0] for place in places(fold(first, bed, room))] == ["3E^301^A^HOSP", "3E^301^B^HOSP", "3E^302^A^HOSP"]
    for name, expected in (("room", ["3E^301^^HOSP", "3E^302^^HOSP"]), ("unit", ["3E^^^HOSP"])):
        kept = Policy.of(load_settings(hl7_location=name)).location_components
        assert [place[0] for place in places(fold(first, bed, room, location_components=kept))] == expected


def test_3_13_repeated_and_local_codes_keep_their_source_value() -> None:
    fields = "||19600203|X9||2106-3^White^CDCREC~LOC7^Local^99HOSP||||||||||||H^Hispanic^HL70189~Z^Own^99HOSP"
    one = fold(message("ADT^A28", "20260301", patient=patient(fields=fields)))["person"][0]
    assert one["gender_source_value"] == "X9"
    assert [code["code"] for code in one["race_codings"]] == ["2106-3", "LOC7"]
    assert one["race_codings"][1]["system"] == "urn:hl7v2:99HOSP"
    assert [code["code"] for code in one["ethnicity_codings"]] == ["H", "Z"]


def test_3_14_death_is_set_and_taken_back() -> None:
    def said(at: str, time: str, indicator: str) -> bytes:
        return message("ADT^A08", at, patient=f"PID|1||100^^^HOSP||||1960|F|{'|' * 20}{time}|{indicator}")

    def dead(*messages: bytes) -> tuple[Any, Any]:
        one = fold(*messages)["person"][0]
        return one["deceased"], one["death_date"]

    assert dead(said("20260302", "20260301", "Y")) == (True, date(2026, 3, 1))
    assert dead(said("20260302", "20260301", "")) == (True, date(2026, 3, 1))
    assert dead(said("20260302", "", "Y")) == (True, None)
    assert dead(said("20260302", "20260301", "Y"), said("20260303", "", "N")) == (False, None)
