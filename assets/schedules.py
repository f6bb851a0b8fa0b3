"""When the chain runs: every night, and when HL7 v2 messages arrive."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from assets.landing import FHIR_FILES, HL7_MESSAGES
from resources.postgres import Role, database, without_row_values
from resources.settings import Settings

NIGHTLY = "nightly"
HL7_REFRESH = "hl7_refresh"
HL7_INBOX = "hl7_inbox"
_AT_TWO = "0 2 * * *"
_SECONDS_BETWEEN_LOOKS = 30


nightly = dg.define_asset_job(NIGHTLY, dg.AssetSelection.all(), description="The whole chain.")

# What HL7 v2 messages change, and the vocabulary and seeds it is built with.
hl7_refresh = dg.define_asset_job(
    HL7_REFRESH,
    (
        dg.AssetSelection.assets(list(HL7_MESSAGES)).downstream()
        | dg.AssetSelection.groups("vocab")
        | dg.AssetSelection.kind("dbt")
    )
    - dg.AssetSelection.assets(list(FHIR_FILES)),
    description="HL7 v2 messages, and everything about the persons they concern.",
)


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Job ``nightly`` at two o'clock in the settings' time zone."""
    return dg.ScheduleDefinition(
        name="nightly_schedule",
        job_name=NIGHTLY,
        cron_schedule=_AT_TWO,
        execution_timezone=settings.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )


@dg.sensor(
    name=HL7_INBOX,
    job_name=HL7_REFRESH,
    minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for new or changed files in the HL7 inbox, and for landed messages that bronze lacks.",
)
def hl7_inbox(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Ask for one refresh whenever something arrived. Cursor and run key are hashes: file names may name a patient."""
    inbox = settings.hl7_inbox_directory
    # A name that begins with a dot is still being written; landing leaves it too.
    files = fingerprint(path for path in inbox.rglob("*") if path.is_file() and not path.name.startswith("."))
    seen = json.loads(context.cursor) if context.cursor else {"files": fingerprint([]), "message": 0}
    now = {"files": files, "message": max(newest_waiting_message(settings), seen["message"])}
    if now == seen:
        return dg.SkipReason("No file of the HL7 inbox is new or changed, and every landed message is in bronze.")
    cursor = json.dumps(now)
    run_key = hashlib.sha256(cursor.encode()).hexdigest()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=run_key)], cursor=cursor)


def fingerprint(files: Iterable[Path]) -> str:
    """A hash over names, sizes and times of change: another one if any file is new or changed."""
    digest = hashlib.sha256()
    for path in sorted(files):
        try:
            state = path.stat()
        except FileNotFoundError:
            # Taken away between the listing and here: the next look has another fingerprint.
            continue
        digest.update(f"{path}\x1f{state.st_size}\x1f{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def newest_waiting_message(settings: Settings) -> int:
    """Number of the newest landed message that bronze lacks; 0 if it lacks none."""
    query = "SELECT coalesce(max(message_id), 0) FROM landing.hl7_message WHERE folded_at IS NULL"
    with without_row_values(), database(settings).connect(Role.INGEST) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
