"""Group ``landing``: the FHIR servers that the settings name, an asset each, upstream of bronze."""

from collections.abc import Iterator, Sequence

import dagster as dg

from assets.account import account_check_specs, account_checks
from assets.checks import check_spec
from assets.content_free import content_free_errors, log_progress
from assets.metadata import account_metadata, table_metadata, table_spec
from pipelines.fhir_server import ServerReport, ingest_server
from pipelines.fhir_server.configuration import Server, read_servers
from pipelines.quarantine import counts_by_reason
from resources.postgres import Database, Role, database
from resources.settings import Settings

WAS_WHOLE = "everything_was_given"


def server_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """An asset for each server of ``SANCTUM_FHIR_SERVERS_FILE``; none without the setting.

    Raises:
        pipelines.fhir_server.errors.ServersFileError: the file can't be used; the text names the place in it.
    """
    if settings.fhir_servers_file is None:
        return []
    return [_asset(number, server) for number, server in enumerate(read_servers(settings.fhir_servers_file), start=1)]


def with_servers(bronze: dg.AssetsDefinition, servers: Sequence[dg.AssetsDefinition]) -> dg.AssetsDefinition:
    """Bronze, materialised after the servers were asked."""
    keys = [key for server in servers for key in server.keys]
    return bronze.map_asset_specs(lambda spec: spec.merge_attributes(deps=keys)) if keys else bronze


def _asset(number: int, server: Server) -> dg.AssetsDefinition:
    key = ("landing", f"fhir_server_{server.name}")

    @dg.multi_asset(
        name=f"ask_fhir_server_{number}",
        specs=[
            table_spec(
                "landing",
                "fhir_watermark",
                asset_name=key[1],
                kinds={"python", "postgres"},
                description="What changed at a FHIR server since the last time: asked for, landed and loaded.",
            )
        ],
        check_specs=[
            check_spec(key, WAS_WHOLE, "The server gave everything asked for, so that its watermark moved."),
            *account_check_specs(key),
        ],
        pool="warehouse",
    )
    def ask(
        context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult[None]]:
        """Ask the server for what changed, land it and load it."""
        with content_free_errors():
            warehouse = database(settings)
            report = ingest_server(settings, warehouse, server, log_progress(context))
            yield _result(settings, warehouse, key, report)

    return ask


def _result(
    settings: Settings, warehouse: Database, key: tuple[str, str], report: ServerReport
) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "files": report.files,
            "received": dg.MetadataValue.json(dict(sorted(report.received.items()))),
            "watermarks": dg.MetadataValue.json(report.advanced),
            "findings": dg.MetadataValue.json(report.findings),
            **account_metadata(report.account, "fhir"),
            **table_metadata(warehouse, Role.INGEST, "landing", "fhir_watermark"),
        },
        check_results=[
            dg.AssetCheckResult(
                passed=not report.held,
                check_name=WAS_WHOLE,
                asset_key=dg.AssetKey(key),
                metadata={"held": dg.MetadataValue.json(report.held)},
            ),
            *account_checks(settings, key, [report.account], counts_by_reason(warehouse)),
        ],
    )
