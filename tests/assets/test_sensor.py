"""The sensors ask for one run whenever something arrived or was refreshed, and miss no message and no failure."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from assets import sensors
from assets.schedules import HL7_EVIDENCE, HL7_REFRESH
from assets.sensors import hl7_documents, hl7_inbox
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.conftest import superuser

MESSAGE = b"MSH|^~\\&|ADT|HOSP|S|S|20260301||ADT^A04|1|P|2.5.1\r"
PATIENT_NAME = "Zzyzxcanary"
INSERT = "INSERT INTO landing.hl7_message (body_sha256, body) VALUES (sha256(%s), %s)"


@dg.op
def refresh() -> None:
    """Stands for the refresh: what counts here is how its run ends."""


@dg.op
def fails() -> None:
    raise dg.Failure


@dg.job(name=HL7_REFRESH)
def succeeding() -> None:
    refresh()


@dg.job(name=HL7_REFRESH)
def failing() -> None:
    fails()


@dg.job(name=HL7_EVIDENCE)
def reading() -> None:
    refresh()


@dg.job(name=HL7_EVIDENCE)
def not_reading() -> None:
    fails()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


class Sensor:
    """The sensor with the cursor that it left."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, asks: dg.SensorDefinition = hl7_inbox) -> None:
        self.settings, self.instance, self.definition, self.cursor = settings, instance, asks, None

    def look(self, *, keeps_cursor: bool = True) -> Any:
        context = dg.build_sensor_context(self.instance, self.cursor, resources={"settings": self.settings})
        with context:
            result = self.definition(context)
        if keeps_cursor and isinstance(result, dg.SensorResult):
            self.cursor = result.cursor
        return result

    def asks(self) -> bool:
        result = self.look()
        if isinstance(result, dg.SkipReason):
            return False
        assert len(result.run_requests) == 1
        return True

    def run(self, job: dg.JobDefinition = succeeding) -> None:
        job.execute_in_process(instance=self.instance, raise_on_error=False)


@pytest.fixture
def sensor(settings: Settings, instance: dg.DagsterInstance) -> Sensor:
    return Sensor(settings, instance)


@pytest.fixture
def inbox_file(settings: Settings) -> Path:
    settings.hl7_inbox_directory.mkdir(parents=True)
    return settings.hl7_inbox_directory / f"{PATIENT_NAME}.hl7"


def fold_all(db: Database) -> None:
    with db.connect(Role.INGEST) as connection:
        connection.execute("UPDATE landing.hl7_message SET folded_at = now()")


def land(db: Database, *bodies: bytes) -> None:
    with db.connect(Role.INGEST) as connection:
        for body in bodies:
            connection.execute(INSERT, (body, body))


def test_empty_inbox_is_skipped(sensor: Sensor) -> None:
    assert not sensor.asks()


def test_new_and_changed_files_ask_for_one_run_each(sensor: Sensor, inbox_file: Path) -> None:
    inbox_file.write_bytes(MESSAGE)
    assert sensor.asks()
    assert not sensor.asks()
    inbox_file.write_bytes(MESSAGE * 2)
    assert sensor.asks()
    assert not sensor.asks()
    os.utime(inbox_file, ns=(1, 1))
    assert sensor.asks()


def test_a_file_that_is_still_written_is_left_alone(sensor: Sensor, inbox_file: Path) -> None:
    unfinished = inbox_file.with_name(".unfinished.hl7")
    unfinished.write_bytes(MESSAGE)
    assert not sensor.asks()
    unfinished.rename(inbox_file)
    assert sensor.asks()


def test_no_file_name_is_kept(sensor: Sensor, inbox_file: Path) -> None:
    inbox_file.write_bytes(MESSAGE)
    result = sensor.look()
    assert PATIENT_NAME not in result.cursor
    assert PATIENT_NAME not in result.run_requests[0].run_key
    assert result.run_requests[0].tags == {}


def test_landed_message_that_bronze_lacks_asks_for_a_run(sensor: Sensor, db: Database) -> None:
    land(db, MESSAGE)
    assert sensor.asks()
    fold_all(db)
    sensor.run()
    assert not sensor.asks()
    land(db, MESSAGE * 2)
    assert sensor.asks()


def test_one_look_taken_twice_asks_for_the_same_run(sensor: Sensor, db: Database) -> None:
    """A daemon that dies after it asked, and before it kept the cursor, looks again."""
    land(db, MESSAGE)
    first, second = (sensor.look(keeps_cursor=False).run_requests[0].run_key for _ in range(2))
    assert first == second
    fold_all(db)
    sensor.run()
    land(db, MESSAGE * 2)
    assert sensor.look().run_requests[0].run_key != first


def test_a_burst_is_one_run_and_what_comes_during_it_the_next(sensor: Sensor, db: Database) -> None:
    land(db, *(MESSAGE * number for number in range(1, 200)))
    assert sensor.asks()
    run = sensor.instance.create_run_for_job(succeeding, status=dg.DagsterRunStatus.STARTED)
    land(db, MESSAGE * 200)
    assert not sensor.asks()
    sensor.instance.report_run_canceled(run)
    fold_all(db)
    sensor.run()
    land(db, MESSAGE * 201)
    assert sensor.asks()


def test_a_message_that_commits_late_is_not_missed(sensor: Sensor, db: Database) -> None:
    """Its number is lower than that of one which bronze has, and its transaction older."""
    with db.connect(Role.INGEST) as late:
        late.execute(INSERT, (MESSAGE, MESSAGE))
        land(db, MESSAGE * 2)
        assert sensor.asks()
        fold_all(db)
        sensor.run()
        assert not sensor.asks()
    assert sensor.asks()


def test_a_refresh_that_failed_is_asked_for_again_ever_later(
    sensor: Sensor, db: Database, inbox_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox_file.write_bytes(MESSAGE)
    assert sensor.asks()
    sensor.run(failing)
    # Nothing of the file is landed, and it does not change: only the failed run tells of it.
    assert "The last 1 runs failed" in str(sensor.look().skip_message)
    waits = [sensors._wait(failures) for failures in (1, 2, 5, 12)]
    assert waits == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=160), timedelta(hours=1)]
    monkeypatch.setattr(sensors, "_SECONDS_BETWEEN_LOOKS", 0)
    assert sensor.asks()
    sensor.run(failing)
    assert sensor.asks()
    sensor.run()
    assert not sensor.asks()


def test_the_models_read_once_what_was_refreshed(
    settings: Settings, sensor: Sensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = Sensor(settings, sensor.instance, hl7_documents)
    assert not documents.asks()
    sensor.run(failing)
    assert not documents.asks()
    sensor.run()
    assert documents.asks()
    run = sensor.instance.create_run_for_job(reading, status=dg.DagsterRunStatus.STARTED)
    sensor.run()
    assert not documents.asks()
    sensor.instance.report_run_canceled(run)
    assert "The last 1 runs failed" in str(documents.look().skip_message)
    monkeypatch.setattr(sensors, "_SECONDS_BETWEEN_LOOKS", 0)
    assert documents.asks()
    documents.run(not_reading)
    assert documents.asks()
    documents.run(reading)
    assert not documents.asks()


@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["begin", "commit first", "commit last", "fold", "run"]), max_size=14))
def test_in_any_order_of_commits_every_message_is_asked_for(
    settings: Settings, server: Database, db: Database, steps: list[str]
) -> None:
    """After any history: if bronze lacks a committed message and nothing runs, the next look asks."""
    with superuser(server, dict(db.parameters)["dbname"]) as connection:
        connection.execute("TRUNCATE landing.hl7_message CASCADE")
    waiting, written = [], 0
    with dg.DagsterInstance.ephemeral() as instance:
        sensor = Sensor(settings, instance)
        for step in steps:
            if step == "begin":
                written += 1
                waiting.append(db.connect(Role.INGEST).__enter__())
                waiting[-1].execute(INSERT, (MESSAGE * written, MESSAGE * written))
            elif step.startswith("commit") and waiting:
                with waiting.pop(0 if step.endswith("first") else -1) as connection:
                    connection.commit()
            elif step == "fold":
                fold_all(db)
            elif step == "run" and sensor.asks():
                fold_all(db)
                sensor.run()
        with db.connect(Role.INGEST) as connection:
            lacks = connection.execute("SELECT 1 FROM landing.hl7_message WHERE folded_at IS NULL").fetchone()
        assert sensor.asks() == (lacks is not None)
        for connection in waiting:
            connection.close()
