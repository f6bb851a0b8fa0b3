"""The jobs, and when the whole chain runs."""

import dagster as dg

from assets.bronze import LOAD_BRONZE, LoadConfig
from assets.dbt import BUILD_MODELS, BuildConfig
from assets.landing import FHIR_FILES, HL7_MESSAGES
from resources.settings import Settings

NIGHTLY = "nightly"
HL7_REFRESH = "hl7_refresh"
HL7_EVIDENCE = "hl7_evidence"
_AT_TWO = "0 2 * * *"


nightly = dg.define_asset_job(NIGHTLY, dg.AssetSelection.all(), description="The whole chain.")

_OF_HL7 = dg.AssetSelection.assets(list(HL7_MESSAGES)).downstream() - dg.AssetSelection.assets(list(FHIR_FILES))
_READ_BY_MODELS = dg.AssetSelection.groups("retrieval", "inference", "audit")

# In one process, because starting others would take most of its time. Seeds and tables of no person are among what dbt
# makes for a build of everybody, where only that will do.
hl7_refresh = dg.define_asset_job(
    HL7_REFRESH,
    (_OF_HL7 | dg.AssetSelection.kind("dbt")) - _READ_BY_MODELS,
    config=dg.RunConfig(ops={LOAD_BRONZE: LoadConfig(feeds="hl7"), BUILD_MODELS: BuildConfig(persons="changed")}),
    executor_def=dg.in_process_executor,
    description="HL7 v2 messages, and the record, features and care gaps of the persons they concern.",
)

hl7_evidence = dg.define_asset_job(
    HL7_EVIDENCE,
    _OF_HL7 & _READ_BY_MODELS,
    description="What the models read of notes and gaps that a refresh changed.",
)


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Job ``nightly`` at two o'clock in the settings' time zone."""
    return dg.ScheduleDefinition(
        name="nightly_schedule",
        job_name=NIGHTLY,
        cron_schedule=_AT_TWO,
        execution_timezone=settings.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
