"""Section 4 of the checklist, encoding: one test a line."""

from typing import Any

import pytest

from pipelines.hl7.message import Segment, parse
from resources.postgres import Database, Role
from tests.pipelines.hl7.adt.fold import doubts, fold, patient, person, places, visits
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, rows, visit


def note(header: str, field: str, more: str = "") -> Segment:
    found = parse(f"MSH{header}\rNTE{header[0]}1{header[0]}{header[0]}{field}{more}\rZZZ{header[0]}1\r".encode())
    assert [segment.name for segment in found.segments] == ["MSH", "NTE", "ZZZ"]
    return found.segments[1]


def test_4_01_msh_1_and_msh_2_define_the_delimiters_and_are_read_literally() -> None:
    own = parse(b"MSH#$*!@#A#B$C\rPID#1##7$$$H@1.2*8$$$K")
    assert own.header.raw(2) == "$*!@"
    assert own.header.text(4) == "B"
    first, second = own.segments[1].composites(3)
    assert (first.text(1), first.text(4, 1), first.text(4, 2), second.text(1)) == ("7", "H", "1.2", "8")
    for characters, components, repetitions, parts in (
        ("^", 2, 1, 1),
        ("^~", 2, 2, 1),
        ("^~\\", 2, 2, 1),
        ("^~\\&", 2, 2, 2),
        ("^~\\&#", 2, 2, 2),
    ):
        segment = note(f"|{characters}|A", "a&b^c~d")
        assert len(segment.repetitions(3)) == repetitions
        assert [segment.composite(3).text(n) != "" for n in (1, 2)].count(True) == components
        assert segment.composite(3).text(1) == ("a" if parts == 2 else "a&b")
    assert parse(b"MSH|^~\\&|A\\T\\B").header.raw(2) == "^~\\&"


def test_4_02_five_encoding_characters_are_accepted() -> None:
    body = message("ADT^A01", "20260301100000", visit(location="3E^1")).replace(b"|^~\\&|", b"|^~\\&#|")
    tables = fold(body)
    assert places(tables)[0][0] == "3E^1"
    assert doubts(tables) == []


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f\\P\\g", "a|b^c&d~e\\f#g"),
        ("a\\X41\\b\\X0D0A\\c", "aAb\r\nc"),
        ("a\\XE9\\b", "aéb"),
        ("one\\.br\\two\\.sp2\\three\\.sp\\four", "one\ntwo\n\nthree\nfour"),
        ("\\H\\bold\\N\\ \\.in+4\\in\\.ti-2\\\\.fi\\\\.nf\\\\.ce\\", "bold in"),
        ("a\\Cxxyy\\b\\Mxxyyzz\\c\\Zab\\d", "a\\Cxxyy\\b\\Mxxyyzz\\c\\Zab\\d"),
        ("C:\\dir", "C:\\dir"),
        ("4\\5 re.", "4\\5 re."),
        ("C:\\dir\\file", "C:\\dir\\file"),
        ("\\X4\\ \\XZZ\\", "\\X4\\ \\XZZ\\"),
    ],
)
def test_4_03_escapes_are_decoded_after_the_split_and_others_are_kept(written: str, text: str) -> None:
    segment = note("|^~\\&|A", written, "^second")
    assert segment.text(3) == text.strip()
    assert segment.composite(3).text(1) == text.strip()
    assert segment.composite(3).text(2) == "second"


def test_4_04_an_escaped_line_end_makes_no_segment() -> None:
    assert note("|^~\\&|A", "a\\X0D\\PID|1").text(3) == "a\rPID"


@pytest.mark.parametrize(
    ("named", "encoding", "rules"),
    [
        ("", "utf-8", []),
        ("ASCII", "utf-8", []),
        ("8859/1", "latin-1", []),
        ("8859/15", "iso-8859-15", []),
        ("UNICODE UTF-8", "utf-8", []),
        ("UTF-8", "utf-8", []),
        ("8859/1~UNICODE UTF-8", "latin-1", []),
        ("KLINGON", "utf-8", ["unknown_character_set"]),
        ("", "cp1252", ["not_in_character_set"]),
        ("UNICODE UTF-8", "latin-1", ["not_in_character_set"]),
        ("ASCII", "latin-1", ["not_in_character_set"]),
    ],
)
def test_4_05_text_is_decoded_by_msh_18_else_as_it_can_be(named: str, encoding: str, rules: list[str]) -> None:
    header = f"MSH|^~\\&|A|HOSP|||20260301||ADT^A28|1|P|2.5|||||{'|'}{named}"
    body = f"{header}\rPID|1||100^^^HOSP||||||||^^Münster\r".encode(encoding)
    tables = fold(body)
    assert [row["city"] for row in tables["location"]] == ["Münster"]
    assert [rule for rule, _, _ in doubts(tables)] == rules
    # Bytes that are no character of Windows-1252 are text, too.
    assert parse(header.encode() + b"\rNTE|1||\x81\xff").segments[1].text(3) == "\x81ÿ"


def test_4_06_byte_order_mark_blank_lines_and_trailing_spaces(ingest: Ingest, db: Database) -> None:
    body = message("ADT^A01", "20260301100000", visit(location="3E^1")).replace(b"\r", b"  \r")
    account = ingest(b"\xef\xbb\xbf\r\n\n  \r" + body + b"  \r\r")
    assert account.loaded == {"ADT^A01": 1}
    assert [row["visit_detail_source_value"] for row in rows(db, "visit_detail")] == ["3E^1"]


def test_4_07_segments_end_in_any_way_and_a_bare_line_feed_is_data() -> None:
    body = message("ADT^A01", "20260301100000", visit(location="3E^1"), "NTE|1||end")
    expected = fold(body)
    for end in (b"\n", b"\r\n"):
        assert fold(body.replace(b"\r", end)) == expected
    mixed = body.replace(b"\rPID", b"\nPID").replace(b"\rPV1", b"\r\nPV1")
    assert fold(mixed) == expected
    found = parse(b"MSH|^~\\&|A\rOBX|1|TX|1||first\nsecond, no segment|x\rZZZ|1")
    assert [segment.name for segment in found.segments] == ["MSH", "OBX", "ZZZ"]
    assert found.segments[1].raw(5) == "first\nsecond, no segment"


def test_4_08_nul_is_removed_and_told(ingest: Ingest, db: Database) -> None:
    body = message("ADT^A28", "20260301", patient=patient(fields="|||X\x00Y||||^^Bo\x00ston"))
    assert ingest(body).loaded == {"ADT^A28": 1}
    assert [row["gender_source_value"] for row in rows(db, "person")] == ["XY"]
    found = rows(db, "data_quality", "rule, source_text")
    assert found == [{"rule": "nul_character", "source_text": "2"}]


def test_4_09_unknown_segments_versions_and_triggers(ingest: Ingest, db: Database) -> None:
    body = message("ADT^A01", "20260301100000", "ZPV|x|y", visit(location="3E^1"), "XYZ|1", "ZZZ")
    body = body.replace(b"\rEVN", b"\rZA1|1\rEVN")
    for version in (b"2.9", b"", b"99.9"):
        assert places(fold(body.replace(b"|2.5.1\r", b"|" + version + b"\r")))[0][0] == "3E^1"
    account = ingest(message("ADT^Q77", "20260301"), message("ZZZ^Z01", "20260302"))
    assert account.excluded == {"no_mapping:ADT^Q77": 1, "no_mapping:ZZZ^Z01": 1}
    with db.connect(Role.INGEST) as connection:
        query = "SELECT message_code, trigger_event FROM landing.hl7_message ORDER BY 1"
        assert connection.execute(query).fetchall() == [("ADT", "Q77"), ("ZZZ", "Z01")]


def test_4_10_extra_delimiters_and_missing_segments() -> None:
    body = message("ADT^A01", "20260301100000", visit(location="3E^1"))
    assert fold(body.replace(b"\r", b"||||\r")) == fold(body)
    without_event = body.replace(b"EVN|A01|20260301100000||||20260301100000\r", b"")
    assert visits(fold(without_event), "visit_start_datetime") == visits(fold(body), "visit_start_datetime")
    alone = fold(message("ADT^A08", "20260301"))
    assert [row["person_key"] for row in alone["person"]] == [person()]
    with pytest.raises(ValueError, match="no_visit_number"):
        fold(message("ADT^A01", "20260301"))


@pytest.mark.parametrize("segment", ["DSC|token", "ADD|more"])
def test_4_11_a_continued_message_is_quarantined_whole(ingest: Ingest, db: Database, segment: str) -> None:
    assert ingest(message("ORU^R01", "20260301", "OBX|1|NM|1^A^LN||7||||||F", segment)).quarantined == {
        "continued_message": 1
    }
    assert rows(db, "resource") == []


def test_4_12_landed_bytes_are_what_was_received(ingest: Ingest, db: Database) -> None:
    bodies: list[Any] = [
        message("ADT^A28", "20260301", patient="PID|1||1^^^H||J\xf6rg").decode().encode("latin-1").rstrip(b"\r"),
        message("ADT^A28", "20260302", patient="PID|1||2^^^H||\x00\x01").rstrip(b"\r").replace(b"\r", b"\n"),
        message("ADT^A28", "20260303", "ZZZ|\\X0D\\|  ", patient="PID|1||3^^^H").rstrip(b"\r").replace(b"\r", b"\r\n"),
    ]
    ingest(*(b"\x0b" + body + b"\x1c\r" for body in bodies))
    with db.connect(Role.INGEST) as connection:
        found = connection.execute(
            "SELECT body, body_sha256 = sha256(body) FROM landing.hl7_message ORDER BY message_id"
        )
        assert [(bytes(body), same) for body, same in found] == [(body, True) for body in bodies]
