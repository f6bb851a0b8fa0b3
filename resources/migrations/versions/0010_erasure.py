"""The right to be forgotten: tombstones, the journal of erasures, the eraser's rights, and how long what is kept."""

from resources.migrations.run_sql import run_sql

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
