"""AdverseEvent, Goal → observation: what is said about a thing, which is no occurrence of that thing."""

from pipelines.fhir.mapping.clinical import event
from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    category_of,
    codeable_concept,
    local_date,
    local_datetime,
    patient_key,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile


def adverse_event(resource: Resource, context: Context, _: Profile) -> Mapped | Excluded:
    """An adverse event that came to pass; one that only might have is none."""
    person = patient_key(resource, context)
    if person is None:
        return Excluded("no_patient")
    if resource.get("actuality") != "actual":
        return not_taken("actuality", str(resource.get("actuality")), person)
    when = next((resource[name] for name in ("date", "detected", "recordedDate") if resource.get(name)), None)
    row: Row = {
        **event(resource, context, person, resource.get("recorder")),
        **codeable_concept(resource.get("event")),
        "observation_key": context.key,
        "kind": "adverse-event",
        "qualifier": "AdverseEvent",
        "category": category_of(resource),
        "observation_date": local_date(when),
        "observation_datetime": local_datetime(when),
    }
    return Mapped({"observation": [row]}, person)


def goal(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """What is striven for; its targets stay in landing."""
    person = patient_key(resource, context)
    status = str(resource.get("lifecycleStatus"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Goal"]:
        return not_taken("status", status, person)
    when = resource.get("startDate") or resource.get("statusDate")
    row: Row = {
        **event(resource, context, person, resource.get("expressedBy")),
        **codeable_concept(resource.get("description")),
        "observation_key": context.key,
        "kind": "goal",
        "qualifier": "Goal",
        "category": category_of(resource),
        "status": status,
        "observation_date": local_date(when),
    }
    return Mapped({"observation": [row]}, person)
