"""The variables by which libpq would connect elsewhere than the settings say: none is left in this process.

libpq takes from them what a connection string leaves out. SQLAlchemy, and so Alembic, dlt and Dagster's storage, leaves
out what is empty: an empty ``hostaddr`` in the string does not keep libpq from ``PGHOSTADDR`` there.
"""

import os

_LEAD_ELSEWHERE = ("PGHOSTADDR", "PGSERVICE")


def forget_other_servers() -> None:
    """Take them out of this process's environment, which its child processes inherit."""
    for name in _LEAD_ELSEWHERE:
        os.environ.pop(name, None)
