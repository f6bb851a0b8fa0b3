"""Alembic migrations; each revision runs the ``.sql`` file of its own name as the owner."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from resources import locks
from resources.postgres import Database, DatabaseUnavailableError, Role, without_row_values


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    return configuration


def migrate(database: Database) -> str:
    """Bring every schema, role and policy to the newest revision and set the roles' passwords.

    Two processes that migrate at once wait for each other.

    Returns:
        The revision the database is at.

    Raises:
        resources.postgres.DatabaseUnavailableError: the server can't be reached, or refuses the owner or a statement.
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
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        connection.commit()
        revision = MigrationContext.configure(connection).get_current_revision()
    _set_passwords(database)
    return str(revision)


def newest_revision() -> str:
    """The revision the code expects."""
    return str(ScriptDirectory.from_config(_configuration()).get_current_head())


def _set_passwords(database: Database) -> None:
    """Store each role's password as a SCRAM verifier computed here, so that no log ever sees it."""
    with database.connect(Role.OWNER, autocommit=True) as connection:
        for role, password in database.passwords:
            if role == Role.OWNER.value:
                continue
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256")
            connection.execute(f"ALTER ROLE \"{role}\" PASSWORD '{verifier.decode()}'")
