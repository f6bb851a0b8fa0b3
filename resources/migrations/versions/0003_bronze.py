"""OMOP-shaped tables with source codes and keys."""

from resources.migrations.run_sql import run_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
