"""What quality measures read of FHIR: reasons, body sites, onsets, supplies, rejections, and the sex care goes by."""

from resources.migrations.run_sql import run_sql

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
