"""Connection strings, roles and what is left of an error's text."""

import json
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from resources.migrations import migrate, newest_revision
from resources.postgres import Database, DatabaseUnavailableError, Role, database, without_row_values
from resources.settings import Settings, load_settings
from tests.conftest import superuser

URL = "postgresql://sanctum_owner:owner%20pw@db.example:6543/warehouse?sslmode=require"


def of_an_ordinary_server(tmp_path: Path) -> Database:
    passwords = tmp_path / "passwords.json"
    passwords.write_text(json.dumps({"sanctum_ingest": "p@ss/word"}))
    return database(load_settings(home=tmp_path, database_url=URL, role_passwords_file=passwords))


def test_each_role_has_its_own_password(tmp_path: Path) -> None:
    found = of_an_ordinary_server(tmp_path)
    parts = conninfo_to_dict(found.dsn(Role.INGEST))
    assert (parts["user"], parts["password"], parts["sslmode"]) == ("sanctum_ingest", "p@ss/word", "require")
    assert conninfo_to_dict(found.dsn(Role.OWNER))["password"] == "owner pw"
    assert "password" not in conninfo_to_dict(found.dsn(Role.EMBED))


def test_url_and_dsn_name_the_same_server(tmp_path: Path) -> None:
    found = of_an_ordinary_server(tmp_path)
    from_url, from_dsn = conninfo_to_dict(found.url(Role.INGEST)), conninfo_to_dict(found.dsn(Role.INGEST))
    assert from_url == from_dsn


@pytest.mark.parametrize("url", ["postgresql://somebody@db/sanctum", "postgresql:///sanctum"])
def test_another_user_and_a_missing_host_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseUnavailableError, match="sanctum_owner"):
        database(load_settings(home=tmp_path, database_url=url))


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
    assert migrate(db) == newest_revision()


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
