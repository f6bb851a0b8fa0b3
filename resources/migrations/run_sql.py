"""Runs the SQL file beside a revision."""

from pathlib import Path

from alembic import op


def run_sql(revision_file: str) -> None:
    """Execute the ``.sql`` file with the name of the revision module, as it is (no parameters, no escaping)."""
    sql = Path(revision_file).with_suffix(".sql").read_text()
    cursor = op.get_bind().connection.cursor()
    cursor.execute(sql)
    cursor.close()
