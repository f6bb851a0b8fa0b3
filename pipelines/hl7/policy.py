"""What a hospital decides about its HL7 v2 feed, read from settings once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from zoneinfo import ZoneInfo

from resources.settings import Settings

_LOCATION_COMPONENTS = {"bed": (1, 2, 3, 4), "room": (1, 2, 4), "unit": (1, 4)}


@dataclass(frozen=True)
class Policy:
    """Choices that the standard leaves to the parties.

    Attributes:
        zone: of times without an offset, where neither MSH-7 nor the sender says another.
        facility_zones: zones of senders, by MSH-4.
        patient_authorities: assigning authorities of PID-3 that are asked first for the person's key, in their order.
        updates_move: an A08 with another PV1-3 moves the patient; else it corrects where they are.
        location_components: of PL, which say that it is another place.
        emergency_admission: class of an emergency visit that becomes an inpatient one.
        snapshot: segments of a kind (AL1, DG1, PR1, IN1) replace all of that kind that were told before.
    """

    zone: tzinfo
    facility_zones: Mapping[str, tzinfo] = field(default_factory=dict)
    patient_authorities: tuple[str, ...] = ()
    updates_move: bool = False
    location_components: tuple[int, ...] = _LOCATION_COMPONENTS["bed"]
    emergency_admission: str = "IMP"
    snapshot: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Policy":
        """The policy that settings state."""
        return cls(
            zone=ZoneInfo(settings.time_zone),
            facility_zones={name: ZoneInfo(zone) for name, zone in settings.hl7_facility_zones},
            patient_authorities=settings.hl7_patient_authorities,
            updates_move=settings.hl7_updates_move,
            location_components=_LOCATION_COMPONENTS[settings.hl7_location],
            emergency_admission="EMER-IMP" if settings.hl7_emergency_admission == "emergency-inpatient" else "IMP",
            snapshot=settings.hl7_snapshot,
        )
