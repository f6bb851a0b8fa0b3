"""Group by schema: every dbt model and seed is an asset, every dbt test a check."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliInvocation,
    DbtCliResource,
    DbtProject,
    dbt_assets,
)

from assets.content_free import content_free_errors
from assets.coverage import with_coverage
from assets.environment import environment
from assets.metadata import CLINICAL_INFORMATICS, DATA_PLATFORM, FRESHNESS
from pipelines.refresh import RefreshReport, WholeBuildNeededError, refresh_persons
from resources import dbt
from resources.dbt_process import LOCK_VARIABLE
from resources.postgres import database, database_name
from resources.settings import Settings

BUILD_MODELS = "build_models"
_EXECUTABLE = Path(sys.executable).with_name("sanctum-dbt")
_OWNERS = {"features": CLINICAL_INFORMATICS, "measures": CLINICAL_INFORMATICS}


class ManifestError(RuntimeError):
    """dbt can't parse its project."""


def manifest_path(settings: Settings) -> Path:
    """The project's manifest below the home, made when there is none of the project as it is now.

    Raises:
        ManifestError: dbt can't parse the project; the text is dbt's, which reads no data for this.
    """
    name = database_name(settings)
    project = hashlib.sha256(f"{dbt.project_sha256()} {version('dagster-dbt')} {name}".encode()).hexdigest()
    target = settings.dbt_directory / "manifests" / project[:16]
    if not (target / "manifest.json").is_file():
        _parse(target, name)
    return target / "manifest.json"


def _parse(target: Path, database_name: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unfinished-") as unfinished:
        own = {
            "DBT_PROFILES_DIR": str(dbt.PROJECT_DIRECTORY),
            # Row counts and lineage are asked for by the names that the manifest has.
            "SANCTUM_DBT_DATABASE": database_name,
            "DBT_TARGET_PATH": unfinished,
            "DBT_LOG_PATH": unfinished,
            LOCK_VARIABLE: str(Path(unfinished) / "lock"),
        }
        arguments = ["parse", "--quiet", "--no-partial-parse"]
        done = subprocess.run(
            dbt.command(arguments), env={**os.environ, **own}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ManifestError(f"dbt can't parse {dbt.PROJECT_DIRECTORY}: {done.stdout[-2000:]}")
        # Another process may parse the same project meanwhile; whose manifest stays does not matter.
        target.mkdir(exist_ok=True)
        (Path(unfinished) / "manifest.json").replace(target / "manifest.json")


class BuildConfig(dg.Config):
    """Of whom tables are built.

    Attributes:
        persons: everybody, or those of whom bronze changed, beside whom nothing else is touched.
    """

    persons: Literal["all", "changed"] = "all"


class Translator(DagsterDbtTranslator):
    """Asset keys are schema and model; groups are schemas, intermediate models with what they are for."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The spec of one model or seed; sources keep the keys their ``meta`` names."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = self.get_resource_props(manifest, unique_id)
        if node["resource_type"] == "source":
            return spec
        schema = str(node["schema"])
        return spec.replace_attributes(
            key=dg.AssetKey([schema, str(node["name"])]),
            group_name=schema.removesuffix("_intermediate"),
            owners=[_OWNERS.get(schema, DATA_PLATFORM)],
            kinds={"dbt", "postgres"},
            freshness_policy=FRESHNESS,
        ).merge_attributes(metadata={"dagster/table_name": f"{schema}.{node['alias']}"})


def dbt_definitions(settings: Settings) -> dg.AssetsDefinition:
    """All models, seeds and tests of the dbt project, built by one ``dbt build``."""

    @dbt_assets(
        manifest=manifest_path(settings),
        name=BUILD_MODELS,
        dagster_dbt_translator=Translator(),
        pool="warehouse",
    )
    def models(
        context: dg.AssetExecutionContext, config: BuildConfig, settings: dg.ResourceParam[Settings]
    ) -> Iterator[Any]:
        if config.persons == "changed":
            report = _refresh(context, settings)
            if report is not None:
                yield from refreshed(context, report)
                return
        variables = dbt.variables(settings.effective_as_of())
        # dagster-dbt looks at columns in threads, of which each changes the folder of the whole process and back.
        with (
            content_free_errors(),
            environment(dbt.environment(settings, database(settings))),
            contextlib.chdir(Path.cwd()),
        ):
            resource = DbtCliResource(
                project_dir=os.fspath(dbt.PROJECT_DIRECTORY),
                profiles_dir=os.fspath(dbt.PROJECT_DIRECTORY),
                dbt_executable=os.fspath(_EXECUTABLE),
            )
            invocation = resource.cli(
                ["build", *dbt.NO_UNIT_TESTS, "--vars", json.dumps(variables)],
                context=context,
                target_path=settings.dbt_directory / "target",
                raise_on_error=False,
            )
            yield from with_coverage(_silenced(invocation), database(settings))
            _raise_if_failed(invocation)

    return models


def _refresh(context: dg.AssetExecutionContext, settings: Settings) -> RefreshReport | None:
    """What a refresh did; None: a build of everybody is needed."""
    with content_free_errors():
        try:
            return refresh_persons(settings, database(settings))
        except WholeBuildNeededError as error:
            context.log.info(f"everybody is built: {error}")
            return None


def refreshed(context: dg.AssetExecutionContext, report: RefreshReport) -> Iterator[Any]:
    """The tables of the persons concerned, and the checks that warn.

    Of the hundreds that found nothing no event is written: that would take longer than the refresh, and there is none
    where one failed. A run in which nothing had changed names every table too: what follows may have to catch up.
    """
    told = {"persons": report.persons, **{f"{part}_seconds": seconds for part, seconds in report.seconds.items()}}
    for table in report.tables:
        key = dg.AssetKey(table.split("."))
        if key in context.selected_asset_keys:
            yield dg.MaterializeResult(asset_key=key, metadata={**told, "new_rows": report.rows.get(table, 0)})
    for check in context.selected_asset_check_keys:
        if check.name in report.warned:
            yield dg.AssetCheckResult(
                passed=False, asset_key=check.asset_key, check_name=check.name, severity=dg.AssetCheckSeverity.WARN
            )


def _silenced(invocation: DbtCliInvocation) -> Iterator[Any]:
    """The invocation's events, without what dbt prints: its error texts echo row values, and Dagster keeps output."""
    with Path(os.devnull).open("w") as sink, contextlib.redirect_stdout(sink):
        yield from invocation.stream().fetch_row_counts().fetch_column_metadata()


def _raise_if_failed(invocation: DbtCliInvocation) -> None:
    path = invocation.target_path / "run_results.json"
    dbt.forget_messages(path)
    if invocation.is_successful():
        return
    results = json.loads(path.read_text())["results"] if path.exists() else []
    failed = [node["unique_id"].split(".", 2)[-1] for node in results if node["status"] in ("error", "fail")]
    raise dbt.DbtBuildError(dbt.failure(failed, invocation.process.returncode))
