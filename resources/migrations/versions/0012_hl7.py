"""Whom HL7 v2 messages name beyond one patient, and what folding doubts."""

from resources.migrations.run_sql import run_sql

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
