"""Whose records changed since omop was built of them, so that a refresh builds these alone."""

from resources.migrations.run_sql import run_sql

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
