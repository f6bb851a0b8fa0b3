"""Document chunks and their embeddings, under row-level security."""

from resources.migrations.run_sql import run_sql

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
