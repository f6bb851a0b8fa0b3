"""CareTeam, Consent → care_team, consent: who looks after a patient, and what the patient permits.

Source: FHIR R4 CareTeam, Consent. Nothing here is put aside quietly: of a date or a rule that can't be read the whole
resource is refused, since what is left would say more than the source did.
"""

from collections.abc import Iterator
from typing import Any

from pipelines.fhir.mapping.elements import (
    Context,
    Resource,
    all_codings,
    codings,
    instant,
    local_date,
    patient_key,
    period_of,
    reference_key,
    reference_type,
)
from pipelines.fhir.mapping.result import Excluded, Mapped, Row, not_taken
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_PROVIDERS = ("Practitioner", "PractitionerRole")
_TYPES = ("permit", "deny")
_OTHER_LIMITS = ("class", "code", "data", "dataPeriod")


def care_team(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A care team with its practitioners and organisations; patients, relatives and teams among them have no row."""
    person = patient_key(resource, context)
    status = resource.get("status")
    members = resource.get("participant") or ()
    if person is None:
        return Excluded("no_patient")
    if status is not None and status not in profile.statuses["CareTeam"]:
        return not_taken("status", str(status), person)
    if any(member.get("modifierExtension") for member in members):
        return Excluded("modifier_extension", person)
    managing = (reference_key(context, part, "Organization") for part in resource.get("managingOrganization") or ())
    start, end = period_of(resource.get("period"))
    team: Row = {
        "care_team_key": context.key,
        "person_key": person,
        "status": status,
        "start_date": start,
        "end_date": end,
        "care_site_key": next((key for key in managing if key is not None), None),
    }
    rows = [_participant(member, index, context, person) for index, member in enumerate(members)]
    return Mapped({"care_team": [team], "care_team_participant": [row for row in rows if row is not None]}, person)


def _participant(participant: Resource, index: int, context: Context, person: int) -> Row | None:
    """A participant that is a practitioner, a practitioner's role or an organisation, else None."""
    member = participant.get("member")
    kind = reference_type(member)
    provider = care_site = None
    if kind in _PROVIDERS:
        provider = reference_key(context, member, kind)
    elif kind == "Organization":
        care_site = reference_key(context, member, kind)
    elif kind is None and reference_key(context, member, "Patient") != person:
        # What kind it is shows when it arrives: keys depend on the type, so only the right one will be anybody's.
        provider = reference_key(context, member, "Practitioner")
        care_site = reference_key(context, member, "Organization")
    if provider is None and care_site is None:
        return None
    start, end = period_of(participant.get("period"))
    return {
        "care_team_participant_key": derived_key(str(context.key), "participant", str(index)),
        "care_team_key": context.key,
        "person_key": person,
        "provider_key": provider,
        "care_site_key": care_site,
        "start_date": start,
        "end_date": end,
    }


def consent(resource: Resource, context: Context, profile: Profile) -> Mapped | Excluded:
    """A consent and its provisions at every depth."""
    person = patient_key(resource, context)
    status = str(resource.get("status"))
    if person is None:
        return Excluded("no_patient")
    if status not in profile.statuses["Consent"]:
        return not_taken("status", status, person)
    root = resource.get("provision")
    provisions = list(_nested(root)) if root else []
    if any(provision.get("modifierExtension") for provision, _ in provisions):
        return Excluded("modifier_extension", person)
    agreed = resource.get("dateTime")
    row: Row = {
        "consent_key": context.key,
        "person_key": person,
        "status": status,
        "scope_codings": codings(resource.get("scope")) or None,
        "category_codings": all_codings(resource.get("category")),
        "policy_codings": codings(resource.get("policyRule")) or None,
        "consent_date": local_date(agreed),
        "decided_at": instant(agreed),
    }
    keys = [derived_key(str(context.key), "provision", str(number)) for number in range(len(provisions))]
    rows = [
        {
            **_provision(provision),
            "consent_provision_key": keys[number],
            "consent_key": context.key,
            "person_key": person,
            "provision_number": number,
            "parent_provision_key": None if parent is None else keys[parent],
        }
        for number, (provision, parent) in enumerate(provisions)
    ]
    return Mapped({"consent": [row], "consent_provision": rows}, person)


def _nested(root: Resource) -> Iterator[tuple[Resource, int | None]]:
    """Every provision, depth first, with its parent's place in that order."""
    waiting: list[tuple[Resource, int | None]] = [(root, None)]
    number = 0
    while waiting:
        provision, parent = waiting.pop()
        yield provision, parent
        waiting.extend((inner, number) for inner in reversed(provision.get("provision") or ()))
        number += 1


def _provision(provision: Resource) -> Row:
    kind = provision.get("type")
    if kind is not None and kind not in _TYPES:
        raise ValueError("provision.type is neither permit nor deny")
    start, end = period_of(provision.get("period"))
    return {
        "provision_type": kind,
        "security_labels": _limit(provision.get("securityLabel")),
        "purpose_codings": _limit(provision.get("purpose")),
        "action_codings": _limit(part for concept in provision.get("action") or () for part in _parts(concept)),
        "start_date": start,
        "end_date": end,
        "has_actors": bool(provision.get("actor")),
        "has_other_limits": any(provision.get(name) for name in _OTHER_LIMITS),
    }


def _limit(parts: Any) -> list[dict[str, str]] | None:
    """Codings that limit a provision, None if there is no limit; one without a code stays, as ``{}`` if need be."""
    names = ("system", "code", "display")
    return [{name: str(part[name]) for name in names if part.get(name)} for part in parts or ()] or None


def _parts(concept: Resource) -> list[Resource]:
    return list(concept.get("coding") or [{"display": concept.get("text")}])
