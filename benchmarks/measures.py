"""All measures for a population of deck patients, against an execution engine of the Clinical Quality Language.

The population is the published decks of test patients, copied with other ids: everybody is judged by every measure, as
in a hospital most are in none. The peer, fqm-execution, reads the same patients' bundles and executes two of the
measures, whose logic is stated in the language beside its driver, in our own words and not in the stewards'. What it
finds is compared with what our models find, patient by patient.
"""

import csv
import gzip
import io
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from benchmarks import peers
from benchmarks.loading import load
from benchmarks.model_times import model_seconds, seconds_of_models
from benchmarks.population import identifier_of_copy
from benchmarks.table import ScaleTable, Table
from pipelines.measures import EACH_PATIENT_A_PERSON, SELECT, Deck, judge, read_decks, value_sets_beside
from pipelines.vocabulary import ensure_starter, load_value_sets, load_vocabulary
from resources import dbt
from resources.postgres import Database, Role
from resources.settings import Settings

COPIES = 305
"""How often the larger population has each deck's patients, unless another number is asked for."""
PEER = "fqm-execution 1.8.6"
_PEER_FOLDER = "fqm_execution"
_PEER_MEASURES = ("CMS124", "CMS139")
_PEER_SECONDS = 3600.0
_PEER_COPIES = 10
_POPULATIONS = ("initial_population", "denominator", "denominator_exclusion", "numerator")
_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_MODELS = "path:models/measures"
_SLOWEST = 8


@dataclass(frozen=True)
class Figures:
    """Of one population.

    Attributes:
        patients: persons of schema omop.
        measures: how many judge each of them.
        ingest_seconds: from bundles on disk to bronze.
        whole_seconds: the build of all that the measures need, from bronze on.
        build_seconds: the build of schema measures alone, with dbt's own start.
        models_seconds: the same from its first model to its last.
        models: seconds of each model of it, longest first.
    """

    patients: int
    measures: int
    ingest_seconds: float
    whole_seconds: float
    build_seconds: float
    models_seconds: float
    models: tuple[tuple[str, float], ...]


def run(settings: Settings, database: Database, copies: int = COPIES) -> Iterator[Table | ScaleTable]:
    """Judge the decks' patients, copied, at two sizes; the smaller one by the peer, too."""
    folders = sorted((_SHARED / "ecqm" / "decks").glob("CMS*"))
    if not folders:
        table = Table("Measures", "patients' measures/s")
        table.add("not measured: no decks of test patients in ../shared/data", None)
        yield table
        return
    decks = read_decks(folders)
    if (_SHARED / "vocabulary").is_dir():
        load_vocabulary(database, _SHARED / "vocabulary")
    else:
        ensure_starter(database)
    load_value_sets(database, value_sets_beside(decks))
    small_folder, large_folder = settings.home / "decks-small", settings.home / "decks-large"
    patients = repeat_bundles(decks, small_folder, max(1, copies // 10))
    small = _measure(settings, database, decks, small_folder)
    yield _against_peer(settings, database, decks, small_folder, patients, small)
    shutil.rmtree(small_folder)
    repeat_bundles(decks, large_folder, copies)
    large = _measure(settings, database, decks, large_folder)
    shutil.rmtree(large_folder)
    yield _slowest(large)
    yield _scale(small, large)


def repeat_bundles(decks: Sequence[Deck], target: Path, copies: int) -> list[str]:
    """Write the decks' bundles so many times, a file a copy, each copy with ids of its own; the Patients' ids."""
    target.mkdir(parents=True)
    bundles = [_Bundle.read(line) for deck in decks for line in _lines(deck.bundles)]
    patients = []
    for copy in range(copies):
        (target / f"{copy:05}.ndjson").write_bytes(b"".join(bundle.of_copy(copy) for bundle in bundles))
        patients += [identifier_of_copy(copy, bundle.patient).decode() for bundle in bundles]
    return patients


def _lines(path: Path) -> list[bytes]:
    content = path.read_bytes()
    return (gzip.decompress(content) if path.suffix == ".gz" else content).splitlines()


@dataclass(frozen=True)
class _Bundle:
    """A bundle as its bytes between the ids of its resources, and those ids."""

    pieces: tuple[bytes, ...]
    patient: bytes

    @classmethod
    def read(cls, line: bytes) -> "_Bundle":
        resources = [entry["resource"] for entry in orjson.loads(line)["entry"]]
        ids = {str(one["id"]).encode() for one in resources}
        # An id stands alone in quotes, or ends a reference.
        pattern = rb'(?<=["/])(%s)(?=")' % b"|".join(re.escape(one) for one in sorted(ids))
        patient = next(str(one["id"]).encode() for one in resources if one["resourceType"] == "Patient")
        return cls(tuple(re.split(pattern, line + b"\n")), patient)

    def of_copy(self, copy: int) -> bytes:
        # Every other piece is an id.
        return b"".join(
            identifier_of_copy(copy, piece) if number % 2 else piece for number, piece in enumerate(self.pieces)
        )


def _measure(settings: Settings, database: Database, decks: Sequence[Deck], folder: Path) -> Figures:
    loaded = load(settings, folder, "structural", settings.source_system)
    whole = _build(settings, database, decks, (*SELECT, f"+{_MODELS}"))
    seconds = _build(settings, database, decks, (_MODELS,))
    with database.connect(Role.TRANSFORM) as connection:
        (patients,) = connection.execute("SELECT count(*) FROM omop.person").fetchone() or (0,)
        found = connection.execute("SELECT count(DISTINCT measure_id) FROM measures.measure_population").fetchone()
    return Figures(
        patients,
        found[0] if found else 0,
        loaded.seconds,
        whole,
        seconds,
        seconds_of_models(settings),
        model_seconds(settings),
    )


def _build(settings: Settings, database: Database, decks: Sequence[Deck], select: Sequence[str]) -> float:
    """Seconds of a build for the decks' period, from the start of dbt's process."""
    period = decks[0].cases[0].period
    began = time.perf_counter()
    dbt.build(
        settings,
        database,
        as_of=period[1],
        period=period,
        select=select,
        tests=False,
        project_variables=EACH_PATIENT_A_PERSON,
    )
    return time.perf_counter() - began


def _against_peer(
    settings: Settings, database: Database, decks: Sequence[Deck], folder: Path, patients: Sequence[str], ours: Figures
) -> Table:
    table = Table(f"Measures of {len(patients):,} patients", "patients' measures/s")
    two = " and ".join(_PEER_MEASURES)
    judged = len(patients) * len(_PEER_MEASURES)
    # It takes as long for each patient, however many there are.
    bundles = sorted(folder.iterdir())[:_PEER_COPIES]
    try:
        peer = peers.install_node(settings, _PEER_FOLDER)
        value_sets = _write_value_sets(decks, settings.home / "value-sets.ndjson")
        for processes in (1, settings.workers):
            seconds, found = _execute(peer, decks, value_sets, bundles, processes)
            executed = sum(map(len, found.values()))
            same = _agreeing(settings, database, found)
            at_once = f", {processes} processes beside each other" if processes > 1 else ""
            table.add(
                f"{PEER}: {two} in CQL{at_once} ({executed:,} in {seconds:.1f} s; ours the same of {same:,})",
                executed / seconds,
            )
    except peers.PeerUnavailableError as error:
        table.add(f"{PEER} ({error})", None)
    select = [f"+{measure.lower()},{_MODELS}" for measure in _PEER_MEASURES]
    seconds = _build(settings, database, decks, select)
    alone = seconds_of_models(settings)
    table.add(f"dbt build of {two} and what they read of schema measures ({seconds:.1f} s)", judged / seconds)
    table.add(f"the same without dbt's start ({alone:.1f} s)", judged / alone)
    all_judged = ours.patients * ours.measures
    table.add(
        f"dbt build of schema measures, {ours.measures} measures ({ours.build_seconds:.1f} s)",
        all_judged / ours.build_seconds,
    )
    table.add(f"the same without dbt's start ({ours.models_seconds:.1f} s)", all_judged / ours.models_seconds)
    return table


def _write_value_sets(decks: Sequence[Deck], target: Path) -> Path:
    """The decks' value sets as FHIR, each under the name that the measures have it by."""
    members: dict[str, list[dict[str, str]]] = {}
    for path in value_sets_beside(decks):
        for row in csv.DictReader(io.StringIO(b"\n".join(_lines(path)).decode())):
            members.setdefault(row["oid"], []).append({"system": row["system"], "code": row["code"]})
    sets = (
        {
            "resourceType": "ValueSet",
            "id": oid,
            "url": f"urn:oid:{oid}",
            "status": "active",
            "expansion": {"timestamp": date.today().isoformat(), "contains": codes},
        }
        for oid, codes in members.items()
    )
    target.write_text("".join(json.dumps(one) + "\n" for one in sets))
    return target


def _execute(
    peer: Path, decks: Sequence[Deck], value_sets: Path, bundles: Sequence[Path], processes: int
) -> tuple[float, dict[str, dict[str, Mapping[str, bool]]]]:
    """Seconds of the slowest process, without its start, and populations by measure and Patient.

    Raises:
        benchmarks.peers.PeerUnavailableError: it failed.
    """
    start, end = decks[0].cases[0].period
    fixed = [",".join(_PEER_MEASURES), start.isoformat(), end.isoformat(), str(value_sets)]
    shares = [[str(path) for path in bundles[number::processes]] for number in range(processes)]
    with ThreadPoolExecutor(processes) as pool:
        answers: list[dict[str, Any]] = list(
            pool.map(lambda share: peers.drive_node(peer, [*fixed, *share], _PEER_SECONDS), filter(None, shares))
        )
    found: dict[str, dict[str, Mapping[str, bool]]] = {measure: {} for measure in _PEER_MEASURES}
    for answer in answers:
        for measure, populations in answer["populations"].items():
            found[measure] |= populations
    return max(answer["seconds"] for answer in answers), found


def _agreeing(settings: Settings, database: Database, found: Mapping[str, Mapping[str, Mapping[str, bool]]]) -> int:
    """Of how many patients' measures the peer and our last build have the same populations."""
    same = 0
    for measure, by_patient in found.items():
        ours = judge(database, measure, settings.source_system, list(by_patient))
        same += sum(
            all(ours[patient].value(1, name) == int(populations[name]) for name in _POPULATIONS)
            for patient, populations in by_patient.items()
        )
    return same


def _slowest(found: Figures) -> Table:
    table = Table(f"Where the measures' time goes ({found.patients:,} patients, models beside each other)", "seconds")
    table.add("dbt build of schema measures", found.build_seconds)
    for name, seconds in found.models[:_SLOWEST]:
        table.add(name, seconds)
    rest = found.models[_SLOWEST:]
    table.add(f"the {len(rest)} other models", sum(took for _name, took in rest))
    return table


def _scale(small: Figures, large: Figures) -> ScaleTable:
    sizes = f"{small.patients:,} patients", f"{large.patients:,} patients"
    table = ScaleTable(f"{large.measures} measures at {large.patients / small.patients:.0f} times the patients", sizes)
    table.add("seconds, bundles to bronze", small.ingest_seconds, large.ingest_seconds)
    table.add("seconds, dbt build from bronze to care gaps", small.whole_seconds, large.whole_seconds)
    table.add("seconds, dbt build of schema measures", small.build_seconds, large.build_seconds)
    table.add("seconds, the same without dbt's start", small.models_seconds, large.models_seconds)
    table.add(
        "patients/s, dbt build of schema measures",
        small.patients / small.build_seconds,
        large.patients / large.build_seconds,
    )
    return table
