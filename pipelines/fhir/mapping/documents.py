"""DocumentReference, Composition and presented forms → note. Source: OMOP CDM 5.4 note; FHIR R4 Attachment."""

import hashlib
from collections.abc import Iterator

from pipelines.fhir.mapping.attachment_text import attachment_text, html_text
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    codings,
    local_date,
    local_datetime,
    patient_key,
    reference_key,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key


def document_reference(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A note for each attachment that carries text; a document by URL only is named as such."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["DocumentReference"]:
        return not_taken("status", status, person)
    surroundings = resource.get("context") or {}
    when = resource.get("date") or (surroundings.get("period") or {}).get("start")
    visit = next(iter(surroundings.get("encounter") or ()), None)
    author = next(iter(resource.get("author") or ()), None)
    common: Row = {
        "person_key": person,
        "visit_occurrence_key": reference_key(context, visit, "Encounter"),
        "provider_key": reference_key(context, author, "Practitioner"),
    }
    attachments = [content.get("attachment") or {} for content in resource.get("content") or ()]
    notes = [
        note_row(context, common, attachment, index, resource.get("type"), when)
        for index, attachment in enumerate(attachments)
    ]
    kept = [note for note in notes if note is not None]
    if kept:
        return Mapped({"note": kept}, person)
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
    author = next(iter(resource.get("author") or ()), None)
    row: Row = {
        "person_key": person,
        "visit_occurrence_key": reference_key(context, resource.get("encounter"), "Encounter"),
        "provider_key": reference_key(context, author, "Practitioner"),
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


def note_row(
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
