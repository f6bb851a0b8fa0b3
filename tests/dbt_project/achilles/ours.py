"""The analyses by SQL of our own on PostgreSQL.

``analyses.csv`` says which subject and question is which analysis of Achilles. A subject is a file of folder ``sql``,
or a table of omop whose questions are those of all event tables or of all tables of periods. The queries give rows of
question, strata, count and distribution.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.dbt_project.achilles.result import Result, result

_FOLDER = Path(__file__).parent
_SUBJECTS = ("person", "other", "cost", "completeness")


@dataclass(frozen=True)
class Events:
    """Columns of an event table; None where it has no such column.

    Attributes:
        table: the table in omop.
        start: day of the event.
        end: its last day.
        key: its primary key.
        concept: what it is.
        type: where it was recorded.
        source: the concept of its source code.
        at_visit: whether it has a visit and a provider.
        care_site: whether it has a care site.
    """

    table: str
    start: str
    end: str | None
    key: str | None
    concept: str
    type: str | None
    source: str | None
    at_visit: bool = True
    care_site: bool = False


def _events(table: str, name: str, start: str, end: str | None = None, *, care_site: bool = False) -> Events:
    names = (f"{name}_concept_id", f"{name}_type_concept_id", f"{name}_source_concept_id")
    return Events(table, start, end, f"{table}_id", *names, care_site=care_site)


def _era(table: str, name: str) -> Events:
    days = (f"{table}_start_date", f"{table}_end_date")
    return Events(table, *days, f"{table}_id", f"{name}_concept_id", None, None, at_visit=False)


EVENTS = (
    _events("condition_occurrence", "condition", "condition_start_date", "condition_end_date"),
    _events("procedure_occurrence", "procedure", "procedure_date"),
    _events("drug_exposure", "drug", "drug_exposure_start_date", "drug_exposure_end_date"),
    _events("device_exposure", "device", "device_exposure_start_date", "device_exposure_end_date"),
    _events("measurement", "measurement", "measurement_date"),
    _events("observation", "observation", "observation_date"),
    _events("visit_occurrence", "visit", "visit_start_date", "visit_end_date", care_site=True),
    _events("visit_detail", "visit_detail", "visit_detail_start_date", "visit_detail_end_date", care_site=True),
    _era("drug_era", "drug"),
    _era("condition_era", "condition"),
    Events(
        "death", "death_date", None, None, "cause_concept_id", "death_type_concept_id", "cause_source_concept_id",
        at_visit=False,
    ),
)  # fmt: skip

PERIODS = (
    ("observation_period", "period_type_concept_id"),
    ("payer_plan_period", "payer_source_concept_id"),
)
"""Tables of periods, and the concept their rows are counted by."""


def analyses() -> dict[int, tuple[str, str]]:
    """Subject and question of each analysis."""
    with (_FOLDER / "analyses.csv").open(newline="") as lines:
        return {int(row["analysis_id"]): (row["subject"], row["question"]) for row in csv.DictReader(lines)}


def answers(connection: psycopg.Connection) -> dict[int, list[Result]]:
    """What each analysis gives.

    Args:
        connection: of a role that reads all of omop and may make temporary tables.
    """
    found: dict[tuple[str, str], list[Result]] = defaultdict(list)

    def ask(subject: str, name: str, **names: sql.Composable) -> None:
        for question, strata, count, numbers in connection.execute(_query(name).format(**names)):
            found[subject, question].append(result(strata, count, numbers))

    for events in EVENTS:
        connection.execute(_query("event_table").format(**_columns(events)))
        connection.execute("ANALYZE event")
        ask(events.table, "event")
        if (_FOLDER / "sql" / f"{events.table}.sql").exists():
            ask(events.table, events.table)
        connection.execute("DROP TABLE event")
    for table, concept in PERIODS:
        columns = {"start": f"{table}_start_date", "end": f"{table}_end_date", "table": table, "concept": concept}
        ask(table, "period", **{name: sql.Identifier(column) for name, column in columns.items()})
    for subject in _SUBJECTS:
        ask(subject, subject)
    for table, field, concept in _unmapped():
        names = {"table": table, "field": field, "concept": concept}
        literals = {"table_name": sql.Literal(table), "field_name": sql.Literal(field)}
        ask("unmapped", "unmapped", **literals, **{name: sql.Identifier(value) for name, value in names.items()})
    return {number: found[asked] for number, asked in analyses().items()}


def _columns(events: Events) -> dict[str, sql.Composable]:
    columns = {
        "key": events.key,
        "concept": events.concept,
        "type": events.type,
        "source": events.source,
        "start": events.start,
        "end": events.end,
        "visit": "visit_occurrence_id" if events.at_visit else None,
        "provider": "provider_id" if events.at_visit else None,
        "care_site": "care_site_id" if events.care_site else None,
    }
    absent = {name: sql.SQL("NULL::date" if name == "end" else "NULL::bigint") for name in columns}
    found = {name: sql.Identifier("row_of", column) for name, column in columns.items() if column}
    return {**absent, **found, "table": sql.Identifier(events.table)}


def _query(name: str) -> sql.SQL:
    return sql.SQL((_FOLDER / "sql" / f"{name}.sql").read_text())


def _unmapped() -> list[tuple[str, str, str]]:
    """Table, field and concept field of each source value that may have no concept.

    Those of visit_detail are not among them: Achilles' statement has a condition within a condition there, of which
    duckcdm's SqlRender renders nothing for CDM 5.4.
    """
    with (_FOLDER / "source_values.csv").open(newline="") as lines:
        return [(row["table"], row["field"], row["concept"]) for row in csv.DictReader(lines)]
