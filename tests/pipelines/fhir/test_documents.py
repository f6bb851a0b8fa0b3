"""DocumentReference and DiagnosticReport as notes."""

import base64
import hashlib
import io
from datetime import date, datetime
from typing import Any

import pytest
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from tests.pipelines.fhir.synthetic import LOINC, Resource, clinical, concept, excluded, key, mapped, only_row


def attachment(content: str | bytes, kind: str | None = "text/plain", **parts: Any) -> dict[str, Any]:
    data = base64.b64encode(content.encode() if isinstance(content, str) else content).decode()
    return {"data": data, **({"contentType": kind} if kind else {}), **parts}


def pdf(*pages: str, password: str | None = None) -> bytes:
    """A PDF with one line of text on each page."""
    writer = PdfWriter()
    for text in pages:
        page = writer.add_blank_page(200, 200)
        font = DictionaryObject(
            {
                NameObject("/Type"): NameObject("/Font"),
                NameObject("/Subtype"): NameObject("/Type1"),
                NameObject("/BaseFont"): NameObject("/Helvetica"),
            }
        )
        fonts = DictionaryObject({NameObject("/F1"): writer._add_object(font)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
        content = DecodedStreamObject()
        content.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(content)
    if password is not None:
        writer.encrypt(password)
    stream = io.BytesIO()
    writer.write(stream)
    return stream.getvalue()


CDA = (
    '<?xml version="1.0"?><ClinicalDocument><title>Discharge summary</title>'
    "<recordTarget><patientRole><patient><name>Not a narrative</name></patient></patientRole></recordTarget>"
    "<component><structuredBody><component><section><title>Plan</title>"
    "<text><paragraph>Rest</paragraph><list><item>Fluids</item></list></text>"
    "<entry><act><text><reference/>Coded</text></act></entry></section></component></structuredBody></component>"
    "</ClinicalDocument>"
)
BOMB = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c SYSTEM "file:///etc/passwd">]><a>&b;&c;</a>'


def wrapped(kind: str, representation: str, text: str) -> str:
    body = f'<text mediaType="{kind}" representation="{representation}">{text}</text>'
    return f"<ClinicalDocument><component><nonXMLBody>{body}</nonXMLBody></component></ClinicalDocument>"


def nested(depth: int) -> str:
    text = "UGxhaW4="
    for _level in range(depth):
        text = base64.b64encode(wrapped("text/xml", "B64", text).encode()).decode()
    return text


def document(*attachments: dict[str, Any], **parts: Any) -> Resource:
    return {
        "resourceType": "DocumentReference",
        "id": "n1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "type": concept(LOINC, "34117-2"),
        "date": "2025-01-01T23:00:00-05:00",
        "content": [{"attachment": part} for part in attachments],
        **parts,
    }


def test_a_note_with_who_where_and_when() -> None:
    row = only_row(
        document(
            attachment("Chest pain.\nNo fever.", title="History"),
            author=[{"reference": "Practitioner/d1"}],
            context={"encounter": [{"reference": "Encounter/e1"}]},
        ),
        "note",
    )
    text = "Chest pain.\nNo fever."
    assert (row["note_text"], row["note_title"], row["content_type"]) == (text, "History", "text/plain")
    assert row["text_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert row["type_codings"] == [{"system": LOINC, "code": "34117-2"}]
    assert (row["note_date"], row["note_datetime"]) == (date(2025, 1, 1), datetime(2025, 1, 1, 23))
    assert (row["person_key"], row["visit_occurrence_key"]) == (key("Patient", "p1"), key("Encounter", "e1"))
    assert row["provider_key"] == key("Practitioner", "d1")


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ("caf\u00e9", "text/plain; charset=utf-8", "caf\u00e9"),
        ("caf\u00e9".encode("latin-1"), "text/plain; charset=ISO-8859-1", "caf\u00e9"),
        ("plain", None, "plain"),
        ("# Title", "TEXT/MARKDOWN", "# Title"),
        ("a\x00b", "text/plain", "ab"),
        (
            "<html><head><style>p {color: red}</style><script>x()</script></head>"
            "<body><h1>Plan</h1><p>Rest &amp; fluids</p></body></html>",
            "text/html;charset=UTF-8",
            "Plan\nRest & fluids",
        ),
        ("<div>Well</div>", "application/xhtml+xml", "Well"),
        ("<p>cut <![odd[ short", "text/html", "cut <![odd[ short"),
        (
            r"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}Caf\'e9 \b plan\b0\par Rest}",
            "text/rtf",
            "Caf\u00e9 plan\nRest",
        ),
        (r"{\rtf1\ansi\uc1 well \u-10179?\u-8704? \u-10179? ok}", "text/rtf", "well \U0001f600 \ufffd ok"),
        ("well +2D0- ok", "text/plain; charset=utf-7", "well \ufffd ok"),
        (CDA, "text/xml;charset=utf-8", "Discharge summary\nPlan\nRest\nFluids"),
        (
            CDA.replace("<", "<hl7:").replace("<hl7:/", "</hl7:").replace("<hl7:?", "<?"),
            "application/xml",
            "Discharge summary\nPlan\nRest\nFluids",
        ),
        (wrapped("text/plain", "B64", "UGxhaW4="), "application/hl7-cda+xml", "Plain"),
        (wrapped("text/html", "TXT", "<![CDATA[<p>Rest</p>]]>"), "text/xml", "Rest"),
        (wrapped("application/pdf", "B64", base64.b64encode(pdf("Within")).decode()), "text/xml", "Within"),
        (pdf("Chest pain", "No fever"), "application/pdf", "Chest pain\nNo fever"),
    ],
)
def test_text_of_attachments(content: str | bytes, kind: str | None, text: str) -> None:
    assert only_row(document(attachment(content, kind)), "note")["note_text"] == text


@pytest.mark.filterwarnings("error")
def test_html_that_is_only_an_address_or_a_name_warns_nobody() -> None:
    for text in ("http://example.org/chart", "surname.txt"):
        assert only_row(document(attachment(text, "text/html")), "note")["note_text"] == text


def test_each_readable_attachment_is_a_note_of_its_own() -> None:
    rows = mapped(document(attachment("one"), {"url": "Binary/1"}, attachment("two")))["note"]
    assert [row["note_text"] for row in rows] == ["one", "two"]
    assert len({row["note_key"] for row in rows}) == 2


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"url": "http://example.org/Binary/1", "contentType": "text/plain"}, "attachment_by_url"),
        (attachment("%PDF-1.7", "application/pdf"), "no_text"),
        (attachment(pdf("secret", password="x"), "application/pdf"), "no_text"),
        (attachment(pdf(""), "application/pdf"), "no_text"),
        (attachment(pdf("cut short")[:200], "application/pdf"), "no_text"),
        (attachment(pdf("an object) Tj 1 0 R (among text"), "application/pdf"), "no_text"),
        (attachment(pdf("x").replace(b"/Length", b"/Filter /Fl /Length"), "application/pdf"), "no_text"),
        (attachment(pdf("x").replace(b"/Length", b"/Filter /JBIG2Decode /Length"), "application/pdf"), "no_text"),
        (attachment("no RTF", "application/rtf"), "no_text"),
        (attachment("{\\rtf1 ", "application/rtf"), "no_text"),
        (attachment("<a>other XML</a>", "text/xml"), "no_text"),
        (attachment(BOMB, "text/xml"), "no_text"),
        (attachment(wrapped("image/png", "B64", "eA=="), "text/xml"), "no_text"),
        (attachment(wrapped("text/plain", "B64", "*"), "text/xml"), "no_text"),
        (attachment(wrapped("text/xml", "B64", nested(5)), "text/xml"), "no_text"),
        (attachment("  \n "), "no_text"),
        (attachment("<p> </p>", "text/html"), "no_text"),
        (attachment("x", "text/plain; charset=klingon"), "no_text"),
        ({"title": "empty"}, "no_text"),
    ],
)
def test_documents_without_readable_text_are_named(part: dict[str, Any], reason: str) -> None:
    assert excluded(document(part)) == reason


def test_the_date_falls_back_to_the_period_then_the_attachment() -> None:
    undated = {name: part for name, part in document(attachment("x", creation="2025-03-01")).items() if name != "date"}
    assert only_row(undated, "note")["note_date"] == date(2025, 3, 1)
    timed = undated | {"context": {"period": {"start": "2025-02-01"}}}
    assert only_row(timed, "note")["note_date"] == date(2025, 2, 1)


def test_a_report_and_the_notes_it_presents() -> None:
    found = mapped(
        clinical(
            "DiagnosticReport",
            "r1",
            status="final",
            category=[concept(LOINC, "34117-2")],
            code=concept(LOINC, "51990-0", "Basic metabolic panel"),
            effectivePeriod={"start": "2025-01-01T23:00:00-05:00"},
            issued="2025-01-03T00:00:00Z",
            performer=[{"reference": "Practitioner/d1"}],
            presentedForm=[attachment("Findings"), attachment("%PDF", "application/pdf")],
        )
    )
    (report,) = found["observation"]
    (note,) = found["note"]
    assert report["observation_key"] == key("DiagnosticReport", "r1")
    assert (report["kind"], report["category"], report["status"]) == ("diagnostic-report", "34117-2", "final")
    assert (report["code_text"], report["observation_date"]) == ("Basic metabolic panel", date(2025, 1, 1))
    assert (note["note_text"], note["note_date"]) == ("Findings", date(2025, 1, 1))
    assert (note["visit_occurrence_key"], note["provider_key"]) == (key("Encounter", "e1"), key("Practitioner", "d1"))
    assert note["resource_key"] == report["resource_key"]


def test_a_report_without_text_makes_no_note() -> None:
    only_row(clinical("DiagnosticReport", "r1", status="final", code=concept(LOINC, "51990-0")), "observation")
