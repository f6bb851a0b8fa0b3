"""The demonstration: the whole chain on a synthetic population or on a folder of one's own, as job ``nightly``."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.inference_definitions import PREPARE_MODELS
from assets.run import INFERENCE, JobResult, execute_job
from assets.schedules import NIGHTLY
from resources import warehouse
from resources.postgres import Database
from resources.progress import Progress
from resources.settings import Settings

if TYPE_CHECKING:
    from pipelines.demo import DemoInput

_FHIR, _HL7 = "landing/fhir_files", "landing/hl7_messages"
_ACCOUNTS = "bronze/resource"
_CHUNKS, _DECISIONS = "retrieval/document_chunk", "inference/adjudication"
_EMBEDDING = ("notes_read", "chunks_new", "chunks_kept", "chunks_removed", "sentences_embedded", "seconds")
_ADJUDICATION = (
    "gaps_open",
    "gaps_without_documents",
    "asked",
    "reused",
    "prompt_tokens",
    "completion_tokens",
    "seconds",
)


@dataclass(frozen=True)
class DemoOutcome:
    """What came of a demonstration.

    Attributes:
        result: of the job ``nightly``.
        seconds: wall-clock time of everything.
        rows: rows of every table that holds any.
        care_gaps: people by measure and status; empty where features were not built.
        evaluation: counts of ``inference.evaluation``; empty for input whose truth is not known.
    """

    result: JobResult
    seconds: float
    rows: Mapping[str, int]
    care_gaps: Mapping[str, Any]
    evaluation: Mapping[str, int]

    @property
    def succeeded(self) -> bool:
        """Whether every step succeeded and no check failed; those that only warn are told."""
        return self.result.succeeded and not self.result.failed_checks

    @property
    def nothing_new(self) -> bool:
        """Whether no file was loaded, no sentence embedded, and the model asked nothing."""
        found = self.result.metadata
        counts = [found.get(key, {}).get("files_new") for key in (_FHIR, _HL7)]
        counts += [found.get(_ACCOUNTS, {}).get(name) for name in ("fhir_loaded", "hl7_loaded")]
        counts += [found.get(_CHUNKS, {}).get("sentences_embedded"), found.get(_DECISIONS, {}).get("asked")]
        return self.result.succeeded and not any(counts)

    def as_dict(self) -> dict[str, Any]:
        """For people and for JSON."""
        found = self.result.metadata
        accounts = found.get(_ACCOUNTS, {})
        decisions = found.get(_DECISIONS, {})
        return {
            "succeeded": self.succeeded,
            "nothing_new": self.nothing_new,
            "run_id": self.result.run_id,
            "seconds": round(self.seconds, 1),
            "fhir": accounts.get("fhir_account", {}),
            "hl7": accounts.get("hl7_account", {}),
            "rows": dict(self.rows),
            "care_gaps": dict(self.care_gaps),
            "embedding": _some(found.get(_CHUNKS, {}), _EMBEDDING),
            "adjudication": _some(decisions, _ADJUDICATION),
            "decisions": decisions.get("decisions", {}),
            "evaluation": dict(self.evaluation),
            "failed_steps": self.result.failures,
            "failed_checks": [{"check": name} for name in self.result.failed_checks],
            "warned_checks": [{"check": name} for name in self.result.warned_checks],
        }


def _some(values: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}


def run_demo(settings: Settings, input_directory: Path | None, patients: int, progress: Progress) -> DemoOutcome:
    """Prepare the warehouse, the input and the models, and run the job ``nightly`` to its end.

    Args:
        settings: the home; its inboxes are replaced by the input's folders.
        input_directory: folder of FHIR (and HL7 v2) files; None: a synthetic population, made once for this home.
        patients: how many people the synthetic population has.
        progress: called with the stage and its counts.

    Raises:
        pipelines.landing.InputError: the folder does not exist or holds nothing to load.
        pipelines.demo.PopulationFailed: the synthetic population could not be made.
        resources.postgres.DatabaseUnavailableError: the database can't be started or reached.
        assets.run.RunNotStartedError: Dagster did not start.
    """
    started = time.monotonic()
    database = warehouse.ready(settings)
    made = _make_input(settings, patients, progress) if input_directory is None else None
    demo = _with_input(settings, made, input_directory)
    models = execute_job(demo, database, PREPARE_MODELS, progress, module=INFERENCE, python=settings.inference_python)
    result = execute_job(demo, database, NIGHTLY, progress) if models.succeeded else models
    return DemoOutcome(
        result,
        time.monotonic() - started,
        warehouse.row_counts(database),
        _care_gaps(database, result),
        _evaluation(demo, database, made) if made and result.succeeded else {},
    )


def _make_input(settings: Settings, patients: int, progress: Progress) -> "DemoInput":
    from pipelines.demo import generate

    return generate(settings.home / "demo", patients=patients, progress=progress)


def _with_input(settings: Settings, made: "DemoInput | None", directory: Path | None) -> Settings:
    """The settings of this run: where its input lies and, for the synthetic population, the day it is about."""
    if made is not None:
        inboxes = {"fhir_inbox": made.fhir_directory, "hl7_inbox": made.hl7_directory}
        return settings.model_copy(update={**inboxes, "as_of": settings.as_of or made.as_of})
    from pipelines.fhir.reading import SUFFIXES
    from pipelines.landing import find_files

    assert directory is not None
    find_files([directory], SUFFIXES)
    folder = directory.expanduser().absolute()
    return settings.model_copy(update={"fhir_inbox": folder, "hl7_inbox": folder})


def _evaluation(settings: Settings, database: Database, made: "DemoInput") -> dict[str, int]:
    """How the decisions compare with what the generator planted, which no step of the run has seen."""
    from inference.evaluation import Expectation, evaluate
    from pipelines.demo import read_truth
    from pipelines.keys import resource_key

    return asdict(
        evaluate(
            settings,
            database,
            [
                Expectation(
                    resource_key(settings.source_system, "Patient", truth.patient_id),
                    truth.measure_id,
                    truth.closes_gap,
                    truth.evidence,
                )
                for truth in read_truth(made.truth_file)
            ],
        )
    )


def _care_gaps(database: Database, result: JobResult) -> Mapping[str, Any]:
    return warehouse.care_gap_counts(database) if "features/care_gap" in result.metadata else {}
