"""FHIR data types to plain values: dates, codings, references, identifiers.

Dates: the date is the local date as written and is never shifted to UTC; a partial date (``YYYY``, ``YYYY-MM``)
stands for the first day of what it names; a datetime keeps the local time as written.
"""

import calendar
import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from pipelines.keys import derived_key, resource_key

Resource = Mapping[str, Any]

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_UCUM = "http://unitsofmeasure.org"
_PROVIDERS = (None, "Practitioner", "PractitionerRole")
_HISTORY = re.compile(r"/_history/.*$")

LAYPEOPLE = ("Patient", "RelatedPerson")
"""Who speaks for the patient's side."""


@dataclass(frozen=True)
class Context:
    """The resource at hand: where it comes from and its key."""

    source_system: str
    key: int
    profile_name: str


def local_date(text: str | None) -> date | None:
    """The date of a FHIR date, dateTime or instant as written; None if absent or no date.

    Source: FHIR R4 §2.24.0.1, date and dateTime.
    """
    if not text:
        return None
    try:
        if len(text) >= 10:
            # A year's week and day, or a date without hyphens, are dates of ISO 8601 and none of FHIR.
            return date.fromisoformat(text[:10]) if text[4] == text[7] == "-" else None
        return date(*(int(part) for part in (*text.split("-"), "1", "1")[:3]))
    except ValueError:
        return None


def last_date(text: str | None) -> date | None:
    """The last day of what the end of a Period names: ``2025-02`` ends on 28 February 2025.

    Source: FHIR R4 §2.24.0.9 Period, whose end includes any matching time.
    """
    day = local_date(text)
    if day is None or text is None or len(text) >= 10:
        return day
    month = day.month if len(text) >= 7 else 12
    return date(day.year, month, calendar.monthrange(day.year, month)[1])


def local_datetime(text: str | None) -> datetime | None:
    """The local time as written, without its offset; None where the text has no time of day."""
    if not text or "T" not in text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def instant(*texts: str | None) -> datetime | None:
    """The first text that is a time, as an instant; a time without offset counts as UTC."""
    for text in texts:
        day = local_date(text)
        if text is None or day is None:
            continue
        try:
            found = datetime.fromisoformat(text) if "T" in text else datetime(day.year, day.month, day.day)
        except ValueError:
            continue
        with contextlib.suppress(OverflowError):
            # The first or last day there is, in another zone.
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return None


def start_of(resource: Resource, stem: str) -> str | None:
    """``[stem]DateTime``, ``[stem]Date``, ``[stem]Instant`` or the start of ``[stem]Period``."""
    for name in (f"{stem}DateTime", f"{stem}Date", f"{stem}Instant"):
        if resource.get(name):
            return str(resource[name])
    start = (resource.get(f"{stem}Period") or {}).get("start")
    return None if start is None else str(start)


def period_end(resource: Resource, stem: str) -> tuple[date | None, datetime | None]:
    """Last day and moment of ``[stem]Period``; None where it is open or absent."""
    end = (resource.get(f"{stem}Period") or {}).get("end")
    return last_date(end), local_datetime(end)


def end_of(resource: Resource, stem: str) -> tuple[date | None, datetime | None]:
    """Last day and moment of ``[stem]Period``, else those of what ``start_of`` gives."""
    if (resource.get(f"{stem}Period") or {}).get("end") is not None:
        return period_end(resource, stem)
    start = start_of(resource, stem)
    return local_date(start), local_datetime(start)


def period_of(period: Mapping[str, Any] | None) -> tuple[date | None, date | None]:
    """First and last day of a Period, None where it is open.

    Raises:
        ValueError: a bound is there and is no date; without it the period would be open.
    """
    start, end = (period or {}).get("start"), (period or {}).get("end")
    found = local_date(start), last_date(end)
    if (start is not None and found[0] is None) or (end is not None and found[1] is None):
        raise ValueError("period is no period of dates")
    return found


def codings(*concepts: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Every coding of CodeableConcepts, as ``{"system", "code", "display"}`` without absent parts.

    They keep their order, but that a coding which the user chose comes before the others of its concept.

    Source: FHIR R4 §2.24.0.5 Coding.userSelected; HL7 FHIR-to-OMOP guide, f2o-035.
    """
    result = []
    for concept in concepts:
        listed = (concept or {}).get("coding") or ()
        for coding in sorted(listed, key=_was_not_chosen) if len(listed) > 1 else listed:
            kept = {name: str(coding[name]) for name in ("system", "code", "display") if coding.get(name)}
            if "code" in kept:
                result.append(kept)
    return result


def _was_not_chosen(coding: Mapping[str, Any]) -> bool:
    return coding.get("userSelected") is not True


def security_labels(resource: Resource) -> list[dict[str, str]] | None:
    """Labels of a resource as codings: ``meta.security``, ``securityLabel`` of a DocumentReference and
    ``confidentiality`` of a Composition; None if none.

    A label without a code keeps the parts it has, else its text as ``display``: dropped, it would pass for no label.

    Source: FHIR R4 §6.1.1 Security labels.
    """
    labels = list((resource.get("meta") or {}).get("security") or ())
    if resource["resourceType"] == "DocumentReference":
        for concept in resource.get("securityLabel") or ():
            labels.extend(concept.get("coding") or [{"display": concept.get("text") or "unreadable"}])
    if resource["resourceType"] == "Composition" and resource.get("confidentiality"):
        labels.append({"system": _CONFIDENTIALITY, "code": resource["confidentiality"]})
    found = []
    for label in labels:
        kept = {name: str(label[name]) for name in ("system", "code", "display") if label.get(name)}
        kept = kept or {"display": "unreadable"}
        if kept not in found:
            found.append(kept)
    return found or None


def all_codings(concepts: Sequence[Mapping[str, Any]] | None) -> list[dict[str, str]] | None:
    """Codings of a list of CodeableConcepts, None if there is none."""
    return codings(*(concepts or ())) or None


def first_code(concepts: Any) -> str | None:
    """The first code of a CodeableConcept or of a list of them, else its text."""
    listed = concepts if isinstance(concepts, list) else [concepts] if concepts else []
    found = codings(*listed)
    if found:
        return found[0]["code"]
    return next((str(concept["text"]) for concept in listed if concept.get("text")), None)


def concept_text(concept: Mapping[str, Any] | None) -> str | None:
    """A CodeableConcept's text, else the display of its first coding."""
    if not concept:
        return None
    if concept.get("text"):
        return str(concept["text"])
    return next((coding["display"] for coding in codings(concept) if "display" in coding), None)


def codeable_concept(concept: Mapping[str, Any] | None) -> dict[str, Any]:
    """A CodeableConcept as the columns ``codings`` and ``code_text``."""
    return {"codings": codings(concept), "code_text": concept_text(concept)}


def unit_of(quantity: Mapping[str, Any]) -> dict[str, Any]:
    """A Quantity's unit as the columns ``unit_code`` and ``unit_source_value``.

    A code is a unit's only in UCUM, or where no system is named.
    """
    code = quantity.get("code")
    return {
        "unit_code": code if quantity.get("system") in (None, _UCUM) else None,
        "unit_source_value": quantity.get("unit") or code,
    }


def category_of(resource: Resource) -> str | None:
    """The code of ``category`` that is of one of HL7's own code systems, else the first code or text.

    Sources put categories of their own beside HL7's, in one concept or as concepts of their own.
    """
    categories = resource.get("category")
    for coding in codings(*objects_of(categories)):
        if coding.get("system", "").startswith(_TERMINOLOGY):
            return coding["code"]
    return first_code(categories)


def categories_of(resource: Resource) -> list[str] | None:
    """Every code of ``category``, each once, in their order; None if there is none.

    Of an AllergyIntolerance the categories are codes themselves.
    """
    found = resource.get("category")
    plain = [part for part in found if isinstance(part, str)] if isinstance(found, list) else []
    return list(dict.fromkeys([*plain, *(coding["code"] for coding in codings(*objects_of(found)))])) or None


def objects_of(value: object) -> list[Resource]:
    """The objects of an element that is one in some resources and a list in others."""
    return [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, dict)]


def canonical_authority(system: str) -> str:
    """An identifier system as HL7 v2 would name it: ``urn:oid:1.2`` is ``1.2``, any other URI itself."""
    return system.removeprefix("urn:oid:")


def identifier_alias(source_system: str, resource_type: str, system: str, value: str) -> int:
    """Key of a reference by business identifier, ``Type?identifier=system|value``."""
    return derived_key(source_system, f"{resource_type}?identifier", f"{system}|{value}")


def reference_key(context: Context, reference: Mapping[str, Any] | None, resource_type: str) -> int | None:
    """Key of what a Reference points at.

    Takes ``Type/id``, an absolute URL, ``urn:uuid:`` and ``urn:oid:`` (whose type is the element's), a version suffix,
    ``Type?identifier=system|value`` and a logical reference by identifier. ``#contained`` points at no resource of
    its own: None.

    Source: FHIR R4 §2.3 References between resources.
    """
    if not reference:
        return None
    address = reference.get("reference")
    if address:
        is_said, key = _key_at(context.source_system, str(address), resource_type)
        if is_said:
            return key
    logical = reference.get("identifier") or {}
    if logical.get("value"):
        return identifier_alias(
            context.source_system, resource_type, str(logical.get("system") or ""), str(logical["value"])
        )
    return None


# The same patients, encounters and organisations are referred to again and again.
@lru_cache(maxsize=1 << 14)
def _key_at(source_system: str, address: str, resource_type: str) -> tuple[bool, int | None]:
    """Whether an address says what it points at, and the key of that."""
    target = _HISTORY.sub("", address)
    if target.startswith("#"):
        return True, None
    if target.startswith(("urn:uuid:", "urn:oid:")):
        return True, resource_key(source_system, resource_type, target.rsplit(":", 1)[1])
    if "?identifier=" in target:
        kind, _, identifier = target.partition("?identifier=")
        system, _, value = identifier.partition("|")
        return True, identifier_alias(source_system, kind.rsplit("/", 1)[-1], system, value)
    if "/" in target:
        kind, resource_id = target.rsplit("/", 2)[-2:]
        return True, resource_key(source_system, kind, resource_id)
    return False, None


def reference_type(reference: Mapping[str, Any] | None) -> str | None:
    """Type of what a Reference points at, by its address, else by its ``type``; None if it names none.

    Source: FHIR R4 §2.3.0.1 Reference.reference, §2.3.0.2 Reference.type.
    """
    target = _HISTORY.sub("", str((reference or {}).get("reference") or ""))
    path = target.partition("?")[0] if "?" in target else target.rpartition("/")[0]
    if path and not target.startswith(("urn:", "#")):
        return path.rsplit("/", 1)[-1]
    named = (reference or {}).get("type")
    return None if named is None else str(named).rsplit("/", 1)[-1]


def practitioner_key(context: Context, *references: Mapping[str, Any] | None) -> int | None:
    """Key of the first reference that leads to a practitioner or a practitioner's role.

    Organisations, teams, patients and relatives are passed over; what doesn't say what it is may be a practitioner.
    """
    for reference in references:
        kind = reference_type(reference)
        key = reference_key(context, reference, kind or "Practitioner") if kind in _PROVIDERS else None
        if key is not None:
            return key
    return None


def patient_key(resource: Resource, context: Context) -> int | None:
    """Key of the patient a resource is about, by ``subject`` or ``patient``; None if it is about anything else."""
    about = resource.get("subject") or resource.get("patient")
    target = _HISTORY.sub("", str((about or {}).get("reference") or ""))
    path = target.partition("?")[0] if "?" in target else target.rpartition("/")[0]
    if path and not target.startswith("urn:") and path.rsplit("/", 1)[-1] != "Patient":
        return None
    return reference_key(context, about, "Patient")


def contained(resource: Resource, reference: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The contained resource a ``#id`` reference names."""
    target = str((reference or {}).get("reference") or "")
    if not target.startswith("#"):
        return None
    return next((part for part in resource.get("contained") or () if part.get("id") == target[1:]), None)


def extension(resource: Resource, url: str) -> Mapping[str, Any] | None:
    """The first extension of that URL."""
    return next((part for part in resource.get("extension") or () if part.get("url") == url), None)


def alias_rows(context: Context, resource: Resource) -> list[dict[str, Any]]:
    """``reference_alias`` rows for each business identifier of a resource."""
    rows = {}
    for identifier in resource.get("identifier") or ():
        if identifier.get("value"):
            alias = identifier_alias(
                context.source_system,
                str(resource["resourceType"]),
                str(identifier.get("system") or ""),
                str(identifier["value"]),
            )
            rows[alias] = {"reference_alias_key": derived_key(str(context.key), str(alias)), "alias_key": alias}
    return list(rows.values())
