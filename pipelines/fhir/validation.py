"""Is it FHIR R4, and do its values fit bronze? With fhir.resources (R4B), or the structure that mapping relies on.

R4B differs from R4 in resources we don't map, and fhir.resources refuses some R4 that is legal; ``_tolerated`` says
which.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any

import orjson
from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.resource import Resource
from pydantic import ValidationError

from pipelines.fhir.mapping import MAPPED_TYPES
from resources.settings import Validation

_NAME = re.compile(r"[A-Za-z_]{1,40}")
_MOST_PROBLEMS = 5
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
_LIST_TYPED: Mapping[str, frozenset[str]] = {
    "Encounter": frozenset({"participant", "location", "identifier", "extension"}),
    "Observation": frozenset({"component", "performer", "identifier", "extension"}),
    "Patient": frozenset({"identifier", "name", "extension"}),
    "DocumentReference": frozenset({"content", "identifier", "extension"}),
    "CareTeam": frozenset({"participant", "managingOrganization", "identifier", "extension"}),
    "Consent": frozenset({"category", "policy", "identifier", "extension"}),
}

_NUMBERS = {"value_number", "range_low", "range_high", "quantity"}
_INTEGERS = {"days_supply", "refills", "provision_number"}
_BOOLEANS = {"value_boolean", "primary_source", "deceased", "has_actors", "has_other_limits", "is_active"}
_LISTS = ("codings", "_labels")
_OUR_INTEGERS = ("_key", "_of_birth")
_MOST_EXACT = 1 << 53
_MOST_INTEGER = (1 << 31) - 1


@cache
def _model(resource_type: str) -> Any:
    """fhir.resources' class of a type of resource, None if R4B has no such type."""
    try:
        found = get_fhir_model_class(resource_type)
    except ValueError:
        return None
    return found if issubclass(found, Resource) else None


def problem(
    resource: Mapping[str, Any], validation: Validation, *, only_identity: bool = False
) -> tuple[str, str | None] | None:
    """Why a resource can't be used, as (reason, detail); None if it can.

    The detail names elements and rules of at most five findings, never values. Resources that make no rows are
    checked for type and id only, as is every resource with ``only_identity``.
    """
    kind = str(resource["resourceType"])
    if _model(kind) is None:
        return "unknown_resource_type", None
    identifier = resource.get("id")
    if not isinstance(identifier, str) or not identifier:
        return "no_id", None
    if only_identity or kind not in MAPPED_TYPES:
        return None
    found = _full(kind, resource) if validation == "full" else _structural(kind, resource)
    return ("not_r4", found) if found else None


def holds_nul(resource: Mapping[str, Any]) -> bool:
    """Whether a string holds U+0000, which FHIR forbids and PostgreSQL can't store."""
    content = orjson.dumps(resource)
    # Looking for the bytes alone is a tenth of the work, and almost no record has them.
    return b"\\u0000" in content and _NUL.search(content) is not None


def _full(kind: str, resource: Mapping[str, Any]) -> str | None:
    try:
        _model(kind).model_validate(resource)
    except ValidationError as error:
        findings = [
            f"{_path(found)}: {_safe(found['type'])}"
            for found in error.errors(include_input=False, include_url=False, include_context=False)
            if not _tolerated(found)
        ]
        return "; ".join(findings[:_MOST_PROBLEMS]) or None
    return None


def _tolerated(found: Mapping[str, Any]) -> bool:
    # Epic's ids exceed FHIR's 64 characters (88 were seen); bronze keys don't depend on their length.
    return found["loc"][-1:] == ("id",) and "length" in str(found.get("msg", "")).lower()


def _path(found: Mapping[str, Any]) -> str:
    parts = [_safe(part) for part in found["loc"]]
    # FHIR doesn't know this element, so its name could be a person's.
    unknown = found["type"] == "extra_forbidden"
    return ".".join([*parts[:-1], "?"] if unknown else parts)


def _safe(part: object) -> str:
    """A part of a path or rule if it looks like a name; an unknown element's name could be anything."""
    text = str(part)
    return text if isinstance(part, int) or all(_NAME.fullmatch(word) for word in text.split(".")) else "?"


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
                if value is not None and not _fits(name, value):
                    return f"{table}.{name}"
    return None


def _fits(name: str, value: Any) -> bool:
    if name in _BOOLEANS:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if name in _NUMBERS:
        return isinstance(value, float) or (isinstance(value, int) and abs(value) <= _MOST_EXACT)
    if name in _INTEGERS:
        return isinstance(value, int) and abs(value) <= _MOST_INTEGER
    if name.endswith(_OUR_INTEGERS):
        return isinstance(value, int)
    return isinstance(value, list) if name.endswith(_LISTS) else isinstance(value, str | date)
