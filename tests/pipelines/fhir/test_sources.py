"""Order of versions across tasks, files by their names, quarantine that is released, files of another source."""

from pathlib import Path

import pytest

from pipelines import quarantine
from pipelines.fhir import ingest_fhir, land_fhir, load_fhir, profiles, replay_fhir
from pipelines.fhir.reading import kind_of
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.fhir.conftest import Ingest
from tests.pipelines.fhir.synthetic import bundle, ndjson, observation, patient, rows, snapshot, updated, write


def test_a_later_version_without_a_date_wins_as_its_account_says(ingest: Ingest, db: Database) -> None:
    dated, undated = updated(patient(gender="male"), 5), patient(gender="female")
    others = [observation(f"o{number}", valueInteger=number) for number in range(1200)]
    account = ingest({"all.ndjson": ndjson([dated, *others, undated])})
    assert account.excluded["superseded"] == 1
    assert [row["gender_source_value"] for row in rows(db, "person")] == ["female"]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("lines.json", b"\xef\xbb\xbf" + ndjson([patient(), patient("p2")]), "fhir-ndjson"),
        ("lines.json", b"\n" + ndjson([patient()]), "fhir-ndjson"),
        ("lines.json", b"{damaged\n" + ndjson([patient(), patient("p2")]), "fhir-ndjson"),
        ("pretty.json", b'{\n  "resourceType": "Patient",\n  "id": "p1"\n}\n', "fhir-json"),
        ("cut.json", b'{\n  "resourceType": "Patient",\n', "fhir-json"),
        ("cut.ndjson", b'{\n  "resourceType": "Patient",\n', "fhir-ndjson"),
        ("bundle.json", ndjson([bundle([patient()])]), "fhir-ndjson"),
    ],
)
def test_a_file_is_read_as_what_it_holds(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    assert kind_of(write(tmp_path / name, content)) == kind


def test_what_became_usable_leaves_quarantine(
    ingest: Ingest, settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest({"mixed.ndjson": ndjson([patient()]) + b"not json\n"})
    assert quarantine.counts_by_reason(db) == {"not_json": 1}
    with db.connect(Role.OWNER) as owner:
        owner.execute("UPDATE quarantine.record SET record_key = 'was unusable once'")
    monkeypatch.setattr("pipelines.fhir.loading.MAPPING_VERSION", profiles.MAPPING_VERSION + "+")
    load_fhir(settings, db)
    # The record of the former reading is released, the line that still can't be read is open.
    assert quarantine.counts_by_reason(db) == {"not_json": 1}
    assert [row["released_at"] is None for row in rows(db, "quarantine.record", order="record_id")] == [False, True]


def test_replay_loads_what_became_usable_and_nothing_twice(
    ingest: Ingest, settings: Settings, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A record that an older Sanctum could not use: its reason is put back by hand.
    ingest({"good.ndjson": ndjson([patient(), patient("p2")]), "bad.ndjson": b"not json\n"})
    before = snapshot(db)
    with db.connect(Role.OWNER) as owner:
        owner.execute(
            "INSERT INTO quarantine.record (record_key, file_id, reason) "
            "SELECT 'once', file_id, 'not_r4' FROM bronze.resource LIMIT 1"
        )
    account = replay_fhir(settings, db)
    assert account.closes
    assert (account.loaded.total(), account.excluded["unchanged"], account.quarantined.total()) == (0, 2, 1)
    assert snapshot(db) == before
    assert quarantine.counts_by_reason(db) == {"not_json": 1}


def test_a_file_of_another_source_system_is_not_loaded_again(settings: Settings, db: Database, tmp_path: Path) -> None:
    path = write(tmp_path / "laboratory.ndjson", ndjson([patient()]))
    assert ingest_fhir(settings.model_copy(update={"source_system": "lab"}), db, [path]).loaded.total() == 1
    land_fhir(settings, db, [path])
    assert load_fhir(settings, db).read.total() == 0
    assert [row["source_system"] for row in rows(db, "person")] == ["lab"]
