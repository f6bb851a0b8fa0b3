"""A database that other migrations made is refused as it is, not half changed."""

import shutil
from pathlib import Path

import pytest

from resources import migrations, warehouse
from resources.migrations import migrate, migration_files
from resources.postgres import Database, DatabaseUnavailableError, Role
from resources.settings import Settings
from tests.conftest import superuser


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The migrations of a later commit, which the code has from here on; the folder of the revisions."""
    copy = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, copy)
    monkeypatch.setattr(migrations, "_DIRECTORY", copy)
    return copy / "versions"


def tables(db: Database) -> list[tuple[str, ...]]:
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname <> 'pg_catalog' ORDER BY 1, 2"
        return connection.execute(query).fetchall()


def add_revision(versions: Path) -> None:
    (versions / "9999_later.sql").write_text("CREATE TABLE landing.later (number bigint);\n")
    newest = max(migration_files())
    (versions / "9999_later.py").write_text(
        "from resources.migrations.run_sql import run_sql\n"
        f"revision, down_revision = '9999', '{newest}'\n"
        "def upgrade():\n    run_sql(__file__)\n"
    )


def test_the_hash_of_every_file_is_on_record(db: Database) -> None:
    files = migration_files()
    assert len(files) == len(list(Path(migrations.__file__).parent.glob("versions/*.sql")))
    assert warehouse.migrations_applied(db) == files
    assert migrate(db) == max(files)


def test_a_revision_that_was_added_is_applied(settings: Settings, db: Database, later: Path) -> None:
    add_revision(later)
    with pytest.raises(DatabaseUnavailableError, match="run 'sanctum up'"):
        warehouse.ready(settings)
    assert migrate(db) == "9999"
    assert ("landing", "later") in tables(db)
    assert warehouse.ready(settings) == db


def test_a_database_of_a_file_that_was_changed_since_is_left_as_it_is(
    settings: Settings, db: Database, later: Path
) -> None:
    add_revision(later)
    changed = next(later.glob("0002_*.sql"))
    changed.write_text(changed.read_text() + "-- More.\n")
    before = tables(db)
    with pytest.raises(DatabaseUnavailableError, match="Move the home folder away"):
        migrate(db)
    with pytest.raises(DatabaseUnavailableError):
        warehouse.ready(settings)
    assert tables(db) == before


@pytest.mark.parametrize("statement", ["DROP TABLE public.migration_file", "DELETE FROM public.migration_file"])
def test_a_database_without_a_record_is_left_as_it_is(db: Database, later: Path, statement: str) -> None:
    add_revision(later)
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute(statement.encode())
    before = tables(db)
    with pytest.raises(DatabaseUnavailableError, match="nothing was changed"):
        migrate(db)
    assert tables(db) == before


def test_a_database_of_newer_code_is_left_as_it_is(db: Database, later: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_revision(later)
    migrate(db)
    monkeypatch.undo()
    with pytest.raises(DatabaseUnavailableError, match="use the version that made it"):
        migrate(db)


def test_only_the_owner_writes_the_record(db: Database) -> None:
    with db.connect(Role.INGEST) as connection:
        found = connection.execute(
            "SELECT DISTINCT rolname::text, privilege FROM pg_roles, "
            "unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) AS privilege "
            "WHERE starts_with(rolname, 'sanctum_') AND rolname <> 'sanctum_owner' "
            "AND has_table_privilege(rolname, 'public.migration_file', privilege)"
        ).fetchall()
    assert found == [("sanctum_ingest", "SELECT")]
