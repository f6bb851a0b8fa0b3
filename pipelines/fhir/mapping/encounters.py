"""Encounter → visit_occurrence, visit_detail. Source: OMOP CDM 5.4 visit tables; FHIR R4 Encounter."""

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    alias_rows,
    all_codings,
    codings,
    first_code,
    last_date,
    local_date,
    local_datetime,
    patient_key,
    practitioner_key,
    reference_key,
)
from pipelines.fhir.mapping.reasons import reasons
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_ATTENDING = ("ATND", "PPRF")
_NOT_YET = ("planned", "reserved")
"""Statuses of a location where the patient has not been. Source: FHIR R4 EncounterLocationStatus."""


def encounter(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A visit, and where it was: a location with a period of its own becomes a visit_detail of omop too."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Encounter"]:
        return not_taken("status", status, person)
    period = resource.get("period") or {}
    start = period.get("start") or period.get("end")
    if local_date(start) is None:
        return Excluded("no_date", person)
    stay = resource.get("hospitalization") or {}
    visit: Row = {
        "visit_occurrence_key": context.key,
        "person_key": person,
        "class_code": (resource.get("class") or {}).get("code"),
        "type_codings": all_codings(resource.get("type")),
        "status": status,
        "visit_start_date": local_date(start),
        "visit_start_datetime": local_datetime(start),
        "visit_end_date": last_date(period.get("end")),
        "visit_end_datetime": local_datetime(period.get("end")),
        "provider_key": _provider(resource, context),
        "care_site_key": reference_key(context, resource.get("serviceProvider"), "Organization"),
        "admitted_from_source_value": first_code(stay.get("admitSource")),
        "discharged_to_source_value": first_code(stay.get("dischargeDisposition")),
        "parent_visit_key": reference_key(context, resource.get("partOf"), "Encounter"),
        **reasons(resource, context),
    }
    rows = {
        "visit_occurrence": [visit],
        "visit_detail": _details(resource, context, person),
        "reference_alias": alias_rows(context, resource),
    }
    return Mapped(rows, person)


def _provider(resource: Resource, context: Context) -> int | None:
    """The attending or primary performer, else the first participant that is a practitioner."""
    ranked: list[tuple[int, int]] = []
    for participant in resource.get("participant") or ():
        key = practitioner_key(context, participant.get("individual"))
        if key is not None:
            codes = {coding["code"] for coding in codings(*(participant.get("type") or ()))}
            rank = next((place for place, code in enumerate(_ATTENDING) if code in codes), len(_ATTENDING))
            ranked.append((rank, key))
    return min(ranked, key=lambda pair: pair[0])[1] if ranked else None


def _details(resource: Resource, context: Context, person: int) -> list[Row]:
    rows: list[Row] = []
    for index, stay in enumerate(resource.get("location") or ()):
        if stay.get("status") in _NOT_YET:
            continue
        period = stay.get("period") or {}
        rows.append(
            {
                "visit_detail_key": derived_key(str(context.key), "location", str(index)),
                "person_key": person,
                "visit_occurrence_key": context.key,
                "care_site_key": reference_key(context, stay.get("location"), "Location"),
                "visit_detail_start_date": local_date(period.get("start")),
                "visit_detail_start_datetime": local_datetime(period.get("start")),
                "visit_detail_end_date": last_date(period.get("end")),
                "visit_detail_end_datetime": local_datetime(period.get("end")),
            }
        )
    return rows
