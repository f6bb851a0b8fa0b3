"""The OMOP vocabulary tables."""

from resources.migrations.run_sql import run_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
