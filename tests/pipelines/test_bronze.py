"""Bronze loading: versions, withdrawal, atomicity, nothing left behind."""

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pipelines.bronze import BronzeChange, BronzeLoadError, load
from resources.postgres import Database, DatabaseUnavailableError, Role
from resources.settings import Settings


def resource(key: int, *, day: int | None = 1, outcome: str = "loaded") -> dict[str, Any]:
    return {
        "resource_key": key,
        "source_system": "ehr",
        "resource_type": "Observation",
        "resource_id": str(key),
        "last_updated": None if day is None else datetime(2026, 1, day, tzinfo=UTC),
        "version_order": None if day is None else f"{day:02d}",
        "content_sha256": f"{key}-{day}",
        "outcome": outcome,
    }


def measurement(owner: int, key: int, value: float | None = 7.1) -> dict[str, Any]:
    return {
        "measurement_key": key,
        "resource_key": owner,
        "source_system": "ehr",
        "person_key": 1,
        "codings": [{"system": "http://loinc.org", "code": "4548-4"}],
        "code_text": 'quoted "text", with, commas\nand a line',
        "value_number": value,
        "value_text": "",
        "value_boolean": True,
        "measurement_datetime": datetime(2026, 1, 1, 10, 30),
    }


def run(settings: Settings, db: Database, *batches: dict[str, Any]) -> BronzeChange:
    return load(settings, db, batches, lambda connection: None)


def values(db: Database) -> list[tuple[Any, ...]]:
    with db.connect(Role.INGEST) as connection:
        return connection.execute(
            "SELECT resource_key, measurement_key, value_number::float FROM bronze.measurement ORDER BY 1, 2"
        ).fetchall()


def test_values_of_every_type_arrive_as_given(settings: Settings, db: Database) -> None:
    change = run(settings, db, {"resource": [resource(1)], "measurement": [measurement(1, 10)]})
    assert change == BronzeChange(1, 0, {"measurement": 1})
    with db.connect(Role.INGEST) as connection:
        row = connection.execute(
            "SELECT value_number::text, codings, code_text, value_text, value_boolean, measurement_datetime, unit_code "
            "FROM bronze.measurement"
        ).fetchone()
    expected = measurement(1, 10)
    assert row == (
        "7.1",
        expected["codings"],
        expected["code_text"],
        None,
        True,
        expected["measurement_datetime"],
        None,
    )


def test_newer_version_replaces_all_rows_of_the_resource(settings: Settings, db: Database) -> None:
    run(settings, db, {"resource": [resource(1)], "measurement": [measurement(1, 10), measurement(1, 11)]})
    run(settings, db, {"resource": [resource(1, day=2)], "measurement": [measurement(1, 10, 6.5)]})
    assert values(db) == [(1, 10, 6.5)]


def test_older_version_arriving_late_changes_nothing(settings: Settings, db: Database) -> None:
    run(settings, db, {"resource": [resource(1, day=2)], "measurement": [measurement(1, 10)]})
    change = run(settings, db, {"resource": [resource(1, day=1)], "measurement": [measurement(1, 10, 9.9)]})
    assert change == BronzeChange(0, 1, {})
    assert values(db) == [(1, 10, 7.1)]


def test_of_two_versions_in_one_load_the_last_counts(settings: Settings, db: Database) -> None:
    first = {"resource": [resource(1, day=2)], "measurement": [measurement(1, 10, 2), measurement(1, 11, 2)]}
    last = {"resource": [resource(1, day=3)], "measurement": [measurement(1, 10, 3)]}
    run(settings, db, first, last)
    assert values(db) == [(1, 10, 3)]


def test_other_outcome_withdraws_the_resources_rows_and_nothing_else(settings: Settings, db: Database) -> None:
    rows = [measurement(1, 10), measurement(2, 20)]
    run(settings, db, {"resource": [resource(1), resource(2)], "measurement": rows})
    run(settings, db, {"resource": [resource(1, day=2, outcome="status:entered-in-error")]})
    assert values(db) == [(2, 20, 7.1)]


@pytest.mark.parametrize(("column", "value"), [("measurement_datetime", "Jane Doe"), ("value_number", "Jane Doe")])
def test_a_value_of_another_type_is_refused_without_being_told(
    settings: Settings, db: Database, column: str, value: Any
) -> None:
    batch = {"resource": [resource(1)], "measurement": [measurement(1, 10) | {column: value}]}
    with pytest.raises(BronzeLoadError, match=f"bronze.measurement.{column}") as raised:
        run(settings, db, batch)
    assert "Jane" not in "".join(traceback.format_exception(raised.value))
    assert values(db) == []


def test_an_error_in_finish_leaves_bronze_as_it_was(settings: Settings, db: Database) -> None:
    def refuse(connection: object) -> None:
        raise ValueError("account does not close")

    with pytest.raises(ValueError, match="account does not close"):
        load(settings, db, [{"resource": [resource(1)], "measurement": [measurement(1, 10)]}], refuse)
    assert values(db) == []
    run(settings, db, {"resource": [resource(1)], "measurement": [measurement(1, 10)]})
    assert values(db) == [(1, 10, 7.1)]


def test_an_error_in_the_source_leaves_bronze_as_it_was(settings: Settings, db: Database) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield {"resource": [resource(1)], "measurement": [measurement(1, 10)]}
        raise OSError("source broke")

    with pytest.raises(OSError, match="source broke"):
        load(settings, db, broken(), lambda connection: None)
    assert values(db) == []


def test_a_key_two_resources_share_fails_without_showing_values(settings: Settings, db: Database) -> None:
    rows = [measurement(1, 10), measurement(2, 10)]
    with pytest.raises(DatabaseUnavailableError) as caught:
        run(settings, db, {"resource": [resource(1), resource(2)], "measurement": rows})
    assert "23505" in str(caught.value)
    assert "quoted" not in str(caught.value)
    assert values(db) == []


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ({"resource": [resource(1), resource(1)]}, "twice"),
        ({"resource": [], "measurement": [measurement(1, 10)]}, "without the resource"),
        ({"resource": [], "wrong": [{"resource_key": 1}]}, "bronze lacks"),
    ],
)
def test_a_batch_that_breaks_the_rules_is_refused(
    settings: Settings, db: Database, batch: dict[str, Any], message: str
) -> None:
    with pytest.raises(BronzeLoadError, match=message):
        run(settings, db, batch)


def test_nothing_of_a_load_stays_on_disk_or_in_staging(settings: Settings, db: Database) -> None:
    run(settings, db, {"resource": [resource(1)], "measurement": [measurement(1, 10)]})
    assert not list(settings.dlt_directory.rglob("*.csv*"))
    with db.connect(Role.INGEST) as connection:
        assert connection.execute("SELECT count(*) FROM bronze_staging.measurement").fetchone() == (0,)
