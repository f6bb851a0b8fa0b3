"""Forms of files: MLLP, batches, terminators; bytes stay as they were."""

import gzip
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import quarantine
from pipelines.hl7 import replay_messages, splitting
from pipelines.hl7.message import MessageError, parse
from pipelines.hl7.splitting import Piece, split
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import PATIENT, message, rows, visit

FIRST = message("ADT^A28", "20260101120000").rstrip(b"\r")
SECOND = message("ADT^A28", "20260102120000").rstrip(b"\r")


def bodies(content: bytes) -> list[bytes]:
    pieces = list(split(io.BytesIO(content)))
    assert all(piece.problem is None for piece in pieces)
    return [piece.body for piece in pieces]


@pytest.mark.parametrize("terminator", [b"\r", b"\n", b"\r\n"])
def test_messages_of_every_terminator(terminator: bytes) -> None:
    wanted = [one.replace(b"\r", terminator) for one in (FIRST, SECOND)]
    assert bodies(terminator.join(wanted) + terminator * 2) == wanted


def test_byte_order_mark_and_blank_lines_are_not_part_of_a_message() -> None:
    assert bodies(b"\xef\xbb\xbf\n\n" + FIRST) == [FIRST]


@pytest.mark.parametrize(
    "content",
    [
        b"\x0b" + FIRST + b"\r\x1c\r\x0b" + SECOND + b"\r\x1c\r",
        b"\x0b\x0b" + FIRST + b"\r\x1c\r\x1c\r\x0b" + SECOND + b"\x1c",
        b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + FIRST + b"\rBTS|1\rBHS|^~\\&|A\r" + SECOND + b"\rBTS|1\rFTS|2\r",
        b"BHS|^~\\&|A\n" + FIRST + b"\n" + SECOND + b"\nBTS|2\n",
    ],
)
def test_frames_and_envelopes(content: bytes) -> None:
    assert bodies(content) == [FIRST, SECOND]


def test_a_message_cut_off_in_a_frame_or_batch_is_truncated_and_the_others_are_whole() -> None:
    for opening, between in ((b"\x0b", b"\x1c\r\x0b"), (b"BHS|^~\\&|A\r", b"\r")):
        pieces = list(split(io.BytesIO(opening + FIRST + between + SECOND[:-20])))
        in_batch = opening.startswith(b"BHS")
        assert [piece.problem for piece in pieces] == [None, "truncated_message", *["missing_trailer"] * in_batch]
        assert pieces[0].body == FIRST


def test_text_before_the_first_message_and_an_empty_file_are_no_msh() -> None:
    assert list(split(io.BytesIO(b""))) == [Piece(0, b"", "no_msh")]
    stray, good = split(io.BytesIO(b"PID|1\rPV1|1\r" + FIRST))
    assert (stray, good.body) == (Piece(0, b"PID|1\rPV1|1", "no_msh"), FIRST)
    assert good.byte_offset == 12


@given(
    st.lists(st.sampled_from([FIRST, SECOND, b"ZZZ|1", b"stray", b"\x0b", b"\x1c", b"", b"BHS|x", b"BTS|1"])),
    st.sampled_from([b"\r", b"\n", b"\r\n"]),
    st.integers(1, 40),
)
def test_the_size_of_a_read_changes_nothing(parts: list[bytes], terminator: bytes, block: int) -> None:
    content = terminator.join(parts)
    whole = list(split(io.BytesIO(content)))
    usual = splitting._BLOCK
    splitting._BLOCK = block
    try:
        assert list(split(io.BytesIO(content))) == whole
    finally:
        splitting._BLOCK = usual
    for piece in whole:
        assert content[piece.byte_offset :].startswith(piece.body)


def test_a_long_line_is_split_in_linear_time() -> None:
    document = b"OBX|1|ED|A||^^^Base64^" + b"A" * 5_000_000
    assert bodies(FIRST + b"\r" + document + b"\r" + SECOND) == [FIRST + b"\r" + document, SECOND]


@pytest.mark.parametrize("content", [b"MSH", b"MSH|", b"MSH||", b"MSHA^~\\&|", b"MSH \t|"])
def test_a_header_without_delimiters_is_not_hl7(content: bytes) -> None:
    with pytest.raises(MessageError, match="not_hl7"):
        parse(content)


@pytest.mark.parametrize(
    ("header", "field", "expected"),
    [
        (b"MSH|^~\\&|A", b"x\\T\\y", "x&y"),
        (b"MSH|^~\\&#|A", b"x\\F\\y", "x|y"),
        (b"MSH|^~\\\\&|A", b"x\\S\\y", "x^y"),
        (b"MSH|^~|A", b"x\\E\\y", "x\\y"),
        (b"MSH|^~\\&|A", b"C:\\dir", "C:\\dir"),
        (b"MSH|^~\\&|A", b"x\\X0D\\y", "x\ry"),
        (b"MSH|^~\\&|A" + b"|" * 15 + b"8859/1", b"J\xf6rg", "Jörg"),
        (b"MSH|^~\\&|A", "Jörg".encode(), "Jörg"),
        (b"MSH|^~\\&|A", b"J\xf6rg", "Jörg"),
        (b"MSH|^~\\&|A" + b"|" * 15 + b"UNICODE UTF-8~8859/1", "Jörg".encode(), "Jörg"),
        (b"MSH|^~\\&|A", b"a\x00b", "ab"),
        (b"MSH|^~\\&|A", b"a\nb", "a\nb"),
    ],
)
def test_delimiters_escapes_and_character_sets(header: bytes, field: bytes, expected: str) -> None:
    found = parse(header + b"\rNTE|1||" + field + b"\rZZZ|1")
    assert [segment.name for segment in found.segments] == ["MSH", "NTE", "ZZZ"]
    assert found.segments[1].text(3) == expected


def test_own_delimiters() -> None:
    found = parse(b"MSH#$*!@#A\rPID#1##7$$$H@1.2$MR*8$$$K")
    assert [(part.text(1), part.text(4, 1), part.text(4, 2)) for part in found.segments[1].composites(3)] == [
        ("7", "H", "1.2"),
        ("8", "K", ""),
    ]


def test_every_form_reaches_bronze_once(ingest: Ingest, db: Database) -> None:
    admission = message("ADT^A01", "20260103120000", visit(location="3E^1"))
    account = ingest(
        FIRST,
        b"\x0b" + SECOND + b"\r\x1c\r",
        gzip.compress(b"BHS|^~\\&|A\r" + admission + b"BTS|1\r"),
        admission.replace(b"\r", b"\n"),
    )
    assert account.loaded == {"ADT^A28": 2, "ADT^A01": 2}
    assert len(rows(db, "person")) == len(rows(db, "visit_occurrence")) == 1


def test_bad_input_is_quarantined_without_content(ingest: Ingest, db: Database) -> None:
    good = message("ADT^A01", "20260103120000", visit())
    account = ingest(
        PATIENT.encode(),
        gzip.compress(good * 50)[:-20],
        b"MSH|CANARYNAME\r" + PATIENT.encode(),
        message("ADT^A01", "20260103", "PV1|1|I"),
        message("ADT^A28", "20260103", patient="PID|1||999-00^^^SSA^SS||CANARYNAME"),
        message("ADT^A40", "20260103", control="CANARYNAME"),
        good,
    )
    assert account.quarantined == {
        "no_msh": 1,
        "truncated_file": 1,
        "not_hl7": 1,
        "no_visit_number": 1,
        "no_patient_identifier": 1,
        "no_retired_identifier": 1,
    }
    assert account.loaded == {"ADT^A01": 1}
    with db.connect(Role.INGEST) as connection:
        kept = connection.execute("SELECT r::text FROM quarantine.record AS r").fetchall()
    assert len(kept) == 6
    assert not [text for (text,) in kept if "CANARY" in text or "999-00" in text]
    assert "CANARY" not in str(account.as_dict())


def test_what_is_left_out_is_counted_by_reason(ingest: Ingest, db: Database) -> None:
    account = ingest(
        message("ACK", "20260101"),
        message("SIU^S12", "20260101"),
        message("ADT^A01", "20260101", visit(), mode="T"),
    )
    assert account.excluded == {"no_mapping:ACK": 1, "no_mapping:SIU^S12": 1, "processing_id:T": 1}
    assert rows(db, "resource") == []


def test_names_too_long_for_an_index_stop_nothing(ingest: Ingest, db: Database) -> None:
    noise = "".join(map(chr, random.Random(1).choices(range(0x4E00, 0x9FA5), k=4000)))
    account = ingest(
        message("ADT^A28", "20260101", control=noise),
        message("ADT^A28", "20260102", patient=PATIENT.replace("|100^", f"|{noise}^")),
        message("ADT^A28", "20260103", patient=PATIENT.replace("1.2.3", noise)),
    )
    assert account.loaded == {"ADT^A28": 1}
    assert account.quarantined == {"no_patient_identifier": 2}


def test_replay_releases_what_is_usable_and_keeps_the_rest(ingest: Ingest, settings: Settings, db: Database) -> None:
    nameless = "PID|1||||DOE^JANE"
    ingest(message("ADT^A28", "20260101", control="1"), message("ADT^A28", "20260101", control="2", patient=nameless))
    with db.connect(Role.OWNER) as owner:
        # As an older Sanctum would have left a message that this one can use.
        owner.execute(
            "INSERT INTO quarantine.record (record_key, message_id, reason) "
            "SELECT 'once', message_id, 'not_hl7' FROM landing.hl7_message WHERE message_control_id = '1'"
        )
    account = replay_messages(settings, db).account
    assert (dict(account.loaded), dict(account.quarantined)) == ({"ADT^A28": 1}, {"no_patient_identifier": 1})
    assert quarantine.counts_by_reason(db) == {"no_patient_identifier": 1}
