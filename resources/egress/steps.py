"""What strace follows: the probe, then every command in turn, each with its output in files of its own."""

import ctypes
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

_PR_SET_CHILD_SUBREAPER = 36
_SECONDS_TO_END = 10


@dataclass(frozen=True)
class Step:
    """A command to run.

    Attributes:
        name: for people; says nothing of the arguments, which may name a planted text.
        command: program and arguments.
        status: the exit status it must have.
    """

    name: str
    command: Sequence[str]
    status: int = 0


@dataclass(frozen=True)
class StepResult:
    """How a command ended; its output lies beside the plan as ``NN.stdout`` and ``NN.stderr``.

    ``started`` is in seconds since the epoch.
    """

    name: str
    number: int
    status: int
    expected: int
    started: float
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether its exit status is the one it must have."""
        return self.status == self.expected


@dataclass(frozen=True)
class StepsOutcome:
    """What ran under strace.

    Attributes:
        probe: the probe's process number.
        probe_packets: what the kernel counted of it, as ``packets_without_route`` does.
        results: the commands.
        packets_without_route: the kernel's count from the probe's end to the last command's.
    """

    probe: int
    probe_packets: int
    results: Sequence[StepResult]
    packets_without_route: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def packets_without_route() -> int:
    """How many packets and connections of this network namespace found no route: the kernel's own count.

    Source: RFC 4293 ipSystemStatsOutNoRoutes, in /proc/net/snmp and /proc/net/snmp6.
    """
    ip = [line.split()[1:] for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Ip:")]
    count = int(dict(zip(*ip, strict=True))["OutNoRoutes"])
    ip6 = Path("/proc/net/snmp6")
    if ip6.exists():
        count += sum(int(line.split()[1]) for line in ip6.read_text().splitlines() if "Ip6OutNoRoutes" in line)
    return count


def run(folder: Path, probe_name: str, steps: Sequence[Step], environment: Mapping[str, str]) -> StepsOutcome:
    """Run the probe and all steps in their order, whatever their exit status; then end what they left running."""
    # prctl(2): what a command leaves running becomes a child of this process, so that it can be ended.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = packets_without_route()
    probe = subprocess.Popen([sys.executable, "-m", "resources.egress.probe", probe_name], env=dict(environment))
    probe.wait()
    before = packets_without_route()
    results = [_run(folder, number, step, environment) for number, step in enumerate(steps, start=1)]
    after = packets_without_route()
    _end_what_is_left()
    return StepsOutcome(probe.pid, before - start, results, after - before)


def _run(folder: Path, number: int, step: Step, environment: Mapping[str, str]) -> StepResult:
    started = time.time()
    with (folder / f"{number:02}.stdout").open("wb") as out, (folder / f"{number:02}.stderr").open("wb") as err:
        done = subprocess.run(
            step.command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False
        )
    return StepResult(step.name, number, done.returncode, step.status, started, round(time.time() - started, 1))


def _end_what_is_left() -> None:
    left = psutil.Process().children(recursive=True)
    for process in left:
        process.terminate()
    _, alive = psutil.wait_procs(left, timeout=_SECONDS_TO_END)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive)


def main() -> None:
    """Run the plan in the folder given as the only argument and write ``steps.json`` there."""
    folder = Path(sys.argv[1])
    plan = json.loads((folder / "plan.json").read_text())
    outcome = run(folder, plan["probe"], [Step(**step) for step in plan["steps"]], plan["environment"])
    (folder / "steps.json").write_text(json.dumps(outcome.as_dict()))


if __name__ == "__main__":
    main()
