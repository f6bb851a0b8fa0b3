"""The sensor on the HL7 inbox asks for one refresh whenever something arrived, and says no name."""

import os
from typing import Any

import dagster as dg
import pytest

from assets.schedules import hl7_inbox
from resources.postgres import Database, Role
from resources.settings import Settings

MESSAGE = b"MSH|^~\\&|ADT|HOSP|S|S|20260301||ADT^A04|1|P|2.5.1\r"
PATIENT_NAME = "Zzyzxcanary"


def look(settings: Settings, cursor: str | None) -> Any:
    with dg.build_sensor_context(cursor=cursor, resources={"settings": settings}) as context:
        return hl7_inbox(context)


@pytest.fixture
def inbox_file(settings: Settings) -> Any:
    settings.hl7_inbox_directory.mkdir(parents=True)
    return settings.hl7_inbox_directory / f"{PATIENT_NAME}.hl7"


def test_empty_inbox_is_skipped(settings: Settings) -> None:
    assert isinstance(look(settings, None), dg.SkipReason)


def test_new_and_changed_files_ask_for_one_run_each(settings: Settings, inbox_file: Any) -> None:
    inbox_file.write_bytes(MESSAGE)
    first = look(settings, None)
    assert len(first.run_requests) == 1
    assert isinstance(look(settings, first.cursor), dg.SkipReason)

    inbox_file.write_bytes(MESSAGE * 2)
    second = look(settings, first.cursor)
    assert len(second.run_requests) == 1
    assert second.run_requests[0].run_key != first.run_requests[0].run_key
    assert isinstance(look(settings, second.cursor), dg.SkipReason)

    os.utime(inbox_file, ns=(1, 1))
    assert len(look(settings, second.cursor).run_requests) == 1


def test_a_file_that_is_still_written_is_left_alone(settings: Settings, inbox_file: Any) -> None:
    unfinished = inbox_file.with_name(".unfinished.hl7")
    unfinished.write_bytes(MESSAGE)
    assert isinstance(look(settings, None), dg.SkipReason)
    unfinished.rename(inbox_file)
    assert len(look(settings, None).run_requests) == 1


def test_no_file_name_is_kept(settings: Settings, inbox_file: Any) -> None:
    inbox_file.write_bytes(MESSAGE)
    result = look(settings, None)
    assert PATIENT_NAME not in result.cursor
    assert PATIENT_NAME not in result.run_requests[0].run_key
    assert result.run_requests[0].tags == {}


def test_landed_message_that_bronze_lacks_asks_for_a_run(settings: Settings, db: Database) -> None:
    insert = "INSERT INTO landing.hl7_message (body_sha256, body) VALUES (sha256(%s), %s)"
    with db.connect(Role.INGEST) as connection:
        connection.execute(insert, (MESSAGE, MESSAGE))
    first = look(settings, None)
    assert len(first.run_requests) == 1
    assert isinstance(look(settings, first.cursor), dg.SkipReason)

    with db.connect(Role.INGEST) as connection:
        connection.execute("UPDATE landing.hl7_message SET folded_at = now()")
    assert isinstance(look(settings, first.cursor), dg.SkipReason)

    with db.connect(Role.INGEST) as connection:
        connection.execute(insert, (MESSAGE * 2, MESSAGE * 2))
    assert len(look(settings, first.cursor).run_requests) == 1
