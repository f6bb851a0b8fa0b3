"""Task → rejected_request: an order or prescription that whoever should fulfil it rejects.

Source: FHIR R4 Task (status, code ``fulfill``, focus); QI-Core TaskRejected.
"""

from pipelines.fhir.mapping.elements import Context, Resource, codings, patient_key, reference_key, reference_type
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_REQUESTS = ("MedicationRequest", "ServiceRequest", "DeviceRequest")


def task(resource: Resource, context: Context, _: Profile) -> Mapped | Excluded:
    """The request whose fulfilment is rejected; who it is for is often said by the request alone."""
    person = patient_key({"subject": resource.get("for")}, context)
    status = str(resource.get("status"))
    if status != "rejected":
        return not_taken("status", status, person)
    if all(coding["code"] != "fulfill" for coding in codings(resource.get("code"))):
        return Excluded("no_fulfilment", person)
    focus = resource.get("focus")
    kind = reference_type(focus)
    keys = [reference_key(context, focus, request) for request in _REQUESTS if kind in (None, request)]
    rows: list[Row] = [
        {
            "rejected_request_key": derived_key(str(context.key), "focus", str(key)),
            "person_key": person,
            "request_key": key,
        }
        for key in dict.fromkeys(keys)
        if key is not None
    ]
    return Mapped({"rejected_request": rows}, person) if rows else Excluded("no_request", person)
