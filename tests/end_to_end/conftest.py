"""Homes for end-to-end tests, and a small demo population that all of them share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.demo import DemoInput, generate
from resources.postgres import Database, database
from tests.conftest import make_settings
from tests.end_to_end.home import Home, home_environment


@pytest.fixture(scope="session")
def population(tmp_path_factory: pytest.TempPathFactory) -> DemoInput:
    """Twelve synthetic patients with notes and an ADT feed."""
    return generate(tmp_path_factory.mktemp("population"), patients=12)


@pytest.fixture
def new_home(server: Database, tmp_path: Path) -> Callable[[str], Home]:
    """Makes a home with an empty database on the session's server."""

    def make(name: str) -> Home:
        settings = make_settings(server, tmp_path / name)
        assert settings.database_url is not None
        environment = home_environment(
            tmp_path / name, SANCTUM_DATABASE_URL=settings.database_url.get_secret_value(), SANCTUM_AS_OF="2026-10-31"
        )
        return Home(environment, database(settings))

    return make
