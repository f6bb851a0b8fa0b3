"""Who may see whom: what a caller entered with, and the policies made of it."""

from resources.migrations.run_sql import run_sql

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
