"""What was found of the tables' quality: tests' failures, their history, and how much of the source was understood."""

from resources.migrations.run_sql import run_sql

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
