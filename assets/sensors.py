"""The sensors that ask for a refresh when HL7 v2 messages arrive, and for what the models make of it."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from assets.schedules import HL7_EVIDENCE, HL7_REFRESH
from pipelines.hl7.backlog import backlog
from resources.postgres import database
from resources.settings import Settings

HL7_INBOX = "hl7_inbox"
HL7_DOCUMENTS = "hl7_documents"
_SECONDS_BETWEEN_LOOKS = 5
# The daemon goes round every five seconds; for a sensor that asks for as much it often has to wait another round.
_INTERVAL_SECONDS = 3
_LONGEST_WAIT = timedelta(hours=1)
# Twice as long after each failure, an hour is reached before this many.
_MOST_FAILURES = 12
_ENDED = {dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED}


@dg.sensor(
    name=HL7_INBOX,
    job_name=HL7_REFRESH,
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for new or changed files in the HL7 inbox, and for landed messages that bronze lacks.",
)
def hl7_inbox(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult | dg.SkipReason:
    """Ask for one refresh when something has arrived: at once, or after the one under way, which takes all there is.

    What waits is asked of the messages themselves, by whether bronze has them, and not remembered by number or time: a
    message whose transaction commits after those of higher numbers waits like any other. A refresh that failed is asked
    for again, the first time after ten seconds, then after twice as long each time.

    The cursor and the run key are hashes: file names may name a patient. The run key depends on what waits and on the
    refresh before, so that one look taken twice asks for one run.
    """
    runs = _newest(context.instance, HL7_REFRESH)
    if waits := _why_not_now(runs):
        return dg.SkipReason(waits)
    # A name that begins with a dot is still being written; landing leaves it too.
    inbox = settings.hl7_inbox_directory
    files = fingerprint(path for path in inbox.rglob("*") if path.is_file() and not path.name.startswith("."))
    waiting = backlog(database(settings))
    if not _failures(runs) and not waiting.messages and files == (context.cursor or fingerprint([])):
        return dg.SkipReason("No file of the HL7 inbox is new or changed, and every landed message is in bronze.")
    before = runs[0].dagster_run.run_id if runs else ""
    run_key = hashlib.sha256(f"{files} {waiting.messages} {waiting.newest} {before}".encode()).hexdigest()
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=run_key)], cursor=files)


@dg.sensor(
    name=HL7_DOCUMENTS,
    job_name=HL7_EVIDENCE,
    minimum_interval_seconds=_INTERVAL_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Looks for refreshes whose notes and gaps the models have not read.",
)
def hl7_documents(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Ask for one run of the models after a refresh: at once, or after the one under way, for all refreshes since.

    Models take longer than a refresh, and no refresh waits for them. The cursor is the id of the refresh last asked
    for; a run that failed is asked for again, ever later.
    """
    refreshes = [run for run in _newest(context.instance, HL7_REFRESH) if run.dagster_run.is_success]
    if not refreshes:
        return dg.SkipReason("No refresh has succeeded of late.")
    runs = _newest(context.instance, HL7_EVIDENCE)
    if waits := _why_not_now(runs):
        return dg.SkipReason(waits)
    newest = refreshes[0].dagster_run.run_id
    if not _failures(runs) and newest == context.cursor:
        return dg.SkipReason("The models have read what was refreshed.")
    before = runs[0].dagster_run.run_id if runs else ""
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"{newest} {before}")], cursor=newest)


def _newest(instance: dg.DagsterInstance, job: str) -> Sequence[dg.RunRecord]:
    return instance.get_run_records(filters=dg.RunsFilter(job_name=job), limit=_MOST_FAILURES, order_by="id")


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


def _why_not_now(runs: Sequence[dg.RunRecord]) -> str | None:
    """Why a job is not asked for: a run of it is under way, or the newest ones failed of late. None: it may be."""
    if runs and runs[0].dagster_run.status not in _ENDED:
        return "A run is under way; what has come since is for the next."
    failures = _failures(runs)
    if failures and datetime.now(UTC) < _ended_at(runs[0]) + _wait(failures):
        return f"The last {failures} runs failed; the next waits up to an hour."
    return None


def _failures(runs: Iterable[dg.RunRecord]) -> int:
    """How many of the newest runs did not succeed, until one did."""
    number = 0
    for run in runs:
        if run.dagster_run.status is dg.DagsterRunStatus.SUCCESS:
            break
        number += 1
    return number


def _wait(failures: int) -> timedelta:
    return min(timedelta(seconds=_SECONDS_BETWEEN_LOOKS * 2**failures), _LONGEST_WAIT)


def _ended_at(run: dg.RunRecord) -> datetime:
    return run.update_timestamp.replace(tzinfo=UTC)
