"""Group ``landing``: the inboxes' files, byte for byte."""

from collections.abc import Iterator

import dagster as dg

from assets.backlog import backlog_check, backlog_spec
from assets.checks import check_spec, missing_bytes, none_of
from assets.content_free import content_free_errors, log_progress
from assets.metadata import table_metadata, table_spec
from pipelines.landing import LandingReport
from resources.postgres import Database, Role, database
from resources.settings import Settings

FHIR_FILES = ("landing", "fhir_files")
HL7_MESSAGES = ("landing", "hl7_messages")
_BYTES_ARE_THERE = "bytes_are_there"
_DESCRIPTION = "Every landed content still lies under the home, as long as it was."


@dg.multi_asset(
    name="land_fhir_files",
    specs=[
        table_spec(
            "landing",
            "file",
            asset_name="fhir_files",
            kinds={"python", "postgres", "file"},
            description="FHIR R4 NDJSON files and bundles of the FHIR inbox, kept by content hash.",
        )
    ],
    check_specs=[check_spec(FHIR_FILES, _BYTES_ARE_THERE, _DESCRIPTION, blocking=True)],
)
def fhir_files(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Land what lies in the FHIR inbox."""
    from pipelines.fhir import land_fhir

    with content_free_errors():
        warehouse = database(settings)
        settings.fhir_inbox_directory.mkdir(parents=True, exist_ok=True)
        paths = [settings.fhir_inbox_directory]
        report = land_fhir(settings, warehouse, paths, log_progress(context), may_be_empty=True)
        yield _landed(settings, warehouse, report, FHIR_FILES, "file", ["fhir-ndjson", "fhir-json"])


@dg.multi_asset(
    name="land_hl7_messages",
    specs=[
        table_spec(
            "landing",
            "hl7_message",
            asset_name="hl7_messages",
            kinds={"python", "postgres", "hl7"},
            description="HL7 v2 messages of the HL7 inbox as received, each kept once.",
        )
    ],
    check_specs=[
        check_spec(HL7_MESSAGES, _BYTES_ARE_THERE, _DESCRIPTION, blocking=True),
        backlog_spec(HL7_MESSAGES),
    ],
)
def hl7_messages(
    context: dg.AssetExecutionContext, settings: dg.ResourceParam[Settings]
) -> Iterator[dg.MaterializeResult[None]]:
    """Land what lies in the HL7 inbox."""
    from pipelines.hl7 import land_hl7

    with content_free_errors():
        warehouse = database(settings)
        settings.hl7_inbox_directory.mkdir(parents=True, exist_ok=True)
        paths = [settings.hl7_inbox_directory]
        # What waited before this run landed anything: a burst in the inbox is no backlog.
        backlog = backlog_check(settings, warehouse, HL7_MESSAGES)
        report = land_hl7(settings, warehouse, paths, log_progress(context), may_be_empty=True)
        yield _landed(settings, warehouse, report, HL7_MESSAGES, "hl7_message", ["hl7v2"], backlog)


def _landed(
    settings: Settings,
    warehouse: Database,
    report: LandingReport,
    key: tuple[str, str],
    table: str,
    kinds: list[str],
    *checks: dg.AssetCheckResult,
) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        asset_key=key,
        metadata={
            "files_new": report.files_new,
            "files_known": report.files_known,
            "bytes": report.bytes,
            **table_metadata(warehouse, Role.INGEST, "landing", table),
        },
        check_results=[none_of(key, _BYTES_ARE_THERE, missing_bytes(settings, warehouse, kinds)), *checks],
    )
