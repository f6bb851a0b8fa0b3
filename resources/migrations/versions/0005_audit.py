"""The append-only, hash-chained audit log."""

from resources.migrations.run_sql import run_sql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
