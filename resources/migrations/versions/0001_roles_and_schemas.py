"""Roles, one per duty, and the schemas they work in."""

from resources.migrations.run_sql import run_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
