"""Alembic migrations; each revision runs the ``.sql`` file of its own name as the owner.

A file is never changed once it is here: databases that have it would not get the change. Another revision is added.
"""

import hashlib
from functools import partial
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.migration import MigrationInfo
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from resources import locks
from resources.postgres import Database, DatabaseUnavailableError, Role, without_row_values

_DIRECTORY = Path(__file__).parent


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(_DIRECTORY))
    return configuration


def migrate(database: Database) -> str:
    """Bring every schema, role and policy to the newest revision and set the roles' passwords.

    Two processes that migrate at once wait for each other.

    Returns:
        The revision the database is at.

    Raises:
        resources.postgres.DatabaseUnavailableError: the server can't be reached, or refuses the owner or a statement,
            or the database was made by other migrations and was left as it is.
    """
    try:
        with without_row_values():
            return _migrate(database)
    except DBAPIError as error:
        code = getattr(error.orig, "pgcode", None) or "none"
        raise DatabaseUnavailableError(
            f"the database can't be migrated as {Role.OWNER.value} (SQLSTATE {code}); is the server up, has the owner "
            "its password, and has an administrator created the extension vector? See docs/operating.md."
        ) from None


def _migrate(database: Database) -> str:
    configuration = _configuration()
    engine = create_engine(database.url(Role.OWNER, "postgresql+psycopg2"), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": locks.MIGRATION})
        connection.commit()
        _refuse_other_migrations(connection)
        connection.commit()
        configuration.attributes["connection"] = connection
        configuration.attributes["on_version_apply"] = partial(_record, connection)
        command.upgrade(configuration, "head")
        connection.commit()
        revision = MigrationContext.configure(connection).get_current_revision()
    _set_passwords(database)
    return str(revision)


def _refuse_other_migrations(connection: Connection) -> None:
    """Until there was this record, files were changed in place: such a database is not what its revision says."""
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return
    has_record = connection.scalar(text("SELECT to_regclass('public.migration_file') IS NOT NULL"))
    query = text("SELECT revision, sha256 FROM public.migration_file")
    recorded = {row.revision: row.sha256 for row in connection.execute(query)} if has_record else {}
    if current not in recorded or not recorded.items() <= migration_files().items():
        raise DatabaseUnavailableError(
            "an earlier development version of Sanctum, or a newer one, made this database by other migrations than "
            "this code has; nothing was changed. Move the home folder away (of a server that you named: make a new "
            "database), run 'sanctum up' and load your files again, or use the version that made it."
        )


def _record(connection: Connection, *, step: MigrationInfo, **_: object) -> None:
    """Keep, in a revision's own transaction, the hash of the file that it ran."""
    connection.execute(
        text("INSERT INTO public.migration_file (revision, sha256) VALUES (:revision, :sha256)"),
        {"revision": step.up_revision_id, "sha256": migration_files()[str(step.up_revision_id)]},
    )


def migration_files() -> dict[str, str]:
    """Every revision of this code, and the hash of its ``.sql`` file in hexadecimal."""
    revisions = ScriptDirectory.from_config(_configuration()).walk_revisions()
    return {
        found.revision: hashlib.sha256(Path(found.path).with_suffix(".sql").read_bytes()).hexdigest()
        for found in revisions
    }


def _set_passwords(database: Database) -> None:
    """Store each role's password as a SCRAM verifier computed here, so that no log ever sees it."""
    with database.connect(Role.OWNER, autocommit=True) as connection:
        for role, password in database.passwords:
            if role == Role.OWNER.value:
                continue
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            connection.execute(f"ALTER ROLE \"{role}\" PASSWORD '{verifier.decode()}'")
