"""Which resources become rows: named policies as data, recorded with every load.

Sources: HL7 FHIR-to-OMOP guide, general issues (``ig-strict``); US Core and Synthea use ``intent=order``, which the
guide's rule would drop whole, so ``us-core`` is the default.
"""

from collections.abc import Mapping
from dataclasses import dataclass

MAPPING_VERSION = "13"
"""Changes with any change of mapping, so that landed files are mapped anew."""


@dataclass(frozen=True)
class Profile:
    """Accepted statuses by resource type, intents of MedicationRequests and of other requests.

    Of Conditions those not confirmed become observations that say so; an allergy must be taken as it stands.
    """

    name: str
    statuses: Mapping[str, frozenset[str]]
    medication_intents: frozenset[str]
    verification_statuses: frozenset[str]
    allergy_verification_statuses: frozenset[str]
    order_intents: frozenset[str]


_STATUSES: Mapping[str, frozenset[str]] = {
    "Encounter": frozenset({"finished", "in-progress", "arrived", "triaged"}),
    "Observation": frozenset({"final", "amended", "corrected"}),
    "Procedure": frozenset({"completed"}),
    "Immunization": frozenset({"completed"}),
    "MedicationDispense": frozenset({"completed"}),
    "MedicationAdministration": frozenset({"completed", "in-progress"}),
    "MedicationStatement": frozenset({"active", "completed"}),
    "DiagnosticReport": frozenset({"final", "amended", "corrected", "appended"}),
    "DocumentReference": frozenset({"current"}),
    "ServiceRequest": frozenset({"active", "on-hold", "completed"}),
    "DeviceRequest": frozenset({"active", "on-hold", "completed"}),
    "DeviceUseStatement": frozenset({"active", "completed", "stopped"}),
    "Goal": frozenset({"planned", "accepted", "active", "on-hold", "completed"}),
    "Composition": frozenset({"final", "amended"}),
    # What is over or not yet in force is told apart by its status, which bronze keeps.
    "CareTeam": frozenset({"proposed", "active", "suspended", "inactive"}),
    "Consent": frozenset({"draft", "proposed", "active", "rejected", "inactive"}),
    # A coverage that was cancelled held until then.
    "Coverage": frozenset({"active", "cancelled"}),
    "Claim": frozenset({"active"}),
    "ExplanationOfBenefit": frozenset({"active"}),
}

_ORDERS = frozenset({"order", "instance-order", "original-order", "filler-order", "reflex-order"})
_VERIFICATION = frozenset({"confirmed", "unconfirmed", "provisional", "differential"})
_STRICT_VERIFICATION = frozenset({"confirmed", "provisional", "differential", "refuted"})
_CONFIRMED = frozenset({"confirmed"})

PROFILES: Mapping[str, Profile] = {
    "us-core": Profile(
        "us-core",
        {**_STATUSES, "MedicationRequest": frozenset({"active", "completed", "stopped", "on-hold"})},
        _ORDERS,
        _VERIFICATION,
        _VERIFICATION,
        _ORDERS,
    ),
    "ig-strict": Profile(
        "ig-strict", _STATUSES, frozenset({"instance-order"}), _STRICT_VERIFICATION, _CONFIRMED, _ORDERS
    ),
}
