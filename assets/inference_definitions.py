"""Code location ``inference``: the model files, found by the interpreter that will run them.

It imports no more than Dagster and the model files' room, so that an environment with a GPU's libraries can load it.
"""

from collections.abc import Callable, Iterator

import dagster as dg

from assets.content_free import content_free_errors
from assets.metadata import DATA_PLATFORM, FRESHNESS
from inference.models import ModelFiles, content_sha256, prepare_embedding_model, prepare_language_model
from resources import telemetry
from resources.settings import Settings, load_settings

PREPARE_MODELS = "prepare_models"
_CHECK = "files_are_the_hashed_ones"


def _model_asset(name: str, description: str, prepare: Callable[[Settings], ModelFiles]) -> dg.AssetsDefinition:
    @dg.asset(
        key=["models", name],
        group_name="models",
        kinds={"python", "huggingface"},
        owners=[DATA_PLATFORM],
        description=description,
        freshness_policy=FRESHNESS,
        check_specs=[
            dg.AssetCheckSpec(
                _CHECK, asset=["models", name], description="Weights read again give the hash that decisions name."
            )
        ],
    )
    def model(settings: dg.ResourceParam[Settings]) -> Iterator[dg.MaterializeResult[None]]:
        with content_free_errors():
            files = prepare(settings)
            again = content_sha256(files.path)
            yield dg.MaterializeResult(
                metadata={"model": files.name, "sha256": files.sha256, "bytes": _bytes(files)},
                data_version=dg.DataVersion(files.sha256),
                check_results=[dg.AssetCheckResult(passed=again == files.sha256, check_name=_CHECK)],
            )

    return model


def _bytes(files: ModelFiles) -> int:
    return sum(path.stat().st_size for path in files.path.rglob("*") if path.is_file())


def build_definitions(settings: Settings) -> dg.Definitions:
    """The two models and the job that prepares them."""
    telemetry.switch_off()
    return dg.Definitions(
        assets=[
            _model_asset(
                "embedding_model",
                "The sentence embedding model, verified against its published hash.",
                prepare_embedding_model,
            ),
            _model_asset(
                "language_model",
                "The language model in a form that vLLM loads, converted once for this home.",
                prepare_language_model,
            ),
        ],
        jobs=[dg.define_asset_job(PREPARE_MODELS, dg.AssetSelection.all(), executor_def=dg.in_process_executor)],
        resources={"settings": settings},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads: the home that the environment names."""
    return build_definitions(load_settings())
