"""The rest of the OMOP vocabulary's tables, a schema for the next version, and what a release changed."""

from resources.migrations.run_sql import run_sql

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
