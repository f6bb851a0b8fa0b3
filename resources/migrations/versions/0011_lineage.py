"""Back from a row to its landed bytes: which load a record came with, and who may see bytes that no row stands for."""

from resources.migrations.run_sql import run_sql

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
