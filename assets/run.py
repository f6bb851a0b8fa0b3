"""Runs a job of a code location from the command line, in the same instance that the UI shows."""

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import dagster as dg

from assets.environment import environment
from resources import dagster
from resources.postgres import Database
from resources.progress import Progress
from resources.settings import Settings

PLATFORM = "assets.definitions"
INFERENCE = "assets.inference_definitions"
_TAG = "sanctum/execution"
_SECONDS_BETWEEN_LOOKS = 1.0
_UNDER_WAY = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


class RunNotStartedError(RuntimeError):
    """Dagster ended before it made a run: the code location does not load, or the storage is gone."""


@dataclass(frozen=True)
class JobResult:
    """What became of a run.

    Attributes:
        run_id: Dagster's.
        succeeded: whether every step succeeded.
        failures: step key (``run``: outside of the steps) to error; errors carry no content.
        failed_checks: ``asset:check`` of checks that failed.
        warned_checks: ``asset:check`` of those that found something and only warn.
        metadata: asset key as ``group/name`` to its materialisation's metadata values.
    """

    run_id: str
    succeeded: bool
    failures: dict[str, str] = field(default_factory=dict)
    failed_checks: tuple[str, ...] = ()
    warned_checks: tuple[str, ...] = ()
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)


def execute_job(
    settings: Settings,
    database: Database,
    name: str,
    progress: Progress | None = None,
    *,
    module: str = PLATFORM,
    python: Path | None = None,
) -> JobResult:
    """Run a job to its end, in processes of its own that work with exactly these settings.

    Runs started here wait for each other. A run that was killed is found and closed by the next one.

    Args:
        settings: the home.
        database: its warehouse, where Dagster's storage is too.
        name: of the job.
        progress: called with ("steps of NAME", steps done, steps).
        module: of the code location that has the job.
        python: interpreter of the code location; default: this one.

    Raises:
        RunNotStartedError: no run came to be.
    """
    variables = dagster.environment(settings, database)
    execution = uuid.uuid4().hex
    arguments = ["job", "execute", "-m", module, "-a", "defs", "-j", name, "--tags", json.dumps({_TAG: execution})]
    with (
        _only_run(settings) as lock,
        environment(variables),
        dg.DagsterInstance.from_config(os.fspath(settings.dagster_home)) as instance,
    ):
        _close_killed_runs(instance)
        log = settings.dagster_home / "execute.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [os.fspath(python or sys.executable), "-m", "dagster", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[lock.fileno()],
            )
        _follow(instance, process, execution, name, progress)
        run = _find(instance, execution)
        if run is None:
            raise RunNotStartedError(f"job {name} did not start (exit status {process.returncode}); see {log}.")
        return _result(instance, run)


@contextlib.contextmanager
def _only_run(settings: Settings) -> Iterator[IO[bytes]]:
    """A lock that the run's process inherits: whoever gets it knows that no run started here is alive."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    with (settings.dagster_home / "execute.lock").open("wb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield stream


def _close_killed_runs(instance: dg.DagsterInstance) -> None:
    """A killed run would stay under way for ever and keep its places in the pools."""
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY)):
        if _TAG in run.tags:
            instance.report_run_failed(run, "The run's process was killed.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _find(instance: dg.DagsterInstance, execution: str) -> dg.DagsterRun | None:
    return next(iter(instance.get_runs(dg.RunsFilter(tags={_TAG: execution}), limit=1)), None)


def _follow(
    instance: dg.DagsterInstance,
    process: "subprocess.Popen[bytes]",
    execution: str,
    name: str,
    progress: Progress | None,
) -> None:
    """Wait for the process, telling how many steps are done; it does not outlive this one's interruption."""
    try:
        while process.poll() is None:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            run = _find(instance, execution) if progress else None
            if progress and run is not None and run.execution_plan_snapshot_id:
                plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
                steps = instance.get_run_step_stats(run.run_id)
                done = sum(step.end_time is not None for step in steps)
                progress(f"steps of {name}", done, len(plan.step_keys_to_execute))
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _result(instance: dg.DagsterInstance, run: dg.DagsterRun) -> JobResult:
    failures: dict[str, str] = {}
    checks: dict[dg.AssetCheckSeverity, list[str]] = {severity: [] for severity in dg.AssetCheckSeverity}
    metadata: dict[str, dict[str, Any]] = {}
    for entry in instance.all_logs(run.run_id):
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure:
            failures[str(event.step_key)] = _error(event)
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = event.asset_check_evaluation_data
            if not evaluation.passed:
                name = f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}"
                checks[evaluation.severity].append(name)
        elif event.is_step_materialization and event.asset_key is not None:
            values = event.step_materialization_data.materialization.metadata
            metadata[event.asset_key.to_user_string()] = {key: value.value for key, value in values.items()}
    finished = instance.get_run_by_id(run.run_id)
    succeeded = finished is not None and finished.status is dg.DagsterRunStatus.SUCCESS
    if not succeeded and not failures:
        failures["run"] = f"ended outside of its steps; see {instance.root_directory}/execute.log"
    failed, warned = (tuple(checks[severity]) for severity in (dg.AssetCheckSeverity.ERROR, dg.AssetCheckSeverity.WARN))
    return JobResult(run.run_id, succeeded, failures, failed, warned, metadata)


def _error(event: dg.DagsterEvent) -> str:
    """The text of a step's own error, which carries no content, and of any other its class alone."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "unknown error"
    if error.cls_name == "StepError":
        return error.message.split(": ", 1)[-1].strip()
    return str(error.cls_name)
