"""Specimen → specimen. Source: OMOP CDM 5.4 specimen."""

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    codeable_concept,
    codings,
    concept_text,
    local_date,
    local_datetime,
    patient_key,
    start_of,
    unit_of,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row
from pipelines.fhir.profiles import Profile


def specimen(resource: Resource, context: Context, _: Profile) -> Mapped | Excluded:
    """A specimen that was taken, whether it is still there or of use; its identifiers stay in landing."""
    person = patient_key(resource, context)
    if person is None:
        return Excluded("no_patient")
    if resource.get("status") == "entered-in-error":
        return Excluded("status:entered-in-error", person)
    collection = resource.get("collection") or {}
    quantity = collection.get("quantity") or {}
    when = start_of(collection, "collected") or resource.get("receivedTime")
    row: Row = {
        "specimen_key": context.key,
        "person_key": person,
        **codeable_concept(resource.get("type")),
        "specimen_date": local_date(when),
        "specimen_datetime": local_datetime(when),
        "quantity": quantity.get("value"),
        **unit_of(quantity),
        "body_site_codings": codings(collection.get("bodySite")) or None,
        "body_site_text": concept_text(collection.get("bodySite")),
    }
    return Mapped({"specimen": [row]}, person)
