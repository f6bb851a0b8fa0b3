"""Code location ``platform``: the chain from landed bytes to decisions."""

import dagster as dg

from assets.audit import signed_head
from assets.bronze import bronze
from assets.dbt import dbt_definitions
from assets.fhir_server import server_assets, with_servers
from assets.inference import adjudication
from assets.landing import fhir_files, hl7_messages
from assets.retrieval import document_chunk
from assets.schedules import hl7_evidence, hl7_refresh, nightly, nightly_schedule
from assets.sensors import hl7_documents, hl7_inbox
from assets.vocabulary import vocabulary
from resources import telemetry
from resources.settings import Settings, load_settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """All assets, checks, jobs, the schedule and the sensor of one home.

    Raises:
        assets.dbt.ManifestError: dbt can't parse its project.
        pipelines.fhir_server.errors.ServersFileError: the file of FHIR servers can't be used.
    """
    telemetry.switch_off()
    servers = server_assets(settings)
    return dg.Definitions(
        assets=[
            fhir_files,
            hl7_messages,
            *servers,
            vocabulary,
            with_servers(bronze, servers),
            dbt_definitions(settings),
            document_chunk,
            adjudication,
            signed_head,
        ],
        jobs=[nightly, hl7_refresh, hl7_evidence],
        schedules=[nightly_schedule(settings)],
        sensors=[hl7_inbox, hl7_documents],
        resources={"settings": settings},
        executor=_executor(settings),
    )


def _executor(settings: Settings) -> dg.ExecutorDefinition:
    """A process for each step, so that memory goes back when it ends, forked from one that has loaded this module."""
    return dg.multiprocess_executor.configured(
        {
            "max_concurrent": settings.workers,
            "start_method": {"forkserver": {"preload_modules": [__name__]}},
        }
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads: the home that the environment names."""
    return build_definitions(load_settings())
