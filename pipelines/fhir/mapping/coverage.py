"""Coverage → payer_plan_period. Source: OMOP CDM 5.4 payer_plan_period; FHIR R4 Coverage.

Numbers by which a payer knows its members (subscriberId, identifiers, values of classes) stay in landing, and so does
who the subscriber is: any pseudonym of that person that a family shares would lead back to them.
"""

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    codings,
    contained,
    first_code,
    patient_key,
    period_of,
    reference_key,
    reference_type,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile

_PEOPLE = ("Patient", "RelatedPerson")


def coverage(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """What a patient is insured by, and when.

    Raises:
        ValueError: a bound of the period is there and is no date.
    """
    person = patient_key({"subject": resource.get("beneficiary")}, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Coverage"]:
        return not_taken("status", status, person)
    start, end = period_of(resource.get("period"))
    row: Row = {
        "payer_plan_period_key": context.key,
        "person_key": person,
        "status": status,
        "start_date": start,
        "end_date": end,
        "type_codings": codings(resource.get("type")) or None,
        **_payer(resource, context),
        "plan_name": _plan(resource),
    }
    return Mapped({"payer_plan_period": [row], "reference_alias": alias_rows(context, resource)}, person)


def _payer(resource: Resource, context: Context) -> Row:
    """The first payor that is an organisation, by key and by name; a person who pays is named by nothing.

    Words beside a reference are an organisation's name only where the reference says that it leads to one.
    """
    payors = resource.get("payor") or ()
    for payor in payors:
        inside = contained(resource, payor)
        kind = reference_type(payor) if inside is None else inside.get("resourceType")
        if kind == "Organization":
            name = payor.get("display") if inside is None else inside.get("name")
            return {"care_site_key": reference_key(context, payor, "Organization"), "payer_name": name}
        if kind is None and reference_key(context, payor, "Organization") is not None:
            return {"care_site_key": reference_key(context, payor, "Organization"), "payer_name": None}
    is_a_person = any(reference_type(payor) in _PEOPLE for payor in payors)
    return {"care_site_key": None, "payer_name": "self" if is_a_person else None}


def _plan(resource: Resource) -> str | None:
    """Name of the plan; its value may be a member's number and stays in landing."""
    for part in resource.get("class") or ():
        if first_code(part.get("type")) == "plan" and part.get("name"):
            return str(part["name"])
    return None
