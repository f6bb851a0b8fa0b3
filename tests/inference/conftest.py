"""Notes and care gaps as dbt would have built them, and one real language model for the whole session."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest

from inference.engine import VllmEngine
from inference.models import ModelFiles, prepare_language_model
from resources.postgres import Database, Role, database
from resources.settings import Settings, load_settings
from tests.conftest import make_settings, superuser

PERIOD = (date(2025, 1, 1), date(2025, 12, 31))


@dataclass(frozen=True)
class Warehouse:
    """A migrated database with ``omop.note`` and ``features.care_gap`` in the columns that inference reads."""

    settings: Settings
    database: Database

    def add_note(self, note_id: int, person_id: int, text: str, day: date = date(2025, 3, 1)) -> None:
        with self.database.connect(Role.TRANSFORM) as connection:
            connection.execute(
                "INSERT INTO omop.note (note_id, person_id, note_date, note_text) VALUES (%s, %s, %s, %s)",
                (note_id, person_id, day, text),
            )

    def add_gap(self, person_id: int, measure_id: str, status: str = "open") -> None:
        with self.database.connect(Role.TRANSFORM) as connection:
            connection.execute(
                "INSERT INTO features.care_gap (person_id, measure_id, period_start, period_end, status, as_of) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                (person_id, measure_id, *PERIOD, status, PERIOD[1]),
            )

    def label(self, note_id: int, person_id: int, *codes: str) -> None:
        """As dbt publishes labels: these and no others."""
        with self.database.connect(Role.TRANSFORM) as connection:
            connection.execute("DELETE FROM access.sensitive_row WHERE cdm_id = %s", (note_id,))
            if codes:
                connection.execute(
                    "INSERT INTO access.sensitive_row VALUES ('note', %s, %s, %s)", (note_id, person_id, list(codes))
                )

    def transform(self, statement: str) -> None:
        with self.database.connect(Role.TRANSFORM) as connection:
            connection.execute(statement)

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[tuple]:
        """What is really stored: read by a superuser, past row security."""
        with self.superuser() as connection:
            return connection.execute(statement, parameters).fetchall()

    def superuser(self) -> psycopg.Connection:
        return superuser(self.database, dict(self.database.parameters)["dbname"])


MakeWarehouse = Callable[..., Warehouse]


@pytest.fixture
def make_warehouse(server: Database, tmp_path: Path) -> MakeWarehouse:
    def make(**overrides: object) -> Warehouse:
        settings = make_settings(server, tmp_path / "home", **overrides)
        warehouse = Warehouse(settings, database(settings))
        warehouse.transform(
            "CREATE TABLE omop.note (note_id bigint, person_id bigint, note_date date, note_text text);"
            "GRANT SELECT ON omop.note TO sanctum_embed, sanctum_infer, sanctum_reviewer;"
            "CREATE TABLE features.care_gap (person_id bigint, measure_id text, period_start date, period_end date, "
            "status text, as_of date, sensitivity text[] NOT NULL DEFAULT '{}');"
            "GRANT SELECT ON features.care_gap TO sanctum_infer, sanctum_reviewer;"
            "SELECT access.guard('omop.note'); SELECT access.guard('features.care_gap')"
        )
        return warehouse

    return make


@pytest.fixture
def warehouse(make_warehouse: MakeWarehouse) -> Warehouse:
    return make_warehouse()


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """SmolLM2 out of its package, converted once a session."""
    return prepare_language_model(load_settings(home=tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="session")
def language_engine(language_model: ModelFiles, tmp_path_factory: pytest.TempPathFactory) -> VllmEngine:
    """The one running engine of the session: a start takes 20 seconds."""
    return VllmEngine(load_settings(home=tmp_path_factory.mktemp("engine")), language_model)
