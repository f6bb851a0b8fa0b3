"""What every trigger event of patient administration does: one table, no other place decides it.

Sources: HL7 v2.5.1 §3.3.1 A01 to §3.3.60 A62; v2.3.1 chapter 3 for those that were withdrawn since.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

VisitAction = Literal[
    "begin",
    "change_class",
    "plan",
    "move",
    "leave",
    "update",
    "arrive",
    "depart",
    "go_on_leave",
    "come_back",
    "undo_begin",
    "undo_plan",
    "undo_transfer",
    "undo_discharge",
    "undo_arrival",
    "undo_departure",
    "undo_leave",
    "undo_return",
    "delete",
]
PersonAction = Literal[
    "merge",
    "merge_with_visits",
    "merge_visits",
    "rename_visits",
    "move_visits",
    "rename",
    "link",
    "unlink",
    "delete_person",
]


@dataclass(frozen=True)
class Trigger:
    """What an event does beyond stating demographics.

    Attributes:
        on_visit: what it does to the visit that PV1 names; None: PV1 is not read.
        on_person: what it does to whom PID and MRG name.
        needs_visit: without a visit number it can't be used.
    """

    on_visit: VisitAction | None = None
    on_person: PersonAction | None = None
    needs_visit: bool = False


def _visit(action: VisitAction) -> Trigger:
    return Trigger(on_visit=action, needs_visit=True)


_MERGE = Trigger(on_person="merge")
_PERSON = Trigger()

TRIGGERS: Mapping[str, Trigger] = {
    "A01": _visit("begin"),
    "A02": _visit("move"),
    "A03": _visit("leave"),
    "A04": _visit("begin"),
    "A05": _visit("plan"),
    "A06": _visit("change_class"),
    "A07": _visit("change_class"),
    "A08": Trigger(on_visit="update"),
    "A09": _visit("depart"),
    "A10": _visit("arrive"),
    "A11": _visit("undo_begin"),
    "A12": _visit("undo_transfer"),
    "A13": _visit("undo_discharge"),
    # Pending events change no visit, and neither do their cancellations.
    "A14": _PERSON,
    "A15": _PERSON,
    "A16": _PERSON,
    "A17": _visit("move"),
    "A18": _MERGE,
    "A21": _visit("go_on_leave"),
    "A22": _visit("come_back"),
    "A23": _visit("delete"),
    "A24": Trigger(on_person="link"),
    "A25": _PERSON,
    "A26": _PERSON,
    "A27": _PERSON,
    "A28": _PERSON,
    "A29": Trigger(on_person="delete_person"),
    "A30": _MERGE,
    "A31": _PERSON,
    "A32": _visit("undo_arrival"),
    "A33": _visit("undo_departure"),
    "A34": _MERGE,
    "A35": Trigger(on_person="merge_visits"),
    "A36": Trigger(on_person="merge_with_visits"),
    "A37": Trigger(on_person="unlink"),
    "A38": _visit("undo_plan"),
    "A39": _MERGE,
    "A40": _MERGE,
    "A41": Trigger(on_person="merge_visits"),
    "A42": Trigger(on_person="merge_visits"),
    "A43": Trigger(on_person="move_visits"),
    "A44": Trigger(on_person="move_visits"),
    "A45": Trigger(on_person="move_visits"),
    "A46": Trigger(on_person="rename"),
    "A47": Trigger(on_person="rename"),
    "A48": Trigger(on_person="rename"),
    "A49": Trigger(on_person="rename"),
    "A50": Trigger(on_person="rename_visits"),
    "A51": Trigger(on_person="rename_visits"),
    "A52": _visit("undo_leave"),
    "A53": _visit("undo_return"),
    # Another attending or consulting doctor, and its cancellation: an update of the visit.
    "A54": Trigger(on_visit="update"),
    "A55": Trigger(on_visit="update"),
    "A60": _PERSON,
    "A61": Trigger(on_visit="update"),
    "A62": Trigger(on_visit="update"),
}

MERGES = frozenset(
    name for name, trigger in TRIGGERS.items() if trigger.on_person in ("merge", "merge_with_visits", "rename")
)
"""Events whose MRG-1 retires identifiers of a person."""

NAMING_VISITS = frozenset(name for name, trigger in TRIGGERS.items() if trigger.on_visit)
"""Events in which PV1 says what becomes of a visit."""

ABOUT_VISITS = frozenset(
    name
    for name, trigger in TRIGGERS.items()
    if trigger.on_person in ("merge_with_visits", "merge_visits", "rename_visits", "move_visits")
)
"""Events whose MRG names visits."""

CLINICAL = frozenset({"ORU", "MDM", "VXU", "RDE", "RDS"})
"""Message codes beside ADT that become rows."""

DOCUMENT_TRIGGERS = frozenset(f"T{number:02d}" for number in range(1, 12))


def is_mapped(code: str, trigger: str) -> bool:
    """Whether messages of this type become part of bronze."""
    if code == "ADT":
        return trigger in TRIGGERS
    if code == "MDM":
        return trigger in DOCUMENT_TRIGGERS
    return (code, trigger) == ("ORU", "R01") or code in ("VXU", "RDE", "RDS")
