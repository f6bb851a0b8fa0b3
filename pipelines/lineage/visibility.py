"""Whether a caller may see a whole source record, and not only one row of it."""

from dataclasses import dataclass, field
from typing import Any

import psycopg

from pipelines.lineage.statements import statement
from resources.identity import Identity
from resources.identity.session import Session

_OF_NOBODY = frozenset({"Organization", "Location", "Practitioner", "PractitionerRole", "Medication", "Device"})
"""Types whose records, where the mapping finds no person in them, are nobody's."""


@dataclass
class Visibility:
    """What one caller may see, asked in its entered transaction.

    A record may hold more than the row that was asked for, such as another row under a label. So it is seen whole or
    not at all: its person is in view, and the caller may see every label that any row of it has, or the record itself
    as it is now. Where that can't be said, since it makes no row or changed after the labels were published, it is
    for whoever sees everyone and every label, and that is on record.

    Attributes:
        reader: who asks.
        keys: as TRANSFORM, who knows all labels.
    """

    session: Session
    reader: Identity
    keys: psycopg.Connection[Any]
    _judged: dict[int, bool] = field(default_factory=dict)

    def person(self, person_key: int) -> int | None:
        """The person that a source person is, if the caller sees them."""
        row = self.session.connection.execute(statement("person_in_view"), {"person_key": person_key}).fetchone()
        return int(row[0]) if row else None

    def sees(self, resource_key: int) -> bool:
        """Whether the caller may see a source record."""
        if resource_key not in self._judged:
            self._judged[resource_key] = self._sees(resource_key)
        return self._judged[resource_key]

    def _sees(self, resource_key: int) -> bool:
        found = self.keys.execute(statement("record_as_published"), {"resource_key": resource_key}).fetchone()
        if found is None:
            return False
        kind, outcome, person_key, is_published, has_rows, codes = found
        if person_key is None and kind in _OF_NOBODY and outcome == "loaded":
            return set(codes or ()) <= set(self.reader.sensitivities)
        if person_key is None or not is_published or not has_rows:
            return self._sees_everything(resource_key)
        person_id = self.person(person_key)
        return person_id is not None and (codes is None or self._may_see(person_id, codes))

    def _may_see(self, person_id: int, codes: list[str]) -> bool:
        query = "SELECT access.may_see(%s, %s::text[])"
        row = self.session.connection.execute(query, (person_id, codes)).fetchone()
        return row is not None and bool(row[0])

    def _sees_everything(self, resource_key: int) -> bool:
        claim = "SELECT access.claim_landed(%s, 'bronze.resource', %s)"
        row = self.session.connection.execute(claim, (self.session.ticket, resource_key)).fetchone()
        return row is not None and bool(row[0])
