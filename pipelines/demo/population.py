"""Run clinosim and keep exactly as many patients as asked for, with everything that refers to them."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import orjson

from pipelines.demo.calendar import SIMULATION_END
from resources.progress import Progress

CATCHMENT_PER_PATIENT = 1.75
"""Persons living around the hospital for each one who becomes its patient (clinosim 0.6.5: about 1.7)."""

ATTEMPTS = 4
_PATIENT_REFERENCE = re.compile(rb'"reference": ?"Patient/([^"]+)"')
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "TZ": "UTC", "OPENBLAS_NUM_THREADS": "1"}


class PopulationFailed(Exception):
    """clinosim did not give the population that was asked for."""


def make_population(directory: Path, patients: int, seed: int, progress: Progress) -> None:
    """Write one NDJSON file for each resource type of a population of exactly ``patients`` into ``directory``.

    The simulator's log, its intermediate files and its manifests (which hold the time of day) are not kept.
    Raises PopulationFailed when the simulator fails or can't be made to give enough patients.
    """
    catchment = int(patients * CATCHMENT_PER_PATIENT) + 10
    for _ in range(ATTEMPTS):
        progress("simulating the population", 0, None)
        with tempfile.TemporaryDirectory(prefix="simulation-", dir=directory.parent) as workplace:
            _simulate(Path(workplace), catchment, seed)
            simulated = Path(workplace) / "fhir_r4"
            chosen = _choose(simulated, patients)
            if len(chosen) == patients:
                _keep(simulated, directory, chosen, progress)
                return
        catchment = catchment * 3 // 2
    raise PopulationFailed(f"clinosim gave fewer than {patients} patients from a catchment of {catchment * 2 // 3}")


def _simulate(workplace: Path, catchment: int, seed: int) -> None:
    """Run clinosim's command line in a process and an environment of its own."""
    command = [sys.executable, "-m", "clinosim.simulator.cli", "simulate", "--population", str(catchment)]
    command += ["--seed", str(seed), "--country", "US", "--end", SIMULATION_END.isoformat()]
    command += ["--format", "fhir-r4", "--output", str(workplace)]
    run = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        last_line = run.stderr.strip().rpartition("\n")[2]
        raise PopulationFailed(f"clinosim ended with status {run.returncode}: {last_line}")


def _choose(simulated: Path, patients: int) -> frozenset[bytes]:
    """The ids of the first ``patients`` patients in order of id (a hash, so the choice has no trend).

    A newborn whose mother is not among them is passed over: the birth's encounter would refer to one left out.
    """
    candidates = sorted(orjson.loads(line)["id"] for line in (simulated / "Patient.ndjson").read_bytes().splitlines())
    mothers = _mothers(simulated / "Encounter.ndjson")
    while True:
        chosen = set(candidates[:patients])
        orphans = {identifier for identifier in chosen if not mothers.get(identifier, set()) <= chosen}
        if not orphans:
            return frozenset(identifier.encode() for identifier in chosen)
        candidates = [identifier for identifier in candidates if identifier not in orphans]


def _mothers(encounter_file: Path) -> dict[str, set[str]]:
    """Patient ids by the id of each patient with an encounter that is part of theirs."""
    encounters = [orjson.loads(line) for line in encounter_file.read_bytes().splitlines()]
    patient_of = {e["id"]: e["subject"]["reference"].removeprefix("Patient/") for e in encounters}
    mothers: dict[str, set[str]] = {}
    for encounter in encounters:
        if "partOf" in encounter:
            whole = encounter["partOf"]["reference"].removeprefix("Encounter/")
            mothers.setdefault(patient_of[encounter["id"]], set()).add(patient_of[whole])
    return mothers


def _keep(simulated: Path, directory: Path, chosen: frozenset[bytes], progress: Progress) -> None:
    sources = sorted(simulated.glob("*.ndjson"))
    directory.mkdir(parents=True)
    for done, source in enumerate(sources):
        progress("selecting patients", done, len(sources))
        with source.open("rb") as lines:
            kept = list(_of_patients(lines, chosen, is_patient=source.stem == "Patient"))
        if kept:
            (directory / source.name).write_bytes(b"".join(kept))
    progress("selecting patients", len(sources), len(sources))


def _of_patients(lines: Iterable[bytes], chosen: frozenset[bytes], *, is_patient: bool) -> Iterable[bytes]:
    """Lines that are a chosen patient, or refer to chosen patients only, or to no patient at all."""
    for line in lines:
        people = set(_PATIENT_REFERENCE.findall(line))
        if is_patient:
            people.add(orjson.loads(line)["id"].encode())
        if people <= chosen:
            yield line
