"""ServiceRequest, DeviceRequest → observation: what was ordered; and of any resource, what was not done.

An order is not what it asks for: neither becomes a procedure, a device or a drug. Source: FHIR R4 Request pattern, and
status ``not-done`` of events; OMOP CDM 5.4 observation.
"""

from collections.abc import Sequence

from pipelines.fhir.mapping.clinical import event
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    all_codings,
    categories_of,
    category_of,
    codeable_concept,
    codings,
    concept_text,
    local_date,
    local_datetime,
    objects_of,
    patient_key,
    start_of,
)
from pipelines.fhir.mapping.reasons import reason_keys
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile

DO_NOT_PERFORM = frozenset(
    {
        "http://hl7.org/fhir/StructureDefinition/request-doNotPerform",
        "http://hl7.org/fhir/5.0/StructureDefinition/extension-DeviceRequest.doNotPerform",
    }
)
"""Modifier extensions that stand for the element where R4 has none: DeviceRequest's, and R5's written in R4."""

# QI-Core and its successors begin their URLs differently.
_REASONS = ("doNotPerformReason", "notDoneReason")
_RECORDED = ("-recorded",)


def service_request(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """An order of a service, or an order not to perform it."""
    return _request(resource, context, profile, resource.get("code"), "service-order")


def device_request(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """An order of a device, or an order not to supply it; one by reference has that reference's words only."""
    inline = resource.get("codeCodeableConcept")
    named = (resource.get("codeReference") or {}).get("display")
    return _request(resource, context, profile, inline or {"text": named}, "device-order")


def is_negated(resource: Resource) -> bool:
    """Whether a request is one not to perform: by its element, or by the modifier extension."""
    extended = (part for part in resource.get("modifierExtension") or () if part.get("url") in DO_NOT_PERFORM)
    return bool(resource.get("doNotPerform")) or any(part.get("valueBoolean") is not False for part in extended)


def says_why_not(resource: Resource) -> bool:
    """Whether an extension of QI-Core or its successors says why it was not done."""
    return bool(_extension(resource, _REASONS))


def not_done(resource: Resource, context: Context, person: int, thing: Row, when: str | None) -> Mapped:
    """An observation that something was not done, or was ordered not to be, with the reason.

    Args:
        resource: says so.
        context: the resource at hand.
        person: key of the patient.
        thing: ``codings``, ``code_text`` and, of a medication by reference, ``medication_key``.
        when: of a request when it was made, of an event when it would have happened.
    """
    recorded = _extension(resource, _RECORDED).get("valueDateTime")
    return _observation(resource, context, person, "not-done", thing, when or recorded)


def _request(
    resource: Resource, context: Context, profile: Profile, concept: Resource | None, kind: str
) -> Mapped | Excluded:
    person = patient_key(resource, context)
    status, intent = str(resource.get("status")), str(resource.get("intent"))
    if person is None:
        return Excluded("no_patient")
    if intent not in profile.order_intents:
        return not_taken("intent", intent, person)
    if status not in profile.statuses[str(resource["resourceType"])]:
        return not_taken("status", status, person)
    when = resource.get("authoredOn") or start_of(resource, "occurrence")
    if is_negated(resource):
        return not_done(resource, context, person, codeable_concept(concept), when)
    return _observation(resource, context, person, kind, codeable_concept(concept), when)


def _observation(resource: Resource, context: Context, person: int, kind: str, thing: Row, when: str | None) -> Mapped:
    actors = (performer.get("actor") for performer in objects_of(resource.get("performer")))
    reasons = _reasons(resource)
    row: Row = {
        **event(
            {"encounter": resource.get("encounter") or resource.get("context")},
            context,
            person,
            resource.get("requester"),
            *actors,
        ),
        **thing,
        "observation_key": context.key,
        "kind": kind,
        "qualifier": resource["resourceType"],
        "category": category_of(resource),
        "categories": categories_of(resource),
        "status": resource.get("status"),
        "intent": resource.get("intent"),
        "reason_codings": codings(*reasons) or None,
        "reason_keys": reason_keys(resource, context),
        "body_site_codings": all_codings(objects_of(resource.get("bodySite"))),
        "reason_text": next((text for text in map(concept_text, reasons) if text), None),
        "observation_date": local_date(when),
        "observation_datetime": local_datetime(when),
    }
    return Mapped({"observation": [row]}, person)


def _reasons(resource: Resource) -> Sequence[Resource]:
    """Why: the reason of the status, of the negation (QI-Core), else of the request or event."""
    stated = [*objects_of(resource.get("statusReason"))]
    negated = _extension(resource, _REASONS).get("valueCodeableConcept")
    return [*stated, *([negated] if negated else []), *objects_of(resource.get("reasonCode"))]


def _extension(resource: Resource, endings: tuple[str, ...]) -> Resource:
    """The first extension whose URL ends so."""
    return next((part for part in resource.get("extension") or () if str(part.get("url")).endswith(endings)), {})
