"""The check of the backlog: messages that were received and are not part of bronze yet."""

import dagster as dg

from assets.checks import check_spec
from pipelines.hl7.backlog import backlog
from resources.postgres import Database
from resources.settings import Settings

BACKLOG = "backlog"


def backlog_spec(key: tuple[str, str]) -> dg.AssetCheckSpec:
    """The check, which stops nothing: what runs next is what makes the backlog smaller."""
    return check_spec(
        key, BACKLOG, "Messages landed and not folded are few and young: hl7_backlog_messages, hl7_backlog_seconds."
    )


def backlog_check(settings: Settings, warehouse: Database, key: tuple[str, str]) -> dg.AssetCheckResult:
    """Whether no more messages wait, and none longer, than the settings allow.

    Raises:
        resources.postgres.DatabaseUnavailableError: the database does not answer.
    """
    found = backlog(warehouse)
    return dg.AssetCheckResult(
        passed=found.messages <= settings.hl7_backlog_messages and found.oldest_seconds <= settings.hl7_backlog_seconds,
        check_name=BACKLOG,
        asset_key=dg.AssetKey(key),
        metadata={
            "messages": found.messages,
            "oldest_seconds": found.oldest_seconds,
            "fail_above_messages": settings.hl7_backlog_messages,
            "fail_above_seconds": settings.hl7_backlog_seconds,
        },
    )
