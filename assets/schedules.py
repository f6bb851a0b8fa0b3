"""The jobs, and when the whole chain runs."""

import dagster as dg

from assets.landing import FHIR_FILES, HL7_MESSAGES
from resources.settings import Settings

NIGHTLY = "nightly"
HL7_REFRESH = "hl7_refresh"
_AT_TWO = "0 2 * * *"


nightly = dg.define_asset_job(NIGHTLY, dg.AssetSelection.all(), description="The whole chain.")

# What HL7 v2 messages change, and the vocabulary and seeds it is built with.
hl7_refresh = dg.define_asset_job(
    HL7_REFRESH,
    (
        dg.AssetSelection.assets(list(HL7_MESSAGES)).downstream()
        | dg.AssetSelection.groups("vocab")
        | dg.AssetSelection.kind("dbt")
    )
    - dg.AssetSelection.assets(list(FHIR_FILES)),
    description="HL7 v2 messages, and everything about the persons they concern.",
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
