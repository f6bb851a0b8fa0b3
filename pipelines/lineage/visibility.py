"""Whether a caller may see a whole source record, and not only one row of it."""

from dataclasses import dataclass, field
from typing import Any

import psycopg

from pipelines.lineage.statements import statement
from resources.identity.session import Session


@dataclass
class Visibility:
    """What one caller may see, asked in its entered transaction.

    A record may hold more than the row that was asked for, such as another row under a label. So it is seen whole or
    not at all: its person is in view, and the caller may see every label that any row of it has, or the record itself
    as it is now.

    Attributes:
        keys: as TRANSFORM, who knows all labels.
    """

    session: Session
    keys: psycopg.Connection[Any]
    _judged: dict[int, bool] = field(default_factory=dict)

    def person(self, person_key: int) -> int | None:
        """The person that a source person is, if the caller sees them."""
        row = self.session.connection.execute(statement("person_in_view"), {"person_key": person_key}).fetchone()
        return int(row[0]) if row else None

    def sees(self, resource_key: int, person_key: int | None) -> bool:
        """Whether the caller may see a source record; one of nobody, such as a medication, everyone may."""
        if resource_key not in self._judged:
            self._judged[resource_key] = person_key is None or self._sees(resource_key, person_key)
        return self._judged[resource_key]

    def _sees(self, resource_key: int, person_key: int) -> bool:
        person_id = self.person(person_key)
        if person_id is None:
            return False
        found = self.keys.execute(statement("labels_of_resource"), {"resource_key": resource_key}).fetchone()
        codes = found[0] if found else None
        if codes is None:
            return True
        allowed = self.session.connection.execute("SELECT access.may_see(%s, %s::text[])", (person_id, codes))
        row = allowed.fetchone()
        return row is not None and bool(row[0])
