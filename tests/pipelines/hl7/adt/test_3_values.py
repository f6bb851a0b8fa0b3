"""Lines 3.15 and 3.16 of the checklist: values and documents."""

import base64
from typing import Any

import pytest

from pipelines.hl7.message import parse
from pipelines.hl7.results import results
from tests.pipelines.hl7.adt.fold import fold
from tests.pipelines.hl7.messages import message

ONE = {"system": "http://loinc.org", "code": "1", "display": "One"}
RTF = b"{\\rtf1 Hello}"


def _values(*segments: str) -> list[dict[str, Any]]:
    found = results(parse(message("ORU^R01", "20260308", "OBR|1||F1^LAB|24323-8^CMP^LN|||20260308", *segments)))
    return [
        {name: value for name, value in one.columns.items() if name.startswith("value_") and value} for one in found
    ]


@pytest.mark.parametrize(
    ("kind", "written", "expected"),
    [
        ("NM", "7.1", {"value_number": 7.1}),
        ("SN", ">^100", {"value_number": 100.0, "value_operator": ">"}),
        ("ST", "yes", {"value_text": "yes"}),
        ("TX", "a text", {"value_text": "a text"}),
        ("FT", "a\\.br\\b", None),
        ("CE", "1^One^LN", {"value_codings": [ONE], "value_text": "One"}),
        ("CWE", "^^^^^^^^Only text", {"value_text": "Only text"}),
        ("DT", "20260301", {"value_text": "20260301"}),
        ("TM", "1030", {"value_text": "1030"}),
        ("TS", "202603011030", {"value_text": "202603011030"}),
        ("ED", "^text^plain^A^hello", None),
        ("RP", "file^app", None),
        ("NA", "1^2^3", {"value_text": "1^2^3"}),
        ("", "untyped", {"value_text": "untyped"}),
    ],
)  # fmt: skip
def test_3_15_every_type_of_value(kind: str, written: str, expected: dict[str, Any] | None) -> None:
    found = _values(f"OBX|1|{kind}|1^A^LN||{written}||||||F")
    assert [one for one in found if one] == ([expected] if expected else [])


@pytest.mark.parametrize("status", ["X", "D", "W"])
def test_3_15_withdrawals_are_by_order_code_and_sub_id(status: str) -> None:
    first = message(
        "ORU^R01",
        "20260308",
        "OBR|1||F1^LAB|24323-8^CMP^LN",
        "OBX|1|NM|1^A^LN|1|7||||||F",
        "OBX|2|NM|1^A^LN|2|8||||||F",
    )
    # OBR-4 need not be said again.
    withdrawn = message("ORU^R01", "20260309", "OBR|1||F1^LAB", f"OBX|1|NM|1^A^LN|2|||||||{status}")
    other = message("ORU^R01", "20260309", "OBR|1||F2^LAB", f"OBX|1|NM|1^A^LN|1|||||||{status}")
    for order in ((first, withdrawn, other), (other, withdrawn, first)):
        assert [row["value_number"] for row in fold(*order)["measurement"]] == [7.0]
    assert _values("OBX|1|NM|1^A^LN||7~8||||||F") == [{"value_text": "7\n8"}]


def test_3_16_encapsulated_documents_become_notes() -> None:
    text = "Impression: nothing.\n" * 50_000
    data = base64.b64encode(text.encode()).decode()
    body = message(
        "MDM^T02",
        "20260308",
        "TXA|1|DS|TX|20260308||||||||D1^HIS|||||AU",
        f"OBX|1|ED|1^A^LN||^text^plain^Base64^{data}||||||F",
        "OBX|2|TX|1^A^LN||second||||||F",
        "OBX|3|TX|1^A^LN||third||||||F",
    )
    assert len(body) > 1_300_000
    (note,) = fold(body)["note"]
    assert note["note_text"] == f"{text}\nsecond\nthird"
    for written, expected in (
        (f"^application^rtf^Base64^{base64.b64encode(RTF).decode()}", "Hello"),
        ("^text^plain^Hex^48656C6C6F", "Hello"),
        ("^text^plain^A^Hello", "Hello"),
        ("^application^pdf^Base64^QUJD", None),
        ("^text^plain^Hex^nothex", None),
    ):
        found = fold(message("ORU^R01", "20260308", "OBR|1||F1", f"OBX|1|ED|1^A^LN||{written}||||||F")).get("note", [])
        assert [row["note_text"] for row in found] == ([expected] if expected else [])
