"""Which source records a row is made of, by the keys that loading and dbt keep.

Belongs here: from a table and a key to ``bronze.resource``. Does not belong here: who may see what.
"""

from typing import Any

import psycopg
from psycopg import sql

from pipelines.lineage.statements import statement

COMPUTED = {
    "omop.cdm_source": "it describes the warehouse",
    "omop.condition_era": "trace the conditions of the person",
    "omop.dose_era": "trace the drug exposures of the person",
    "omop.drug_era": "trace the drug exposures of the person",
    "omop.dropped_row": "trace the row of bronze that it names",
    "omop.event_coding": "trace the event whose coding it is",
    "omop.event_source": "trace the event itself",
    "omop.fact_relationship": "trace the rows that it names",
    "omop.identity_conflict": "trace the person of bronze that it names",
    "omop.labelled_row": "it counts",
    "omop.location": "thousands may live there; trace the person or the care site",
    "omop.metadata": "it describes the warehouse",
    "omop.note_nlp": "trace the note that it names",
    "omop.unmapped_code": "it counts",
    "features.current_medication": "trace the drug exposures of the person",
    "features.known_condition": "trace the condition",
    "features.known_drug": "trace the drug exposure",
    "features.known_measurement": "trace the measurement",
    "features.known_person": "trace the person",
    "features.known_visit": "trace the visit",
    "features.measurement_trend": "trace the measurements of the person",
    "features.person_feature": "trace the rows of the person",
    "features.problem_list": "trace the conditions of the person",
    "features.readmission": "trace the visits that it names",
    "features.risk_score": "trace the rows that its deciding_rows name",
    "features.utilisation": "trace the visits of the person",
}
"""Tables whose rows have no source record of their own, and what to do instead."""

_ROWS_BEHIND = {
    "features.care_gap": "features_care_gap",
    "features.latest_measurement": "features_latest_measurement",
    "features.patient_timeline": "features_patient_timeline",
}
"""Tables whose rows name rows of omop."""

_MADE_OF = {"cost": "claim_line"}
"""Tables of bronze that have the keys of a table of omop under another name."""

_KEYS = {
    "omop.death": "person_id",
    "omop.person_crosswalk": "person_key",
    "features.latest_measurement": "measurement_id",
    "features.patient_timeline": "cdm_id",
    "bronze.resource": "resource_key",
}
_SCHEMAS = ("omop", "features", "bronze")


class NotTraceableError(ValueError):
    """There is no such table, or its rows come from no source record; the text says what to trace instead."""


def full_name(connection: psycopg.Connection[Any], table: str) -> str:
    """A table's name with its schema, ``omop`` unless it is given.

    Raises:
        NotTraceableError: no such table can be traced.
    """
    name = table if "." in table else f"omop.{table}"
    schema, _, short = name.partition(".")
    known = connection.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s", (schema, short)
    ).fetchone()
    if schema not in _SCHEMAS or known is None:
        raise NotTraceableError("there is no such table in omop, features or bronze; features need a build.")
    if name in COMPUTED:
        raise NotTraceableError(f"a row of {name} is made of no source record of its own: {COMPUTED[name]}.")
    return name


def key_column(name: str) -> str:
    """The column by which a row of the table is named."""
    schema, _, table = name.partition(".")
    return _KEYS.get(name, f"{table}_key" if schema == "bronze" else f"{table}_id")


def rows_behind(connection: psycopg.Connection[Any], name: str, row_id: int) -> list[tuple[str, int]]:
    """The rows of omop that a row of features names, as the caller sees them; of other schemas the row itself.

    Raises:
        NotTraceableError: the row names none.
    """
    if name not in _ROWS_BEHIND:
        return [(name, row_id)]
    found = connection.execute(statement(_ROWS_BEHIND[name]), {"row_id": row_id}).fetchall()
    if not found:
        raise NotTraceableError(f"this row of {name} names no row that decides it.")
    return [(f"omop.{table}", key) for table, key in found]


def resources_of(connection: psycopg.Connection[Any], name: str, row_id: int) -> list[int]:
    """Keys of the source records that a row of omop or bronze is made of, as TRANSFORM; none if there is no row."""
    schema, _, table = name.partition(".")
    own = "" if schema == "bronze" else table
    parameters = {"row_id": row_id, "table": table, "dead": own == "death"}
    match own:
        case "person" | "death":
            found = _keys(connection, "resources_of_person", parameters)
        case "person_crosswalk":
            found = _keys(connection, "resources_of_source_key", parameters)
        case "provider":
            found = _keys(connection, "resources_of_provider", parameters)
        case "observation_period":
            found = _keys(connection, "resources_of_period", parameters)
        case _:
            found = _in_bronze(connection, _MADE_OF.get(own, table), row_id)
            if own:
                found |= _keys(connection, "resources_of_event", parameters)
                found |= _keys(connection, "named_resources", {"resource_keys": list(found)})
    return sorted(found)


def _keys(connection: psycopg.Connection[Any], name: str, parameters: dict[str, Any]) -> set[int]:
    return {key for (key,) in connection.execute(statement(name), parameters)}


def _in_bronze(connection: psycopg.Connection[Any], table: str, row_id: int) -> set[int]:
    """Of the row of bronze that has the same key, if bronze has such a table."""
    known = connection.execute(
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'bronze' AND table_name = %s "
        "AND column_name = %s",
        (table, key_column(f"bronze.{table}")),
    ).fetchone()
    if known is None:
        return set()
    query = sql.SQL("SELECT resource_key FROM {} WHERE {} = %s").format(
        sql.Identifier("bronze", table), sql.Identifier(key_column(f"bronze.{table}"))
    )
    return {key for (key,) in connection.execute(query, (row_id,))}
