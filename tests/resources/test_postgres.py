"""Connection strings, roles and what is left of an error's text."""

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner

from assets.cli.main import app
from resources import warehouse
from resources.migrations import migrate, migration_files
from resources.postgres import Database, DatabaseUnavailableError, Role, database, without_row_values
from resources.private_files import PrivateFileError
from resources.settings import Settings, load_settings
from tests.conftest import database_url, superuser

URL = "postgresql://sanctum_owner:owner%20pw@db.example:6543/warehouse?sslmode=verify-full&sslpassword=key%20pw"


def of_an_ordinary_server(tmp_path: Path) -> Database:
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({"sanctum_ingest": "p@ss/word"}))
    passwords.chmod(0o600)
    return database(load_settings(home=tmp_path, database_url=URL, role_passwords_file=passwords))


def test_each_role_has_its_own_password(tmp_path: Path) -> None:
    found = of_an_ordinary_server(tmp_path)
    parts = conninfo_to_dict(found.dsn(Role.INGEST))
    assert (parts["user"], parts["password"], parts["sslmode"]) == ("sanctum_ingest", "p@ss/word", "verify-full")
    assert conninfo_to_dict(found.dsn(Role.OWNER))["password"] == "owner pw"
    assert "password" not in conninfo_to_dict(found.dsn(Role.EMBED))


def test_url_and_dsn_name_the_same_server(tmp_path: Path) -> None:
    found = of_an_ordinary_server(tmp_path)
    from_url, from_dsn = conninfo_to_dict(found.url(Role.INGEST)), conninfo_to_dict(found.dsn(Role.INGEST))
    assert from_url == from_dsn


def test_no_password_is_in_what_a_person_sees(tmp_path: Path) -> None:
    found = of_an_ordinary_server(tmp_path)
    for secret in ("p@ss/word", "owner pw", "key pw"):
        assert secret not in repr(found)
        assert secret not in found.public_dsn(Role.INGEST) + found.public_dsn(Role.OWNER)
    parts = conninfo_to_dict(found.public_dsn(Role.INGEST))
    assert (parts["user"], parts["host"], parts["sslmode"]) == ("sanctum_ingest", "db.example", "verify-full")


def test_the_url_can_come_from_a_file_that_only_its_owner_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "url"
    file.write_text(URL + "\n")
    settings = load_settings(home=tmp_path, database_url_file=file)
    assert settings.names_a_server
    file.chmod(0o640)
    with pytest.raises(PrivateFileError, match=f"chmod 600 {file}"):
        database(settings)
    file.chmod(0o600)
    assert conninfo_to_dict(database(settings).dsn(Role.OWNER))["password"] == "owner pw"
    with pytest.raises(PrivateFileError, match="can't be read"):
        database(settings.model_copy(update={"database_url_file": tmp_path / "absent"}))
    monkeypatch.setenv("SANCTUM_DATABASE_URL_FILE", str(file))
    monkeypatch.setenv("SANCTUM_HOME", str(tmp_path))
    for command in (["dsn"], ["dsn", "--json"]):
        assert CliRunner().invoke(app, command).exit_code == 0
        printed = "".join(capsys.readouterr())
        assert "owner pw" not in printed + CliRunner().invoke(app, command).output


def test_roles_passwords_others_may_read_and_wrong_ones_are_refused(tmp_path: Path) -> None:
    of_an_ordinary_server(tmp_path)
    (tmp_path / "passwords.json").chmod(0o644)
    settings = load_settings(home=tmp_path, database_url=URL, role_passwords_file=tmp_path / "passwords.json")
    with pytest.raises(PrivateFileError, match="chmod 600"):
        database(settings)
    (tmp_path / "passwords.json").chmod(0o600)
    (tmp_path / "passwords.json").write_text('{"sanctum_ingest": "hunter2"')
    with pytest.raises(PrivateFileError, match="no JSON object") as caught:
        database(settings)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_url_that_can_not_be_read_is_not_repeated(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, database_url="postgresql://sanctum_owner:hunter2%zz@db/sanctum")
    with pytest.raises(DatabaseUnavailableError) as caught:
        database(settings)
    shown = "".join(traceback.format_exception(caught.value))
    assert "percent-encoded" in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    "rest",
    [
        "db.example/sanctum",
        "db.example/sanctum?sslmode=require",
        "db.example/sanctum?sslmode=verify-ca",
        "10.0.0.7/sanctum?sslmode=disable",
        "localhost,db.example/sanctum",
        "localhost/sanctum?hostaddr=10.0.0.7",
        "localhost/sanctum?hostaddr=127.0.0.1,10.0.0.7",
        # Where only the host is known, as in dbt's profile, it would be that.
        "db.example/sanctum?hostaddr=127.0.0.1",
        "localhost.example/sanctum",
        "127.0.0.1.example/sanctum",
        "[fe80::1]/sanctum",
    ],
)
def test_off_this_machine_the_certificate_and_its_name_are_checked(tmp_path: Path, rest: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match="sslmode=verify-full") as caught:
        database(load_settings(home=tmp_path, database_url=f"postgresql://sanctum_owner:hunter2@{rest}"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "rest",
    [
        "localhost/sanctum",
        "127.0.0.1/sanctum",
        "[::1]/sanctum",
        "db/sanctum?host=/run/postgresql",
        "localhost/sanctum?hostaddr=127.0.0.1",
        "db.example/sanctum?sslmode=verify-full",
        "db.example/sanctum?hostaddr=10.0.0.7&sslmode=verify-full",
        "a.example,b.example/sanctum?sslmode=verify-full",
    ],
)
def test_on_this_machine_or_with_a_checked_certificate_nothing_else_is_asked(tmp_path: Path, rest: str) -> None:
    found = database(load_settings(home=tmp_path, database_url=f"postgresql://sanctum_owner@{rest}"))
    asked = "verify-full" in rest
    assert ("verify-full" in found.dsn(Role.INFER)) is asked
    assert ("verify-full" in found.url(Role.INFER)) is asked
    assert (found.dbt_environment()["SANCTUM_DBT_SSLMODE"] == "verify-full") is asked


@pytest.mark.parametrize("url", ["postgresql://somebody@db/sanctum", "postgresql:///sanctum"])
def test_another_user_and_a_missing_host_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match="sanctum_owner"):
        database(load_settings(home=tmp_path, database_url=url))


@pytest.mark.parametrize("rest", ["service=x", "service=x&sslmode=verify-full"])
def test_a_service_is_refused(tmp_path: Path, rest: str) -> None:
    url = f"postgresql://sanctum_owner@localhost/sanctum?host=/run/postgresql&{rest}"
    with pytest.raises(DatabaseUnavailableError, match="names a service"):
        database(load_settings(home=tmp_path, database_url=url))


CONNECTS = """
import os
import psycopg2
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from resources.migrations import migrate, migration_files
from resources.postgres import Role, database
from resources.settings import load_settings

found = database(load_settings())
assert migrate(found) == max(migration_files())
with found.connect(Role.INGEST) as connection:
    print(connection.info.host)
# As dlt does, and as dbt does by its profile.
print(psycopg2.connect(PostgresCredentials(found.url(Role.INGEST)).to_native_representation()).info.host)
os.environ |= found.dbt_environment()
names = {"host": "HOST", "port": "PORT", "user": "USER", "dbname": "DATABASE", "sslmode": "SSLMODE"}
print(psycopg2.connect(**{name: os.environ[f"SANCTUM_DBT_{variable}"] for name, variable in names.items()}).info.host)
"""


@pytest.mark.parametrize("variable", ["PGHOSTADDR", "PGSERVICE"])
def test_no_variable_leads_a_connection_elsewhere(settings: Settings, tmp_path: Path, variable: str) -> None:
    (tmp_path / "services").write_text("[127.0.0.1]\nhostaddr=127.0.0.1\n")
    variables = {
        "SANCTUM_HOME": str(settings.home),
        "SANCTUM_DATABASE_URL": database_url(settings),
        "PGSERVICEFILE": str(tmp_path / "services"),
        # PostgreSQL listens on no address here.
        variable: "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, "-c", CONNECTS], env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [dict(database(settings).parameters)["host"]] * 3


def test_a_connection_string_leads_nowhere_else_in_another_process(
    server: Database, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in psql, by ``sanctum dsn``."""
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.1")
    for found in (server, db):
        with psycopg.connect(found.public_dsn(Role.INGEST)) as connection:
            assert connection.info.host.startswith("/")


def test_an_address_of_the_url_reaches_dbt(tmp_path: Path) -> None:
    url = "postgresql://sanctum_owner@db.example/sanctum?hostaddr=10.0.0.7&sslmode=verify-full"
    assert database(load_settings(home=tmp_path, database_url=url)).dbt_environment()["PGHOSTADDR"] == "10.0.0.7"


def test_a_server_that_does_not_answer_is_one_error(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, database_url="postgresql://sanctum_owner:secret@127.0.0.1:1/sanctum")
    with pytest.raises(DatabaseUnavailableError) as caught:
        migrate(database(settings))
    assert "secret" not in str(caught.value)


def test_certificates_reach_dbt(tmp_path: Path) -> None:
    url = "postgresql://sanctum_owner@db/sanctum?sslmode=verify-full&sslrootcert=/etc/root.pem"
    variables = database(load_settings(home=tmp_path, database_url=url)).dbt_environment()
    assert (variables["SANCTUM_DBT_SSLMODE"], variables["PGSSLROOTCERT"]) == ("verify-full", "/etc/root.pem")


def test_no_running_server_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailableError, match="sanctum up"):
        database(load_settings(home=tmp_path))


def test_error_texts_lose_their_row_values(db: Database) -> None:
    with pytest.raises(DatabaseUnavailableError) as caught, without_row_values(), db.connect(Role.INGEST) as connection:
        connection.execute(
            "INSERT INTO quarantine.record (record_key, reason) VALUES ('secret-key', 'x'), ('secret-key', 'x')"
        )
    assert "secret-key" not in str(caught.value)
    assert "record_record_key_key" in str(caught.value)
    assert caught.value.__cause__ is None


def test_migrating_again_changes_nothing(db: Database) -> None:
    assert migrate(db) == max(migration_files())


def test_no_service_is_superuser_or_can_become_another(settings: Settings, db: Database) -> None:
    services = [role.value for role in Role if role is not Role.OWNER]
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        powers = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'sanctum_%%' "
            "AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolreplication)"
        ).fetchall()
        memberships = connection.execute(
            "SELECT member.rolname FROM pg_auth_members JOIN pg_roles AS member ON member.oid = member "
            "WHERE member.rolname = ANY(%s)",
            (services,),
        ).fetchall()
        owned = connection.execute(
            "SELECT c.relname FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner "
            "WHERE c.relnamespace IN ('retrieval'::regnamespace, 'inference'::regnamespace, 'audit'::regnamespace) "
            "AND r.rolname = ANY(%s)",
            (services,),
        ).fetchall()
    assert (powers, memberships, owned) == ([], [], [])


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (Role.INGEST, "SELECT * FROM retrieval.document_chunk"),
        (Role.INGEST, "SELECT * FROM audit.event"),
        (Role.TRANSFORM, "SELECT * FROM inference.adjudication"),
        (Role.TRANSFORM, "DELETE FROM bronze.person"),
        (Role.EMBED, "SELECT * FROM inference.adjudication"),
        (Role.EMBED, "SELECT * FROM bronze.note"),
        (Role.INFER, "SELECT * FROM bronze.note"),
        (Role.INFER, "INSERT INTO retrieval.document_chunk (chunk_id) VALUES (1)"),
        (Role.INFER, "DELETE FROM inference.adjudication"),
        (Role.REVIEWER, "SELECT * FROM audit.event"),
        (Role.AUDITOR, "SELECT * FROM inference.adjudication"),
        (Role.AUDITOR, "DELETE FROM audit.event"),
        (Role.DAGSTER, "SELECT * FROM bronze.person"),
        (Role.DAGSTER, "SELECT audit.append('a', 'b', 'c', 1, 'd', '{}', 1, '{}')"),
    ],
)
def test_a_role_can_not_do_another_ones_duty(db: Database, role: Role, statement: str) -> None:
    with db.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement)


def test_a_database_that_is_not_migrated_is_left_to_the_owner(settings: Settings, db: Database) -> None:
    assert warehouse.ready(settings) == db
    with superuser(db, dict(db.parameters)["dbname"]) as connection:
        connection.execute("DELETE FROM migration_file WHERE revision > '0001'")
    with pytest.raises(DatabaseUnavailableError, match="sanctum up"):
        warehouse.ready(settings)


def test_commands_that_find_it_migrated_never_log_in_as_the_owner(settings: Settings, db: Database) -> None:
    with superuser(db) as connection:
        connection.execute("ALTER ROLE sanctum_owner NOLOGIN")
        try:
            with pytest.raises(DatabaseUnavailableError):
                db.connect(Role.OWNER)
            assert warehouse.ready(settings) == db
        finally:
            connection.execute("ALTER ROLE sanctum_owner LOGIN")
