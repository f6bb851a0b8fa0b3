"""What claims tell of diagnoses at admission: whether each was present, and those that are records of their own."""

from resources.migrations.run_sql import run_sql

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
