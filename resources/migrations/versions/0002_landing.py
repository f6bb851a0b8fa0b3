"""What arrived, byte for byte, and what could not be used."""

from resources.migrations.run_sql import run_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
