"""Real messages that no one here wrote."""

from pathlib import Path

from pipelines.hl7 import ingest_hl7, pending_messages
from resources.postgres import Database
from resources.settings import Settings
from tests.pipelines.hl7.messages import snapshot


def test_all_samples_close_and_a_second_run_changes_nothing(
    settings: Settings, db: Database, shared_data: Path
) -> None:
    samples = shared_data / "hl7v2"
    account = ingest_hl7(settings, db, [samples])
    files = len(list(samples.rglob("*.hl7")))
    assert account.closes
    assert account.read.total() == files
    assert pending_messages(db) == 0
    before = snapshot(db)
    again = ingest_hl7(settings, db, [samples])
    assert again.closes
    assert again.read == account.read
    assert set(again.excluded) == {"already_loaded"}
    assert snapshot(db) == before
