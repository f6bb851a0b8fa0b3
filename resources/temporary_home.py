"""A home with its own embedded PostgreSQL that is gone afterwards."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from resources import warehouse
from resources.postgres import Database, stop_embedded
from resources.settings import Settings, load_settings


@contextlib.contextmanager
def temporary_home(purpose: str) -> Iterator[tuple[Settings, Database]]:
    """Settings and database of a new home; never those that the environment names, nor their keys.

    Args:
        purpose: part of the folder's name.

    Raises:
        resources.postgres.DatabaseUnavailableError: the server can't be started.
    """
    home = Path(tempfile.mkdtemp(prefix=f"sanctum-{purpose}-"))
    settings = load_settings(
        home=home,
        database_url=None,
        database_url_file=None,
        role_passwords_file=None,
        identity_key_file=None,
        audit_signing_key_file=None,
    )
    try:
        yield settings, warehouse.prepare(settings).database
    finally:
        stop_embedded(settings)
        shutil.rmtree(home, ignore_errors=True)
