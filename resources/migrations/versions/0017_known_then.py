"""What bronze said before: versions that a later one replaced, and the days features are asked for."""

from resources.migrations.run_sql import run_sql

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
