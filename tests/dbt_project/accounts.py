"""Bronze against omop, a table at a time, told from the tables themselves and not by the project's own test.

A row of bronze is placed if a row of a CDM table was made of it, dropped if ``omop.dropped_row`` has it with a reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Rows = Callable[..., list[tuple[Any, ...]]]

_EVENTS = ("condition_occurrence", "drug_exposure", "procedure_occurrence", "measurement", "observation")
_IN_CDM = " UNION ALL ".join(
    f"SELECT '{table}' AS cdm_table, {table}_id AS cdm_id FROM omop.{table}"
    for table in (*_EVENTS, "device_exposure", "visit_occurrence", "visit_detail", "note")
)
_OF_EVENTS = (
    f"SELECT source.bronze_key FROM omop.event_source AS source INNER JOIN ({_IN_CDM}) AS made "
    "USING (cdm_table, cdm_id) WHERE source.bronze_table = "
)
PLACED = {
    **{table: f"{_OF_EVENTS}'{table}'" for table in (*_EVENTS, "device_exposure", "visit_occurrence", "note")},
    "claim_line": f"{_OF_EVENTS}'claim_line' UNION SELECT cost_id FROM omop.cost",
    "visit_detail": "SELECT visit_detail_id FROM omop.visit_detail",
    "specimen": "SELECT specimen_id FROM omop.specimen",
    "payer_plan_period": "SELECT payer_plan_period_id FROM omop.payer_plan_period",
    "person": (
        "SELECT crosswalk.person_key FROM omop.person_crosswalk AS crosswalk "
        "INNER JOIN omop.person AS person USING (person_id)"
    ),
    "device": (
        "SELECT coalesce(alias.resource_key, used.device_key) FROM bronze.device_exposure AS used "
        "LEFT JOIN omop_intermediate.int_reference_alias AS alias ON used.device_key = alias.alias_key "
        # One that is nobody's is of a stock.
        "UNION SELECT device_key FROM bronze.device WHERE person_key IS NULL"
    ),
    "care_site": "SELECT care_site_id FROM omop.care_site",
    "provider": "SELECT provider_id FROM omop.provider",
    "location": (
        "SELECT place.location_key FROM omop_intermediate.int_location AS place "
        "INNER JOIN omop.location AS location USING (location_id)"
    ),
}
"""Tables of bronze whose rows become rows of the CDM, and the keys of those that did."""

NO_ROWS_OF_THEIR_OWN = {
    "resource": "what was landed, with its outcome",
    "reference_alias": "other names of resources",
    "person_link": "who is whom, which the crosswalk has",
    "person_identifier": "who is whom, which the crosswalk has",
    "linked_person": "who is whom, which the crosswalk has",
    "provider_role": "specialty and place of a provider",
    "medication": "codings of the drug exposures that name it",
    "superseded_row": "what later versions replaced, for features as of a day",
    "rejected_request": "what became of orders and prescriptions",
    "care_team": "who may see whom",
    "care_team_participant": "who may see whom",
    "consent": "who may see whom",
    "consent_provision": "who may see whom",
    "provenance": "who says so; OMOP has no place for it",
    "data_quality": "what was noticed while loading",
}
"""The other tables of bronze, and what they are for."""


@dataclass(frozen=True)
class Tally:
    """What became of the rows of one table of bronze: their numbers, and of both or neither."""

    rows: int
    placed: int
    dropped: int
    both: int

    @property
    def closes(self) -> bool:
        """Whether every row is placed or dropped, and none is both."""
        return self.both == 0 and self.rows == self.placed + self.dropped


def tally(rows: Rows, table: str) -> Tally:
    """Count the rows of a table of bronze."""
    ((found, placed, dropped, both),) = rows(
        "SELECT count(*), count(placed.key), count(dropped.bronze_key), "
        "count(*) FILTER (WHERE placed.key IS NOT NULL AND dropped.bronze_key IS NOT NULL) "
        f"FROM bronze.{table} AS bronze LEFT JOIN (SELECT DISTINCT key FROM ({PLACED[table]}) AS made (key)) AS placed "
        f"ON placed.key = bronze.{table}_key LEFT JOIN omop.dropped_row AS dropped "
        f"ON dropped.bronze_table = '{table}' AND dropped.bronze_key = bronze.{table}_key"
    )
    return Tally(found, placed, dropped, both)


def tables(rows: Rows) -> set[str]:
    """Tables of bronze, but for the loader's own."""
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'bronze'::regnamespace AND relkind = 'r'"
    return {name for (name,) in rows(query) if not name.startswith("_dlt")}
