"""The state of a person after all messages about them: demographics, identifiers, allergies, coverage, merge.

Source: HL7 v2.5.1 §3.3 (A28, A29, A31, A40), §3.4.2 PID.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.hl7.clinical import KINDS, Finding
from pipelines.hl7.events import Event, Party
from pipelines.hl7.findings import Findings, Stated
from pipelines.hl7.identity import Identifier
from pipelines.hl7.message import Doubt
from pipelines.hl7.quality import Noted, quality_rows
from pipelines.hl7.rows import Folded, Row, latest
from pipelines.hl7.values import Timestamp
from pipelines.keys import derived_key

_OLDEST = 130
"""Years; nobody reached them."""


@dataclass
class _Told:
    """What messages of one sort told: patient administration decides, the PID of results only where it is silent."""

    is_told: bool = False
    known_at: datetime | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def tell(self, event: Event, party: Party) -> None:
        self.is_told, self.known_at = True, latest(self.known_at, event.message_at)
        self.values |= party.updates


@dataclass
class PersonState:
    """A person while they are folded.

    Attributes:
        key: source person.
        merged_into: the survivor of a merge, or the key of the new identifier after a change.
        linked: people that a link (A24) names; they stay people of their own.
    """

    key: int
    merged_into: int | None = None
    is_renamed: bool = False
    is_deleted: bool = False
    linked: set[int] = field(default_factory=set)
    identifiers: dict[tuple[str, str], Identifier] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    noted: set[Noted] = field(default_factory=set)
    known_at: datetime | None = None
    _administration: _Told = field(default_factory=_Told)
    _others: _Told = field(default_factory=_Told)

    def tell(self, event: Event, party: Party, *, snapshot: bool) -> None:
        """What a message says of them."""
        if event.is_admission:
            self.is_deleted = False
        (self._administration if event.is_admission else self._others).tell(event, party)
        self.name(party.identifiers, event.message_at)
        stated = [finding for finding in party.findings if _is_personal(finding, party)]
        if stated:
            self.findings.state(stated, Stated(event.occurred, event.message_at), snapshot=snapshot)

    def name(self, identifiers: list[Identifier], known_at: datetime | None) -> None:
        """Identifiers are theirs."""
        self.known_at = latest(self.known_at, known_at)
        for identifier in identifiers:
            self.identifiers[identifier.authority, identifier.value] = identifier

    def note(self, doubts: tuple[Doubt, ...], event: Event, visit_key: int | None = None) -> None:
        """Doubts that arose with an event."""
        occurred = event.occurred.text if event.occurred else ""
        self.noted.update(Noted(doubt, occurred, visit_key) for doubt in doubts)

    def delete(self, event: Event) -> None:
        """A29: gone, with what was told until now; identifiers stay, by which a later message finds them again."""
        self.is_deleted = True
        self.known_at = latest(self.known_at, event.message_at)
        self._administration = _Told(True, self.known_at)
        self.findings.clear()
        self.linked.clear()

    def take_over(self, former: "PersonState") -> None:
        """A47: they were known by another identifier; what was told of it was told of them."""
        for mine, theirs in ((self._administration, former._administration), (self._others, former._others)):
            mine.is_told = mine.is_told or theirs.is_told
            mine.values = theirs.values | mine.values
            mine.known_at = latest(mine.known_at, theirs.known_at)
        self.findings.absorb(former.findings)
        self.linked |= former.linked
        former._administration, former._others = _Told(), _Told()
        former.findings.clear()
        former.linked = set()

    def folded(self) -> Folded:
        """The person as they are now."""
        told = self._administration if self._administration.is_told else self._others
        known_at = told.known_at if told.is_told else self.known_at
        if self.is_deleted:
            return Folded("Person", self.key, self.key, known_at, "deleted")
        address = told.values.get("address")
        location = {"location_key": derived_key(str(self.key), "address"), **address} if address else None
        doubts = self.noted | {Noted(doubt, "") for doubt in _age_doubts(told)}
        rows = self.findings.rows(self.key, None)
        rows |= {
            "person": [_person(self.key, told.values, location, self.merged_into)],
            "person_identifier": self._identifiers(),
            "location": [location] if location else [],
            "linked_person": [
                {
                    "linked_person_key": derived_key(str(self.key), "link", str(other)),
                    "person_key": self.key,
                    "linked_to_person_key": other,
                }
                for other in sorted(self.linked)
            ],
            "data_quality": quality_rows(str(self.key), self.key, doubts),
        }
        return Folded("Person", self.key, self.key, known_at, rows=rows)

    def _identifiers(self) -> list[Row]:
        rows = {
            derived_key(str(self.key), "identifier", one.authority, one.value): one for one in self.identifiers.values()
        }
        return [
            {
                "person_identifier_key": key,
                "person_key": self.key,
                "assigning_authority": rows[key].authority,
                "identifier_value": rows[key].value,
                "identifier_type": rows[key].type,
            }
            for key in sorted(rows)
        ]


def _is_personal(finding: Finding, party: Party) -> bool:
    """Whether it belongs to the person: it does so where no visit is named, too."""
    return party.visit_key is None or not KINDS[finding.kind].of_visit


def _age_doubts(told: _Told) -> list[Doubt]:
    birth: Timestamp | None = told.values.get("birth")
    if birth is None or told.known_at is None:
        return []
    death: Timestamp | None = told.values.get("death")
    until = death.day.year if death else told.known_at.year
    if birth.day.year > told.known_at.year:
        return [Doubt("birth_in_future", "PID-7", birth.text)]
    return [Doubt("age_over_130", "PID-7", birth.text)] if until - birth.day.year > _OLDEST else []


def _person(person_key: int, values: dict[str, Any], address: Row | None, merged_into: int | None) -> Row:
    birth: Timestamp | None = values.get("birth")
    death: Timestamp | None = values.get("death")
    dead = bool(values.get("deceased", death is not None))
    death = death if dead else None
    return {
        "person_key": person_key,
        "gender_source_value": values.get("gender_source_value"),
        "year_of_birth": birth.day.year if birth else None,
        "month_of_birth": birth.day.month if birth and birth.digits >= 6 else None,
        "day_of_birth": birth.day.day if birth and birth.digits == 8 else None,
        "birth_datetime": birth.local if birth else None,
        "race_codings": values.get("race_codings"),
        "ethnicity_codings": values.get("ethnicity_codings"),
        "deceased": dead,
        "death_date": death.day if death else None,
        "death_datetime": death.local if death else None,
        "location_key": address["location_key"] if address else None,
        "merged_into_person_key": merged_into,
    }
