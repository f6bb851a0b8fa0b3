"""Runs a plan in namespaces that have loopback and nothing else."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from resources.egress import probe
from resources.egress.steps import Step, StepResult
from resources.egress.trace import Trace, read_trace

_LOG_TAIL = 2000
"""Characters of the log in an error: it holds what the namespaces' own programs said, never a command's output."""
_NEEDED = {"strace": "strace", "unshare": "util-linux"}


class IsolationError(RuntimeError):
    """The proof can't be made on this machine; the text says what is missing."""


@dataclass(frozen=True)
class Isolated:
    """What ran in the namespaces.

    Attributes:
        steps: the commands and how they ended.
        trace: what strace saw, without the probe.
        names: every name looked up but the probe's.
        packets_without_route: the kernel's count after the probe, of IPv4 and IPv6.
        probe_seen: whether the probe's lookup and both of its connections were seen, by strace and by the kernel's
            count: without, the rest shows nothing.
    """

    steps: Sequence[StepResult]
    trace: Trace
    names: Sequence[str]
    packets_without_route: int
    probe_seen: bool


def require_tools() -> None:
    """Raises IsolationError unless strace and unshare are here and a network namespace may be made."""
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        packages = ", ".join(_NEEDED[name] for name in missing)
        raise IsolationError(
            f"{' and '.join(missing)} not found: install {packages}, as in 'apt-get install {packages}'."
        )
    done = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise IsolationError(
            f"this user may not make a network namespace ({done.stderr.strip()}): run as root, or allow user "
            "namespaces (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)."
        )


def _unshare() -> list[str]:
    own = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return ["unshare", *own, "--net", "--mount", "--ipc", "--uts"]


def run_isolated(folder: Path, probe_name: str, steps: Sequence[Step], environment: Mapping[str, str]) -> Isolated:
    """Run steps in the namespaces; ``folder`` gets the plan, the trace, the names and each command's output.

    Args:
        folder: an empty folder.
        probe_name: the name the probe looks up; no other program knows it.
        steps: commands in their order.
        environment: the commands' whole environment.

    Raises:
        IsolationError: the namespaces could not be made ready; the text ends with what was said there.
    """
    plan = {"probe": probe_name, "steps": [asdict(step) for step in steps], "environment": dict(environment)}
    (folder / "plan.json").write_text(json.dumps(plan))
    log = folder / "inside.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_unshare(), sys.executable, "-m", "resources.egress.inside", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
        )
        try:
            process.wait()
        finally:
            if process.poll() is None:
                _end(process.pid)
                process.wait()
    if not (folder / "steps.json").exists() or not (folder / "names.json").exists():
        said = log.read_text(errors="replace").strip()[-_LOG_TAIL:]
        raise IsolationError(f"the isolated run ended with status {process.returncode} before its end: {said}")
    return _read(folder, probe_name)


def _end(process: int) -> None:
    """End it and all that it started: ``steps`` keeps those whose parent is gone, so none is missed."""
    root = psutil.Process(process)
    for one in [*root.children(recursive=True), root]:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()


def _read(folder: Path, probe_name: str) -> Isolated:
    outcome = json.loads((folder / "steps.json").read_text())
    addresses: dict[str, str] = json.loads((folder / "names.json").read_text())
    looked_up = {address: name for name, address in addresses.items()}
    with (folder / "strace.log").open(errors="replace") as lines:
        whole = read_trace(lines, looked_up)
    own = [attempt for attempt in whole.attempts if attempt.process == outcome["probe"]]
    expected = {probe.ADDRESS, addresses.get(probe_name)}
    return Isolated(
        steps=[StepResult(**result) for result in outcome["results"]],
        trace=whole.without(outcome["probe"]),
        names=sorted(name for name in addresses if name != probe_name),
        packets_without_route=outcome["packets_without_route"],
        probe_seen=outcome["probe_packets"] > 0 and expected <= {attempt.address for attempt in own},
    )
