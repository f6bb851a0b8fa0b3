"""Provenance → provenance: which organisation asserted or transmitted a record. Source: US Core Provenance; FHIR R4.

OMOP has no place for it. No person is named: a practitioner who wrote something is that record's to tell.
"""

from pipelines.fhir.mapping.elements import Context, Resource, codings, instant, reference_key, reference_type
from pipelines.fhir.mapping.result import Excluded, Mapped, Row
from pipelines.fhir.profiles import Profile
from pipelines.keys import derived_key

_AGENTS = frozenset(
    {"author", "transmitter", "enterer", "performer", "verifier", "legal", "attester", "informant", "custodian"}
    | {"assembler", "composer"}
)
"""Codes of provenance-participant-type, and US Core's ``transmitter``; another could be any text."""


def provenance(resource: Resource, context: Context, _: Profile) -> Mapped | Excluded:
    """A row for each record and agent: what the agent did, for which organisation.

    Where a target's address is an URN it doesn't say what it leads to, and has no row.
    """
    agents = [(_kind(agent), _organisation(agent, context)) for agent in resource.get("agent") or ()]
    recorded = instant(resource.get("recorded"))
    rows: list[Row] = []
    for number, target in enumerate(resource.get("target") or ()):
        kind = reference_type(target)
        key = None if kind is None else reference_key(context, target, kind)
        for place, (agent, care_site) in enumerate(agents):
            if key is not None:
                rows.append(
                    {
                        "provenance_key": derived_key(str(context.key), str(number), str(place)),
                        "target_key": key,
                        "agent_type": agent,
                        "care_site_key": care_site,
                        "recorded_at": recorded,
                    }
                )
    return Mapped({"provenance": rows}) if rows else Excluded("no_target")


def _kind(agent: Resource) -> str | None:
    return next((coding["code"] for coding in codings(agent.get("type")) if coding["code"] in _AGENTS), None)


def _organisation(agent: Resource, context: Context) -> int | None:
    """Key of the organisation on whose behalf the agent acted, or that is the agent."""
    for reference in (agent.get("onBehalfOf"), agent.get("who")):
        if reference_type(reference) == "Organization":
            return reference_key(context, reference, "Organization")
    return None
