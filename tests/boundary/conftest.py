"""One warehouse of a few people, built once; each test works in a copy of it."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql

from inference.embedding import embed_notes
from pipelines.fhir import ingest_fhir
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.identity import Identity
from resources.identity.session import Session, open_session
from resources.postgres import Database, database
from resources.settings import Settings
from tests.boundary import people
from tests.conftest import assert_built, make_settings, superuser

AS_OF = date(2026, 10, 31)


@dataclass(frozen=True)
class Warehouse:
    """A built warehouse that a test may change."""

    settings: Settings
    database: Database

    def superuser(self) -> psycopg.Connection:
        return superuser(self.database, dict(self.database.parameters)["dbname"])

    def rows(self, query: str, *parameters: Any) -> list[tuple]:
        """What is really stored: read by a superuser, past row security."""
        with self.superuser() as connection:
            return connection.execute(query.encode(), parameters or None).fetchall()

    def persons(self, who: Identity, table: str, claimed: int | None = None) -> set[str]:
        """Names of the persons that a caller sees rows of."""
        with open_session(self.settings, self.database, who) as session:
            return seen(session, table, claimed)


def seen(session: Session, table: str, claimed: int | None = None) -> set[str]:
    """Names of the persons of whom a new transaction of this session sees rows."""
    if claimed is not None:
        session.claim([claimed])
    session.enter(claimed)
    query = sql.SQL("SELECT DISTINCT person_id FROM {}").format(sql.Identifier(*table.split(".")))
    found = {person for (person,) in session.connection.execute(query)}
    session.connection.commit()
    names = {number: name for name, number in people.PERSON.items()}
    return {names[number] for number in found}


@pytest.fixture(scope="session")
def built(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("boundary")
    settings = make_settings(server, folder / "home", as_of=AS_OF)
    found = database(settings)
    ensure_starter(found)
    account = ingest_fhir(settings, found, [people.write(folder)])
    assert (account.closes, dict(account.quarantined)) == (True, {})
    assert_built(dbt.build(settings, found))
    embed_notes(settings, found)
    return settings


@pytest.fixture(scope="session")
def copy_built(server: Database, built: Settings, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Warehouse]:
    """Makes a copy of the built warehouse in a home of its own."""

    def make() -> Warehouse:
        name = dict(database(built).parameters)["dbname"]
        settings = make_settings(server, tmp_path_factory.mktemp("copy") / "home", template=name, as_of=AS_OF)
        shutil.copytree(built.landing_directory, settings.landing_directory)
        return Warehouse(settings, database(settings))

    return make


@pytest.fixture
def warehouse(copy_built: Callable[[], Warehouse]) -> Warehouse:
    return copy_built()


@pytest.fixture(scope="module")
def shared_warehouse(copy_built: Callable[[], Warehouse]) -> Iterator[Warehouse]:
    """A copy for tests that only read."""
    return copy_built()
