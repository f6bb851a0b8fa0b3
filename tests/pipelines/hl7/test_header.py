"""What landing keeps of a message at its arrival is what folding reads in it afterwards."""

from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from pipelines.hl7 import identity
from pipelines.hl7.events import times
from pipelines.hl7.header import read_header
from pipelines.hl7.message import MessageError, parse
from pipelines.hl7.ownership import whose_bytes
from pipelines.hl7.splitting import split
from tests.pipelines.hl7.messages import message, visit

ZONE = ZoneInfo("America/New_York")


def assert_read_alike(body: bytes) -> None:
    found = read_header(body, ZONE)
    assert found.whose == whose_bytes(body)
    try:
        whole = parse(body)
        code, trigger = identity.message_type(whole)
        patient = identity.person_key(identity.patient_identifiers(whole))
        retired = identity.person_key(identity.retired_identifiers(whole))
        visit_key = identity.visit_key(whole)
        _, event_at, message_at = times(whole, ZONE)
    except MessageError:
        return
    columns = found.columns
    assert (columns["message_code"], columns["trigger_event"]) == (code, trigger)
    assert columns["patient_key"] == patient
    assert columns["merged_patient_key"] == (retired if trigger in identity.MERGE_EVENTS else None)
    assert columns["visit_key"] == (visit_key if identity.concerns_visit(code, trigger) else None)
    assert (columns["event_at"], columns["message_at"]) == (event_at, message_at)
    assert columns["body"] == body


def test_every_sample_is_read_alike(shared_data: Path) -> None:
    for path in shared_data.rglob("*.hl7"):
        with path.open("rb") as stream:
            for piece in split(stream):
                if piece.problem is None:
                    assert_read_alike(piece.body)


PARTS = st.lists(
    st.sampled_from(["^", "~", "&", "\\T\\", "\\", " ", '""', "A", "1", "HOSP", "MR", "SS", "ä"]), max_size=14
)


@given(patient=PARTS.map("".join), account=PARTS.map("".join), facility=PARTS.map("".join))
def test_any_identifier_is_read_alike(patient: str, account: str, facility: str) -> None:
    body = message("ADT^A40", "20260105", f"MRG|{account}", visit(f19=account), patient=f"PID|1||{patient}")
    assert_read_alike(body.replace(b"|HOSP|", f"|{facility}|".encode()))
