"""Which version counts, case by case; the whole of it is ``test_history``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.fhir import land_fhir, load_fhir
from pipelines.fhir.version import timed_order, untimed_order
from pipelines.fhir_server.journal import DatabaseJournal
from pipelines.landing import LandedFile
from resources.postgres import Database
from resources.settings import Settings
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.history import content_hash
from tests.pipelines.fhir.synthetic import RECEIVED, Resource, ndjson, observation, patient, rows, updated, write

MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))
NUMBERS = st.none() | st.integers(0, 10**20).map(str) | st.sampled_from(["x", "٣", ""])


def values(db: Database) -> list[float]:
    return [float(row["value_number"]) for row in rows(db, "measurement", order="value_number")]


def deletion(url: str, meta: Resource | None = None, kind: str = "transaction", **response: str) -> Resource:
    entry = {"request": {"method": "DELETE", "url": url}} | ({"response": response} if response else {})
    return {"resourceType": "Bundle", "type": kind, "entry": [entry]} | ({"meta": meta} if meta else {})


@given(
    first=MOMENTS, second=MOMENTS, numbers=st.tuples(NUMBERS, NUMBERS), deleted=st.tuples(st.booleans(), st.booleans())
)
def test_time_decides_before_all_else(
    first: datetime, second: datetime, numbers: tuple[Any, Any], deleted: tuple[bool, bool]
) -> None:
    earlier, later = sorted((first, second))
    keys = [
        timed_order(moment, number, "f" * 64 if moment == earlier else "0" * 64, deleted=gone)
        for moment, number, gone in zip((earlier, later), numbers, deleted, strict=True)
    ]
    assert len({len(key) for key in keys}) == 1
    if earlier < later:
        assert keys[0] < keys[1] < untimed_order(later, RECEIVED, 1, None)
        assert untimed_order(earlier, RECEIVED, 2**40, 2**30) < keys[1]


def test_of_one_time_number_then_deletion_then_content_decide() -> None:
    def order(number: str | None, content: str = "5", *, deleted: bool = False) -> str:
        return timed_order(RECEIVED, number, content * 64, deleted=deleted)

    ascending = [order("opaque"), order(None, "6"), order("9"), order("10", "1"), order("10", "2")]
    ascending += [order("10", "0", deleted=True), order("11"), order(None, deleted=True)]
    assert ascending == sorted(ascending)
    assert order("opaque") == order(None) == order("9" * 19)
    assert order("010") == order("10")


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_versions_of_one_time_the_same_counts_in_any_order(ingest: Ingest, db: Database, reverse: bool) -> None:
    """``10`` is after ``9`` though it is less as text; contents of one number go by their hash."""
    numbered = [
        {**observation(valueInteger=value), "meta": {"versionId": number, "lastUpdated": "2026-01-01T00:00:00Z"}}
        for value, number in ((9, "9"), (10, "10"))
    ]
    equal = [updated(observation("o2", valueInteger=value), 1) for value in (21, 22)]
    files = [ndjson(pair) for pair in zip(numbered, equal, strict=True)]
    for content in reversed(files) if reverse else files:
        ingest({"a.ndjson": content})
    assert values(db)[0] == 10
    assert len(values(db)) == 2
    (kept,) = {21, 22} & set(values(db))
    assert kept == max(equal, key=content_hash)["valueInteger"]


def test_a_deletion_holds_against_older_versions_and_not_against_newer_ones(ingest: Ingest, db: Database) -> None:
    gone = deletion("Observation/o1", {"lastUpdated": "2026-01-02T00:00:00Z"})
    ingest({"1.ndjson": ndjson([patient(), gone])})
    assert ingest({"2.ndjson": ndjson([updated(observation(valueInteger=1), 1)])}).excluded == {"superseded": 1}
    assert values(db) == []
    assert ingest({"3.ndjson": ndjson([updated(observation(valueInteger=3), 3)])}).loaded == {"Observation": 1}
    assert values(db) == [3]
    assert ingest({"4.ndjson": ndjson([gone, patient("p2")])}).excluded == {"superseded": 1}
    assert values(db) == [3]


def test_a_deletion_is_not_the_resource_that_says_no_more_than_its_name(ingest: Ingest, db: Database) -> None:
    bare = updated({"resourceType": "Patient", "id": "p1"}, 1)
    assert ingest({"1.ndjson": ndjson([bare])}).excluded == {"no_birth_date": 1}
    entry = {"lastModified": bare["meta"]["lastUpdated"], "etag": 'W/"1"'}
    assert ingest({"2.ndjson": ndjson([deletion("Patient/p1", **entry)])}).excluded == {"deleted": 1}
    assert [row["outcome"] for row in rows(db, "resource")] == ["deleted"]


def test_a_deletion_has_the_time_and_version_of_its_entry_and_not_the_bundles(ingest: Ingest, db: Database) -> None:
    meta = {"lastUpdated": "2026-01-09T00:00:00Z", "versionId": "99", "security": [{"code": "R"}]}
    ingest({"1.json": orjson.dumps(deletion("Observation/o1", meta, "history", lastModified="2026-01-02T00:00:00Z"))})
    (row,) = rows(db, "resource", "version_id, last_updated, security_labels")
    assert row == {
        "version_id": None,
        "last_updated": datetime(2026, 1, 2, tzinfo=UTC),
        "security_labels": None,
    }
    ingest({"2.ndjson": ndjson([updated(observation(valueInteger=3), 3)])})
    assert values(db) == [3]
    ingest({"3.json": orjson.dumps(deletion("Observation/o1", meta, etag='W/"4"'))})
    (row,) = rows(db, "resource", "version_id, outcome")
    assert row == {"version_id": "4", "outcome": "deleted"}


def test_an_entry_of_a_history_dates_a_resource_that_says_no_time(ingest: Ingest, db: Database) -> None:
    """Histories have the newest first."""
    entries = [
        {"resource": observation(valueInteger=day), "response": {"lastModified": f"2026-01-0{day}T00:00:00Z"}}
        for day in (3, 2, 1)
    ]
    bundle = {"resourceType": "Bundle", "type": "history", "entry": entries}
    assert ingest({"1.json": orjson.dumps(bundle)}).excluded == {"superseded": 2}
    assert values(db) == [3]


def test_files_of_untimed_versions_count_in_the_order_in_which_they_landed(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    """Loaded the other way round, twice, or read again from quarantine: the last that was received counts."""
    one, two, back = (
        _landed(settings, db, tmp_path, name, observation(valueInteger=value), patient(name))
        for name, value in (("a", 1), ("b", 2), ("c", 1))
    )
    load_fhir(settings, db, files=[two, one])
    assert values(db) == [2]
    load_fhir(settings, db, files=[one])
    assert values(db) == [2]
    assert load_fhir(settings, db, files=[back]).excluded == {}
    assert values(db) == [1]
    load_fhir(settings, db, files=[two])
    assert values(db) == [1]


def test_what_is_received_unchanged_is_newer_than_what_came_between(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    one, two, back = (
        _landed(settings, db, tmp_path, name, observation(valueInteger=value), patient(name))
        for name, value in (("a", 1), ("b", 2), ("c", 1))
    )
    load_fhir(settings, db, files=[one])
    changed = rows(db, "resource", "changed_at", "resource_key")[:1]
    assert load_fhir(settings, db, files=[back]).excluded == {"unchanged": 1}
    assert load_fhir(settings, db, files=[two]).excluded == {"superseded": 1}
    assert values(db) == [1]
    assert rows(db, "resource", "changed_at", "resource_type, resource_id")[:1] == changed


def test_bytes_that_a_server_gives_again_count_as_of_then(settings: Settings, db: Database, tmp_path: Path) -> None:
    """A file that is landed again says nothing new; a server's answer says what is so by its time."""

    def deliver(name: str, value: int, day: int | None) -> None:
        path = write(tmp_path / f"{name}.ndjson", ndjson([observation(valueInteger=value)]))
        if day is not None:
            DatabaseJournal(db, settings.source_system).claim([path], datetime(2026, 1, day, tzinfo=UTC))
        load_fhir(settings, db, files=land_fhir(settings, db, [path]).files)

    deliver("a", 1, 1)
    deliver("b", 2, 2)
    deliver("a", 1, None)
    assert values(db) == [2]
    deliver("a", 1, 3)
    assert values(db) == [1]
    deliver("b", 2, 1)
    assert values(db) == [1]


def test_the_same_bytes_of_two_servers_count_as_of_each_servers_own_time(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    paths = {value: write(tmp_path / f"{value}.ndjson", ndjson([observation(valueInteger=value)])) for value in (1, 2)}
    servers = [settings.model_copy(update={"source_system": name}) for name in ("one", "two")]
    # What one server said first the other says last.
    for server, day, value in zip(servers * 2, (1, 1, 2, 2), (1, 2, 2, 1), strict=True):
        DatabaseJournal(db, server.source_system).claim([paths[value]], datetime(2026, 1, day, tzinfo=UTC))
        load_fhir(server, db, files=land_fhir(server, db, [paths[value]]).files)
    assert sorted(values(db)) == [1, 2]
    now = rows(db, "measurement", "source_system, value_number", "source_system")
    assert [tuple(row.values()) for row in now] == [("one", 2), ("two", 1)]
    # Another mapping reads everything again, each for whoever gave it, in whatever order.
    for server in servers:
        again = server.model_copy(update={"mapping_profile": "ig-strict"})
        assert load_fhir(again, db).loaded == {"Observation": 1}
    assert rows(db, "measurement", "source_system, value_number", "source_system") == now


def test_another_mapping_maps_what_counts_and_not_what_it_superseded(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    versions = [updated(observation(valueInteger=value), 1) for value in (1, 2, 3)]
    for number, version in enumerate(versions):
        _landed(settings, db, tmp_path, str(number), version)
    load_fhir(settings, db)
    (before,) = rows(db, "resource", "content_sha256, version_order")
    kept = values(db)
    load_fhir(settings.model_copy(update={"mapping_profile": "ig-strict"}), db)
    (after,) = rows(db, "resource", "content_sha256, version_order")
    assert values(db) == kept
    assert after["content_sha256"] != before["content_sha256"]
    assert after["version_order"] == before["version_order"]


def _landed(settings: Settings, db: Database, folder: Path, name: str, *resources: Resource) -> LandedFile:
    (landed,) = land_fhir(settings, db, [write(folder / f"{name}.ndjson", ndjson(resources))]).files
    return landed
