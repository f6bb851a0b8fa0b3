"""Generate the demo input, or find that it is already there."""

import hashlib
import re
import shutil
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from pipelines.demo import access
from pipelines.demo.calendar import AS_OF, SIMULATION_END
from pipelines.demo.clinic import Chart, Resource, write_chart
from pipelines.demo.cohort import Person, read_cohort, read_practitioners
from pipelines.demo.feed import Feed, write_feed
from pipelines.demo.notes import NoteWriter, Truth, read_truth, truth_as_json
from pipelines.demo.population import make_population
from pipelines.demo.scenarios import Measure, plan_visits
from resources.progress import Progress

GENERATOR_VERSION = 2
"""Raise it with every change that alters the output, so that what is cached is made anew."""

ADDED = "clinic"
"""Our own resources lie beside clinosim's, as ``<Type>.clinic.ndjson``."""


@dataclass(frozen=True)
class DemoInput:
    """Where the demo input lies. The truth file is outside both input folders, so that no pipeline can read it."""

    fhir_directory: Path
    hl7_directory: Path
    truth_file: Path
    patients: int
    as_of: date


def generate(directory: Path, patients: int = 100, seed: int = 7, progress: Progress | None = None) -> DemoInput:
    """The demo input of exactly ``patients`` patients below ``directory``; the same arguments give the same bytes.

    What is there already is used again if it was made by this generator with the same arguments and is intact;
    otherwise what the generator wrote there is removed and made anew. ``directory/generator.json`` is written last, so
    an interrupted generation is redone. Raises ValueError for fewer than one patient and PopulationFailed when
    clinosim can't give the population.
    """
    if patients < 1:
        raise ValueError(f"a demo needs at least one patient, not {patients}")
    demo = DemoInput(directory / "fhir", directory / "hl7", directory / "truth.json", patients, AS_OF)
    recipe = {
        "generator": GENERATOR_VERSION,
        "clinosim": version("clinosim"),
        "patients": patients,
        "seed": seed,
        "simulation_end": SIMULATION_END.isoformat(),
    }
    manifest = directory / "generator.json"
    if not _intact(manifest, recipe, demo):
        _clear(directory, manifest, demo)
        _write(demo, seed, progress or _silent)
        content = {"recipe": recipe, "files": _digests(demo)}
        manifest.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")
    return demo


def forget(directory: Path, words: re.Pattern[bytes]) -> None:
    """Take out of the truth what is about a person known by these words, and note that the files are as they should be.

    The input itself was overwritten before, line by line; without this it would be made anew.
    """
    manifest = directory / "generator.json"
    if not manifest.is_file():
        return
    demo = DemoInput(directory / "fhir", directory / "hl7", directory / "truth.json", 0, AS_OF)
    truths = read_truth(demo.truth_file)
    kept = [truth for truth in truths if not words.search(truth_as_json([truth]))]
    if len(kept) < len(truths):
        demo.truth_file.write_bytes(truth_as_json(kept))
    content = orjson.loads(manifest.read_bytes())
    if content["files"] != _digests(demo):
        content["files"] = _digests(demo)
        manifest.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")


def _write(demo: DemoInput, seed: int, progress: Progress) -> None:
    make_population(demo.fhir_directory, demo.patients, seed, progress)
    cohort = read_cohort(demo.fhir_directory)
    practitioners = [f"Practitioner/{p['id']}" for p in read_practitioners(demo.fhir_directory, "DR-PC")]
    charts = [write_chart(visit, seed, practitioners) for visit in plan_visits(cohort, seed)]
    resources = [resource for chart in charts for resource in chart.resources]
    truths: list[Truth] = []
    writer = NoteWriter(seed)
    for done, chart in enumerate(charts):
        progress("writing notes", done, len(charts))
        for note in writer.write(chart):
            resources.append(note.resource)
            truths.extend(note.truths)
    progress("writing notes", len(charts), len(charts))
    _write_resources(demo.fhir_directory, resources, ADDED)
    teams = access.write_access(cohort, charts, seed, practitioners)
    _write_resources(demo.fhir_directory, teams, access.FILES)
    _write_messages(demo, cohort, charts, truths, seed, progress)
    demo.truth_file.write_bytes(truth_as_json(truths))


def _write_resources(directory: Path, resources: list[Resource], name: str) -> None:
    by_type: dict[str, list[bytes]] = {}
    for resource in resources:
        by_type.setdefault(resource["resourceType"], []).append(orjson.dumps(resource))
    for resource_type, lines in by_type.items():
        (directory / f"{resource_type}.{name}.ndjson").write_bytes(b"\n".join(lines) + b"\n")


def _write_messages(
    demo: DemoInput, cohort: list[Person], charts: list[Chart], truths: list[Truth], seed: int, progress: Progress
) -> None:
    busy = {chart.visit.person.fhir_id: chart.visit.start.date() for chart in charts}
    glycemic = frozenset(truth.patient_id for truth in truths if truth.measure_id == Measure.GLYCEMIC_STATUS)
    feed = Feed(seed, read_practitioners(demo.fhir_directory, "DR-"))
    count = write_feed(demo.hl7_directory, feed.messages(cohort, busy, glycemic))
    progress("writing messages", count, count)


def _intact(manifest: Path, recipe: dict[str, Any], demo: DemoInput) -> bool:
    """Whether ``manifest`` tells of the same recipe and every file is still as it was written."""
    if not manifest.is_file():
        return False
    content = orjson.loads(manifest.read_bytes())
    return bool(content["recipe"] == recipe and content["files"] == _digests(demo))


def _digests(demo: DemoInput) -> dict[str, str]:
    """SHA-256 of every file, by its path below the demo's folder."""
    root = demo.truth_file.parent
    files = [*demo.fhir_directory.glob("*"), *demo.hl7_directory.glob("*"), *root.glob(demo.truth_file.name)]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


def _clear(directory: Path, manifest: Path, demo: DemoInput) -> None:
    """Remove what an earlier or interrupted generation left; nothing else in ``directory`` is touched."""
    directory.mkdir(parents=True, exist_ok=True)
    manifest.unlink(missing_ok=True)
    demo.truth_file.unlink(missing_ok=True)
    for leftover in (demo.fhir_directory, demo.hl7_directory, *directory.glob("simulation-*")):
        shutil.rmtree(leftover, ignore_errors=True)


def _silent(_stage: str, _done: int, _total: int | None) -> None:
    """Progress nobody asked for."""
