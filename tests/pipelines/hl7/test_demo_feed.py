"""The demo's feed, with its batch envelope, late transfer, repeated registration, cancellations and merge."""

from datetime import UTC, date, datetime
from pathlib import Path

from pipelines.demo.cohort import MEDICAL_RECORD_NUMBER, Person
from pipelines.demo.feed import Feed, write_feed
from pipelines.hl7 import ingest_hl7
from pipelines.keys import derived_key
from resources.postgres import Database
from resources.settings import Settings
from tests.pipelines.hl7.messages import rows


def person(number: int) -> Person:
    record = {
        "id": f"p{number}",
        "identifier": [{"system": MEDICAL_RECORD_NUMBER, "value": f"MRN-{number:04d}"}],
        "name": [{"family": "Surname", "given": ["Name"]}],
        "gender": "female",
        "birthDate": "1960-02-03",
        "address": [{"line": ["1 Way"], "city": "Boston", "state": "MA", "postalCode": "02101", "country": "US"}],
    }
    return Person(record, last_seen=date(2025, 1, 1))


def test_the_demo_feed_loads(settings: Settings, db: Database, tmp_path: Path) -> None:
    staff = {"id": "dr1", "name": [{"family": "Surname", "given": ["Name"]}]}
    people = [person(number) for number in range(60)]
    messages = Feed(7, [staff]).messages(people, {}, frozenset())
    count = write_feed(tmp_path / "hl7", messages)
    account = ingest_hl7(settings, db, [tmp_path / "hl7"])
    assert account.closes
    assert account.read.total() == count
    assert account.excluded == {"already_loaded": 1}
    assert not account.quarantined
    visits = {message.segments[2].split("|")[19] for message in messages if "PV1|1|I" in message.segments[2]}
    visits |= {message.segments[2].split("|")[19] for message in messages if "PV1|1|E" in message.segments[2]}
    found = rows(db, "visit_occurrence")
    assert len(found) == len(visits) - 1, "one admission is cancelled"
    assert {(visit["status"], visit["discharged_to_source_value"]) for visit in found} == {("finished", "01")}
    keys = {derived_key("hl7v2", MEDICAL_RECORD_NUMBER, one.record_number) for one in people}
    merged = [row for row in rows(db, "person") if row["merged_into_person_key"]]
    assert [row["merged_into_person_key"] in keys for row in merged] == [True]
    numbers = [m for m in rows(db, "measurement") if m["value_number"] is not None]
    assert len(numbers) == sum(s.startswith("OBX") for message in messages for s in message.segments)
    assert max(m["known_at"] for m in numbers) > datetime(2020, 1, 1, tzinfo=UTC)
