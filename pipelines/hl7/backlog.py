"""How many landed messages are not part of bronze yet, and since when."""

from dataclasses import dataclass

from pipelines.hl7.statements import statement
from resources.postgres import Database, Role, without_row_values

_CONNECT_SECONDS = 5


@dataclass(frozen=True)
class Backlog:
    """Messages landed and not folded, the number of the newest, and the seconds since the first of them was received.

    Zeros without any.
    """

    messages: int
    newest: int
    oldest_seconds: float


def backlog(database: Database) -> Backlog:
    """The backlog at this moment.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database does not answer.
    """
    with without_row_values(), database.connect(Role.INGEST, connect_timeout=_CONNECT_SECONDS) as connection:
        row = connection.execute(statement("backlog")).fetchone()
    return Backlog(int(row[0]), int(row[1]), max(0.0, float(row[2]))) if row else Backlog(0, 0, 0.0)
