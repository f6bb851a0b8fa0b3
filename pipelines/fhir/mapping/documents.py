"""DocumentReference, Composition and presented forms → note. Source: OMOP CDM 5.4 note; FHIR R4 Attachment."""

import hashlib
from collections.abc import Iterator, Sequence

from pipelines.fhir.mapping.attachment_text import TEXT_FORMATS, attachment_text, content_type, html_text
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    codings,
    local_date,
    local_datetime,
    patient_key,
    practitioner_key,
    reference_key,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key


def document_reference(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """The text of a document; one by URL only is named as such, and one that was written in error makes no note."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["DocumentReference"]:
        return not_taken("status", status, person)
    if resource.get("docStatus") == "entered-in-error":
        return Excluded("docStatus:entered-in-error", person)
    surroundings = resource.get("context") or {}
    when = resource.get("date") or (surroundings.get("period") or {}).get("start")
    visit = next(iter(surroundings.get("encounter") or ()), None)
    common: Row = {
        "person_key": person,
        "visit_occurrence_key": reference_key(context, visit, "Encounter"),
        "provider_key": practitioner_key(context, *(resource.get("author") or ())),
    }
    attachments = [content.get("attachment") or {} for content in resource.get("content") or ()]
    notes = note_rows(context, common, attachments, resource.get("type"), when)
    if notes:
        return Mapped({"note": notes}, person)
    return Excluded("attachment_by_url" if any("url" in part for part in attachments) else "no_text", person)


def composition(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """One note of the narratives of all sections, in their order, under their titles."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Composition"]:
        return not_taken("status", status, person)
    text = "\n\n".join(_sections(resource)).replace("\x00", "")
    if not text.strip():
        return Excluded("no_text", person)
    row: Row = {
        "person_key": person,
        "visit_occurrence_key": reference_key(context, resource.get("encounter"), "Encounter"),
        "provider_key": practitioner_key(context, *(resource.get("author") or ())),
        "note_key": derived_key(str(context.key), "sections"),
        "type_codings": codings(resource.get("type")) or None,
        "note_date": local_date(resource.get("date")),
        "note_datetime": local_datetime(resource.get("date")),
        "note_title": resource.get("title"),
        "note_text": text,
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "content_type": "text/html",
    }
    return Mapped({"note": [row]}, person)


def _sections(part: Resource) -> Iterator[str]:
    """Title and narrative of every section that has a narrative, depth first."""
    for section in part.get("section") or ():
        text = html_text(str((section.get("text") or {}).get("div") or ""))
        if text.strip():
            yield "\n".join(str(line) for line in (section.get("title"), text) if line)
        yield from _sections(section)


def note_rows(
    context: Context, common: Row, attachments: Sequence[Resource], kind: Resource | None, when: str | None
) -> list[Row]:
    """Notes of attachments that hold text we can read.

    Attachments of several formats say the same: those of the format that keeps text best are the notes, each of them.

    Source: FHIR R4 DocumentReference.content and DiagnosticReport.presentedForm.

    Args:
        context: the resource at hand.
        common: columns that all notes of the resource share.
        attachments: of one document or report.
        kind: what kind of document it is.
        when: it was written, if it says so; else each attachment's creation.
    """
    by_format: dict[str, list[Row]] = {}
    for index, attachment in enumerate(attachments):
        row = _note_row(context, common, attachment, index, kind, when)
        if row is not None:
            by_format.setdefault(_format(attachment), []).append(row)
    return next((by_format[found] for found in TEXT_FORMATS if found in by_format), [])


def _format(attachment: Resource) -> str:
    return content_type(str(attachment.get("contentType") or "text/plain"))[0]


def _note_row(
    context: Context, common: Row, attachment: Resource, index: int, kind: Resource | None, when: str | None
) -> Row | None:
    """A note of one attachment, None if it holds no text we can read."""
    text = attachment_text(attachment)
    if text is None:
        return None
    written = when or attachment.get("creation")
    return {
        **common,
        "note_key": derived_key(str(context.key), "attachment", str(index)),
        "type_codings": codings(kind) or None,
        "note_date": local_date(written),
        "note_datetime": local_datetime(written),
        "note_title": attachment.get("title"),
        "note_text": text,
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "content_type": attachment.get("contentType"),
    }
