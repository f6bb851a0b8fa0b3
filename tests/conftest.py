"""Shared by all tests: one embedded PostgreSQL a session, a fresh migrated database wherever one is asked for."""

import itertools
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from resources.dbt import BuildResult
from resources.identity.database_key import install_key
from resources.migrations import migrate
from resources.postgres import DATABASE, Database, Role, database, start_embedded
from resources.settings import Settings, load_settings

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-matrix", action="store_true", help="Write docs/access_matrix.md anew.")
    parser.addoption("--write-dictionary", action="store_true", help="Write docs/data_dictionary.md anew.")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real input that no one here wrote; tests that need it are skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def server() -> Iterator[Database]:
    """The session's embedded server with the migrated database that others are copied from."""
    home = Path(tempfile.mkdtemp(prefix="sanctum-tests-"))
    settings = load_settings(home=home)
    result = start_embedded(settings)
    migrate(result)
    yield result
    # In order it would first write hundreds of databases to disk that are thrown away.
    postmaster = psutil.Process(int(next(home.rglob("postmaster.pid")).read_text().split()[0]))
    postmaster.send_signal(signal.SIGQUIT)
    postmaster.wait(60)
    shutil.rmtree(home, ignore_errors=True)


def superuser_conninfo(server: Database, name: str = "postgres") -> str:
    """Of a superuser of the session's server."""
    return make_conninfo(**dict(server.parameters) | {"dbname": name, "user": "postgres"})


def superuser(server: Database, name: str = "postgres") -> psycopg.Connection:
    """A superuser's connection: for arranging and for attacks, never for what is under test."""
    return psycopg.connect(superuser_conninfo(server, name), autocommit=True)


def database_url(settings: Settings) -> str:
    """Where the settings' database is, as a process of its own is told."""
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def make_settings(server: Database, home: Path, template: str = DATABASE, **overrides: object) -> Settings:
    """Settings of a new home with a new database: an ordinary server as far as Sanctum can tell."""
    name = f"test_{next(_numbers)}"
    with superuser(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {Role.OWNER}")
        connection.execute(f"ALTER ROLE {Role.DAGSTER} IN DATABASE {name} SET search_path = dagster")
    host = dict(server.parameters)["host"]
    url = f"postgresql://{Role.OWNER}@localhost/{name}?host={host}"
    settings = load_settings(home=home, database_url=url, **overrides)
    install_key(settings, database(settings))
    return settings


@pytest.fixture
def settings(server: Database, tmp_path: Path) -> Settings:
    """A fresh home and database for one test."""
    return make_settings(server, tmp_path / "home")


@pytest.fixture(scope="module")
def module_settings(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A fresh home and database for one test module."""
    return make_settings(server, tmp_path_factory.mktemp("home"))


@pytest.fixture
def db(settings: Settings) -> Database:
    """The database of ``settings``."""
    return database(settings)


def assert_built(result: BuildResult) -> None:
    """Every model was made, every test passed; a handful of people are no complete or plausible hospital, though."""
    assert set(result.counts) <= {"success", "pass", "warn"}
    assert [name for name in result.warned if not name.startswith("quality_")] == []
