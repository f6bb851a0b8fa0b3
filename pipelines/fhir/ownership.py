"""Whose a FHIR resource is: the person it is about, and those it only mentions.

Source: FHIR R4 §2.3 References, Patient compartment. A resource that names its patient in ``subject``, ``patient`` and
the like is that patient's. One that does not is the person's to whom all its references to records of people lead.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.fhir.mapping.elements import (
    Context,
    canonical_authority,
    codings,
    objects_of,
    reference_key,
    reference_type,
)
from pipelines.keys import resource_key
from pipelines.tombstones import NAMING_TYPES, Identity, identity

_ABOUT = ("subject", "patient", "beneficiary", "individual", "candidate", "for")
_SHARED = frozenset(
    {"Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Endpoint", "Device"}
    | {"Medication", "Substance", "Questionnaire", "PlanDefinition", "ActivityDefinition", "InsurancePlan"}
)
"""Types that belong to no patient, so that a reference to one says nothing of whose a record is."""


@dataclass(frozen=True)
class Verdict:
    """What a record is to the people searched for.

    Attributes:
        is_theirs: the whole record is to go.
        is_nobodys: a record of a type that belongs to people, which names none.
        mentions: texts of references that lead to them, in a record of someone else.
    """

    is_theirs: bool = False
    is_nobodys: bool = False
    mentions: frozenset[str] = field(default_factory=frozenset)


def people_of(resource: Mapping[str, Any], source_system: str) -> frozenset[int]:
    """Keys of the source persons a resource is about.

    A Patient itself, else those in ``subject``, ``patient`` etc., else every Patient that a reference in it names.
    """
    return _about(resource, source_system) or _named(resource, source_system)


def _about(resource: Mapping[str, Any], source_system: str) -> frozenset[int]:
    if resource.get("resourceType") == "Patient":
        return frozenset({resource_key(source_system, "Patient", str(resource.get("id")))})
    context = Context(source_system, 0, "")
    named = (resource[name] for name in _ABOUT if name in resource)
    keys = (_patient(reference, context) for value in named for reference in objects_of(value))
    return frozenset(key for key in keys if key is not None)


def _named(resource: Mapping[str, Any], source_system: str) -> frozenset[int]:
    """Patients that references lead to; one by ``urn:`` without a type may be one, and counts as somebody."""
    context = Context(source_system, 0, "")
    found = set()
    for reference in references(resource):
        kind = reference_type(reference)
        if kind == "Patient" or (kind is None and str(reference.get("reference") or "").startswith("urn:")):
            found.add(_key(reference, context, "Patient"))
    return frozenset(key for key in found if key is not None)


def identities_of(resource: Mapping[str, Any]) -> tuple[Identity, ...]:
    """The identifiers of a Patient that name a person, hashed; none for another resource or one that is misshapen."""
    if resource.get("resourceType") != "Patient":
        return ()
    born = str(resource.get("birthDate") or "")[:10]
    result = []
    for part in objects_of(resource.get("identifier")):
        kind = part.get("type")
        found = codings(kind) if isinstance(kind, dict) and isinstance(kind.get("coding") or [], list) else []
        named = (canonical_authority(str(part.get("system") or "")), str(part.get("value") or ""))
        if all(named) and (found[0]["code"] if found else "") in NAMING_TYPES:
            result.append(identity(*named, born))
    return tuple(result)


def judge(
    resource: Mapping[str, Any],
    source_system: str,
    people: Container[int],
    records: Container[int],
    is_held: Callable[[int], bool] = lambda _: True,
) -> Verdict:
    """Whether a resource is one of ``people``'s or one of ``records`` (both keys), or mentions them.

    Args:
        resource: parsed.
        source_system: whose keys its references have.
        people: keys of source persons.
        records: keys of resources known to be theirs.
        is_held: whether the warehouse holds a resource. Where no element says whom a resource is about and all
            Patients it names are theirs, references to what nobody holds do not make it somebody else's.
    """
    kind = str(resource.get("resourceType"))
    if resource_key(source_system, kind, str(resource.get("id"))) in records:
        return Verdict(True)
    about = _about(resource, source_system)
    if about and all(key in people for key in about):
        return Verdict(True)
    context = Context(source_system, 0, "")
    named = frozenset[int]() if about else _named(resource, source_system)
    names_only_them = bool(named) and all(key in people for key in named)
    leading, elsewhere = [], bool(about)
    for reference in references(resource):
        keys = _targets(reference, context)
        if any(key in people or key in records for key in keys):
            leading.append(reference)
        elif any(not names_only_them or is_held(key) for key in keys):
            elsewhere = True
    if leading and not elsewhere:
        return Verdict(True)
    mentions = frozenset(text for reference in leading for text in _texts(reference))
    return Verdict(False, not elsewhere and kind not in _SHARED, mentions)


def references(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every Reference in a resource, at any depth, and attachments by URL."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str) or (
            isinstance(value.get("identifier"), dict) and "resourceType" not in value
        ):
            yield value
        elif isinstance(value.get("url"), str) and value["url"].startswith("Binary/"):
            yield {"reference": value["url"]}
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def attachments(resource: Mapping[str, Any], source_system: str) -> Iterator[int]:
    """Keys of the Binary resources that hold a record's attachments."""
    for reference in references(resource):
        target = reference.get("reference")
        if isinstance(target, str) and target.startswith("Binary/"):
            yield resource_key(source_system, "Binary", target.removeprefix("Binary/"))


def _patient(reference: Mapping[str, Any], context: Context) -> int | None:
    target = str(reference.get("reference") or "").partition("?")[0]
    if "/" in target and not target.startswith("urn:") and "Patient" not in target.split("/"):
        return None
    return _key(reference, context, "Patient")


def _targets(reference: Mapping[str, Any], context: Context) -> set[int]:
    """Keys a reference may mean, without those of types that belong to no patient."""
    target, query, _ = str(reference.get("reference") or "").partition("?")
    named = reference.get("type")
    if target.startswith("urn:") or not target:
        kinds = {str(named)} if named else {"Patient", "Encounter"}
    elif query:
        kinds = {target.rsplit("/", 1)[-1]}
    else:
        kinds = {target.split("/")[-2]} if "/" in target else set()
    keys = (_key(reference, context, kind) for kind in kinds - _SHARED)
    return {key for key in keys if key is not None}


def _key(reference: Mapping[str, Any], context: Context, kind: str) -> int | None:
    logical = reference.get("identifier")
    usable = logical is None or isinstance(logical, dict)
    return reference_key(context, reference if usable else {"reference": reference.get("reference")}, kind)


def _texts(reference: Mapping[str, Any]) -> Iterator[str]:
    for value in (reference.get("reference"), reference.get("display")):
        if isinstance(value, str):
            yield value
    logical = reference.get("identifier")
    if isinstance(logical, dict) and isinstance(logical.get("value"), str):
        yield logical["value"]
