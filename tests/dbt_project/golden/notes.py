"""Golden cases of DocumentReference, DiagnosticReport and Composition as notes."""

import base64
from typing import Any

from tests.dbt_project.golden.case import Case, Resource, at, key, left_out
from tests.dbt_project.population import LOINC, coded, of, visit

_NOTE = "note_date::text, note_datetime::text, note_title, note_text"
_KIND = "note_type_concept_id, note_class_concept_id, note_source_value, encoding_concept_id"
_DAY = "2026-02-03"


def _attached(text: str, kind: str = "text/plain", **parts: Any) -> Resource:
    return {"contentType": kind, "data": base64.b64encode(text.encode()).decode(), **parts}


def _document(person: str, name: str, *attachments: Resource, **parts: Any) -> Resource:
    given = {"status": "current", "type": coded(LOINC, "11506-3"), "date": f"{_DAY}T10:00:00Z"} | parts
    given = {element: value for element, value in given.items() if value is not None}
    content = [{"attachment": attachment} for attachment in attachments]
    return of(person, "DocumentReference", name, content=content, **given)


def _noted(
    name: str, expected: list[tuple[Any, ...]], *attachments: Resource, columns: str = _NOTE,
    requirements: tuple[str, ...] = (), **parts: Any,
) -> Case:  # fmt: skip
    return Case(name, [_document(name, name, *attachments, **parts)], "omop.note", columns, expected, requirements)


def _read(name: str, text: str, *attachments: Resource) -> Case:
    return _noted(name, [(text,)], *attachments, columns="note_text", requirements=("f2o-081",))


_HTML = "<html><body><h1>Plan</h1><p>Rest &amp; fluids</p></body></html>"
_AT_TEN = f"{_DAY} 10:00:00"

DOCUMENTS = [
    _noted("a-document", [(_DAY, _AT_TEN, "Visit", "Chest pain.\nNo fever.")],
           _attached("Chest pain.\nNo fever.", title="Visit"), requirements=("f2o-073", "f2o-081")),
    _read("a-document-of-html", "Plan\nRest & fluids", _attached(_HTML, "text/html")),
    _read("a-document-of-rtf", "Plain words", _attached(r"{\rtf1\ansi Plain \b words\b0}", "application/rtf")),
    # Renditions of one document are one note, of the form that keeps its text best.
    _read("a-document-in-two-forms", "Plan\nRest & fluids", _attached(r"{\rtf1\ansi Plan Rest}", "text/rtf"),
          _attached(_HTML, "text/html")),
    _noted("a-document-in-two-parts", [("one",), ("two",)], _attached("one"), _attached("two"), columns="note_text"),
    _noted("a-document-with-a-picture", [("one",)], _attached("one"), _attached("x", "image/png"),
           columns="note_text"),
    _noted("a-document-of-a-period", [("2026-02-01", None, None, "text")], _attached("text"), date=None,
           context={"period": {"start": "2026-02-01"}}),
    _noted("a-document-dated-by-its-file", [("2026-02-02", None, None, "text")],
           _attached("text", creation="2026-02-02"), date=None),
    _noted("a-document-by-a-doctor", [(key("Practitioner", "dr-heart"),)], _attached("text"), columns="provider_id",
           author=[at("Organization", "heart-centre"), at("Practitioner", "dr-heart")]),
    Case("a-document-in-a-visit",
         [visit("a-document-in-a-visit", "writing", "2026-02-05", "2026-02-05"),
          _document("a-document-in-a-visit", "written", _attached("text"), date=None,
                    context={"encounter": [at("Encounter", "writing")]})],
         "omop.note", "note_date::text, visit_occurrence_id", [("2026-02-05", key("Encounter", "writing"))],
         ("f2o-070",)),
]  # fmt: skip


def _of_type(name: str, code: str, kind: int, concept: int) -> Case:
    expected = [(kind, concept, code, 32678)]
    return _noted(name, expected, _attached("text"), columns=_KIND, requirements=("f2o-050", "f2o-051"),
                  type=coded(LOINC, code))  # fmt: skip


TYPES = [
    _of_type("a-progress-note", "11506-3", 32831, 2000000014),
    _of_type("a-discharge-summary", "18842-5", 32824, 2000000022),
    _of_type("an-emergency-note", "34878-9", 32826, 2000000053),
    _of_type("a-triage-note", "54094-8", 32826, 2000000070),
    _of_type("an-outpatient-note", "34131-3", 32834, 2000000049),
    _of_type("an-imaging-report", "18748-4", 32841, 2000000019),
    _of_type("a-pathology-report", "11526-1", 32835, 0),
    _noted("a-note-of-no-type", [(32831, 0, None, 32678)], _attached("text"), columns=_KIND,
           requirements=("f2o-052",), type=None),
]  # fmt: skip


def _unwritten(name: str, reason: str, *attachments: Resource, **parts: Any) -> Case:
    given = _document(name, "", *attachments, **parts)
    return left_out(name, given, reason, "f2o-060", "f2o-062")


_TEXT = _attached("text")


def _letter(name: str, status: str) -> Resource:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>Rest.</p></div>'
    inner = {"title": "Dose", "text": {"status": "generated", "div": div}}
    section = {"title": "Plan", "text": {"status": "generated", "div": div}, "section": [inner]}
    return of(name, "Composition", name, status=status, type=coded(LOINC, "11506-3"), title="Letter", date=_DAY,
              author=[at("Practitioner", "dr-heart")], section=[section])  # fmt: skip


def _composed(name: str, expected: list[tuple[Any, ...]], status: str, *requirements: str) -> Case:
    return Case(name, [_letter(name, status)], "omop.note", _NOTE, expected, requirements)


def _report(person: str, name: str, text: str, **parts: Any) -> Resource:
    given = {"status": "final", "code": coded(LOINC, "18748-4"), "effectiveDateTime": _DAY} | parts
    return of(person, "DiagnosticReport", name, presentedForm=[_attached(text)], **given)


_LETTER = (_DAY, None, "Letter", "Plan\nRest.\n\nDose\nRest.")

WITHHELD = [
    _unwritten("a-document-superseded", "status:superseded", _TEXT, status="superseded"),
    _unwritten("a-document-in-error", "status:entered-in-error", _TEXT, status="entered-in-error"),
    # What the reference points at was a mistake, whatever the reference is.
    _unwritten("a-document-whose-text-is-an-error", "docStatus:entered-in-error", _TEXT, docStatus="entered-in-error"),
    _unwritten("a-document-by-address", "attachment_by_url", {"url": "http://ehr.example.org/Binary/1"}),
    _unwritten("a-picture", "no_text", _attached("x", "image/png")),
    _unwritten("an-empty-document", "no_text", _attached("  ")),
    _noted("a-document-preliminary", [("text",)], _TEXT, columns="note_text", docStatus="preliminary"),
    Case(
        "composition",
        [of("composition", "Composition", "letter", status="final", type=coded(LOINC, "34131-3"), title="Letter",
            date="2026-02-01", author=[{"reference": "Practitioner/dr-heart"}],
            section=[{"title": "Plan", "text": {"status": "generated", "div": (
                '<div xmlns="http://www.w3.org/1999/xhtml"><p>See again.</p></div>'
            )}}])],
        "omop.note",
        "note_title, note_text, note_date::text, note_type_concept_id, provider_id",
        [("Letter", "Plan\nSee again.", "2026-02-01", 32834, key("Practitioner", "dr-heart"))],
    ),
    _composed("a-letter", [_LETTER], "final", "f2o-081"),
    _composed("a-letter-amended", [_LETTER], "amended"),
    left_out("a-letter-in-error", _letter("", "entered-in-error"), "status:entered-in-error", "f2o-060"),
    Case("a-report-with-its-text", [_report("a-report-with-its-text", "presented", "Findings")], "omop.note",
         f"{_NOTE}, note_type_concept_id", [(_DAY, None, None, "Findings", 32841)], ("f2o-081",)),
    Case("a-text-in-report-and-document",
         [_report("a-text-in-report-and-document", "same-report", "Findings"),
          _document("a-text-in-report-and-document", "same-document", _attached("Findings"))],
         "omop.note", "note_text, note_class_concept_id", [("Findings", 2000000014)], ("f2o-103",)),
    Case("a-second-copy-is-on-record",
         [_report("a-second-copy-is-on-record", "copy-report", "Findings"),
          _document("a-second-copy-is-on-record", "copy-document", _attached("Findings"))],
         "omop.dropped_row", "bronze_table, reason",
         [("note", "duplicate_text")], ("f2o-062",), of=("person_key", key("Patient", "a-second-copy-is-on-record"))),
    Case("the-same-words-on-two-days",
         [_document("the-same-words-on-two-days", "first-day", _attached("Unchanged.")),
          _document("the-same-words-on-two-days", "next-day", _attached("Unchanged."), date="2026-02-04T10:00:00Z")],
         "omop.note", "note_date::text, note_text", [(_DAY, "Unchanged."), ("2026-02-04", "Unchanged.")]),
]  # fmt: skip

NOTES = [*DOCUMENTS, *TYPES, *WITHHELD]
