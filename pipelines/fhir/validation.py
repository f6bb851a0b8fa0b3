"""Is it FHIR R4, and do its values fit bronze? With fhir.resources, or the structure that mapping relies on."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import orjson

from pipelines.fhir.mapping import MAPPED_TYPES
from pipelines.fhir.mapping.claim_money import AMOUNTS
from pipelines.fhir.resource_types import RESOURCE_TYPES
from resources.settings import Validation

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_OBJECTS = {
    "code",
    "subject",
    "patient",
    "period",
    "class",
    "encounter",
    "meta",
    "valueQuantity",
    "hospitalization",
    "provision",
}
_STRINGS = {
    "status",
    "intent",
    "birthDate",
    "effectiveDateTime",
    "authoredOn",
    "recordedDate",
    "onsetDateTime",
    "dateTime",
}
_CLAIM_LISTS = frozenset(
    {"item", "diagnosis", "procedure", "insurance", "careTeam", "supportingInfo", "identifier", "extension"}
)
_LIST_TYPED: Mapping[str, frozenset[str]] = {
    "Encounter": frozenset({"participant", "location", "identifier", "extension"}),
    "Observation": frozenset({"component", "performer", "identifier", "extension"}),
    "Patient": frozenset({"identifier", "name", "extension"}),
    "DocumentReference": frozenset({"content", "identifier", "extension"}),
    "CareTeam": frozenset({"participant", "managingOrganization", "identifier", "extension"}),
    "Consent": frozenset({"category", "policy", "identifier", "extension"}),
    "Coverage": frozenset({"payor", "class", "identifier", "extension"}),
    "Claim": _CLAIM_LISTS,
    "PractitionerRole": frozenset({"code", "specialty", "identifier", "extension"}),
    "Provenance": frozenset({"target", "agent", "extension"}),
    "ExplanationOfBenefit": _CLAIM_LISTS | {"addItem", "total", "adjudication"},
}

_NUMBERS = {
    "value_number",
    "range_low",
    "range_high",
    "quantity",
    "total_days_supplied",
    "supplied_quantity",
    "dose_per_day",
    *AMOUNTS,
}
_INTEGERS = {"days_supply", "refills", "provision_number", "line_number", "item_sequence"}
_BOOLEANS = {
    "value_boolean",
    "primary_source",
    "deceased",
    "has_actors",
    "has_effective_time",
    "has_other_limits",
    "is_active",
    "is_adjudicated",
    "is_patient_reported",
}
_LISTS = ("codings", "categories", "_labels", "_keys", "_diagnoses")
_OUR_INTEGERS = ("_key", "_of_birth")
_MOST_EXACT = 1 << 53
_MOST_INTEGER = (1 << 31) - 1


def problem(
    resource: Mapping[str, Any], validation: Validation, *, only_identity: bool = False
) -> tuple[str, str | None] | None:
    """Why a resource can't be used, as (reason, detail); None if it can.

    The detail names elements and rules of at most five findings, never values. Resources that make no rows are
    checked for type, id and U+0000 only, as is every resource with ``only_identity``.
    """
    kind = str(resource["resourceType"])
    if kind not in RESOURCE_TYPES:
        return "unknown_resource_type", None
    identifier = resource.get("id")
    if not isinstance(identifier, str) or not identifier:
        return "no_id", None
    if _holds_nul(resource):
        return "not_r4", "U+0000 in a string"
    if only_identity or kind not in MAPPED_TYPES:
        return None
    found = _full(kind, resource) if validation == "full" else _structural(kind, resource)
    return ("not_r4", found) if found else None


def _holds_nul(resource: Mapping[str, Any]) -> bool:
    """Whether a string holds U+0000, which FHIR forbids and PostgreSQL can't store."""
    content = orjson.dumps(resource)
    # Looking for the bytes alone is a tenth of the work, and almost no record has them.
    return b"\\u0000" in content and _NUL.search(content) is not None


def _full(kind: str, resource: Mapping[str, Any]) -> str | None:
    # Its classes take a second to import, which a structural load does without.
    from pipelines.fhir.full_validation import findings

    return findings(kind, resource)


def _structural(kind: str, resource: Mapping[str, Any]) -> str | None:
    """Types and cardinality of the elements that mapping reads."""
    lists = _LIST_TYPED.get(kind, frozenset())
    for name, value in resource.items():
        if name in _STRINGS and not isinstance(value, str):
            return f"{name}: string_type"
        if name in lists and not (isinstance(value, list) and all(isinstance(part, dict) for part in value)):
            return f"{name}: list_type"
        if name in _OBJECTS and name not in lists and not isinstance(value, dict):
            return f"{name}: object_type"
    return None


def misfit(rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> str | None:
    """The first ``table.column`` whose value the column can't hold, None if all fit.

    fhir.resources takes ``"7.1"`` for a number and knows no largest integer; one such value would stop a whole load.
    """
    for table, found in rows.items():
        for row in found:
            for name, value in row.items():
                if value is not None and not _takes(name, value.__class__) and not _is_exact(name, value):
                    return f"{table}.{name}"
    return None


@cache
def _takes(name: str, kind: type) -> bool:
    """Whether a column of this name holds every value of a type."""
    if name in _BOOLEANS:
        return kind is bool
    if name in _NUMBERS:
        return issubclass(kind, float)
    if name in _INTEGERS:
        return False
    if name.endswith(_OUR_INTEGERS):
        return _is_whole(kind)
    return issubclass(kind, list if name.endswith(_LISTS) else str | date)


def _is_exact(name: str, value: Any) -> bool:
    """Whether a column of numbers holds a whole number as it is."""
    most = _MOST_EXACT if name in _NUMBERS else _MOST_INTEGER if name in _INTEGERS else -1
    return _is_whole(type(value)) and abs(value) <= most


def _is_whole(kind: type) -> bool:
    return issubclass(kind, int) and kind is not bool
