"""Tickets of callers, and what is asked when one is given: scopes, sensitivity labels, consent, emergency access."""

from resources.migrations.run_sql import run_sql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Run the SQL file beside this module."""
    run_sql(__file__)
