"""Messages in short form, and what bronze holds after them."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from resources.postgres import Database, Role

PATIENT = "PID|1||100^^^HOSP&urn:oid:1.2.3&ISO^MR~999-00^^^SSA^SS||CANARYNAME^ANNA||19600203|F|||1 Way^^Boston^MA^02101"


def message(
    kind: str,
    at: str,
    *segments: str,
    control: str | None = None,
    patient: str = PATIENT,
    mode: str = "P",
    occurred: str | None = None,
) -> bytes:
    """A message sent and recorded ``at``; what it tells of occurred then or at ``occurred``."""
    control = f"{kind}-{at}" if control is None else control
    header = f"MSH|^~\\&|ADT|HOSP|S|S|{at}||{kind}|{control}|{mode}|2.5.1"
    event = f"EVN|{kind.partition('^')[2]}|{at}||||{occurred or at}"
    return "".join(f"{line}\r" for line in (header, event, patient, *segments)).encode()


def visit(patient_class: str = "I", location: str = "", **fields: str) -> str:
    """PV1 of visit V1; keywords such as ``f36`` set fields."""
    values = {2: patient_class, 3: location, 19: "V1^^^HOSP"} | {int(k[1:]): v for k, v in fields.items()}
    return "PV1|" + "|".join(values.get(number, "") for number in range(1, max(values) + 1))


def rows(database: Database, table: str, columns: str = "*", order: str = "1") -> list[dict[str, Any]]:
    """Rows of a bronze table."""
    with database.connect(Role.INGEST, row_factory=dict_row) as connection:
        query: Any = f"SELECT {columns} FROM bronze.{table} ORDER BY {order}"
        return connection.execute(query).fetchall()


TABLES = (
    "person",
    "person_identifier",
    "location",
    "visit_occurrence",
    "visit_detail",
    "condition_occurrence",
    "measurement",
    "observation",
)


def snapshot(database: Database, tables: Sequence[str] = TABLES) -> dict[str, list[dict[str, Any]]]:
    """Everything that folding writes, without when bronze was written."""
    found = {table: rows(database, table) for table in tables}
    found["resource"] = rows(database, "resource", "resource_key, resource_type, content_sha256, outcome, person_key")
    return found
