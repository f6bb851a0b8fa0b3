"""Why something was done or ordered: ``reasonCode`` and ``reasonReference`` of requests and events."""

from pipelines.fhir.mapping.elements import Context, Resource, codings, objects_of, reference_key, reference_type
from pipelines.fhir.mapping.result import Row

_REASONS = ("Condition", "Observation", "DiagnosticReport", "Procedure")
"""What a reason is recorded as. Source: FHIR R4 reasonReference of the resources that have one."""


def reasons(resource: Resource, context: Context) -> Row:
    """The columns ``reason_codings`` and ``reason_keys``."""
    return {
        "reason_codings": codings(*objects_of(resource.get("reasonCode"))) or None,
        "reason_keys": reason_keys(resource, context),
    }


def reason_keys(resource: Resource, context: Context) -> list[int] | None:
    """Keys of the records that ``reasonReference`` names; one that doesn't say its type may be of any."""
    found: dict[int, None] = {}
    for reference in objects_of(resource.get("reasonReference")):
        kind = reference_type(reference)
        for candidate in (kind,) if kind else _REASONS:
            key = reference_key(context, reference, candidate)
            if key is not None:
                found[key] = None
    return list(found) or None
