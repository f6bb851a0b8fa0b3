"""Real messages that no one here wrote."""

import random
from pathlib import Path

from pipelines.hl7 import ingest_hl7
from pipelines.hl7.backlog import backlog
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
    # As docs/hl7.md says; each of the quarantined was looked at: no visit number and no patient identifier is in them.
    assert account.quarantined == {"no_visit_number": 9, "no_patient_identifier": 7}
    left_out = {"processing": 0, "no_mapping": 0}
    for reason, count in account.excluded.items():
        left_out[reason.partition("_id:")[0].partition(":")[0]] += count
    assert (account.loaded.total(), left_out) == (166, {"processing": 86, "no_mapping": 93})
    assert backlog(db).messages == 0
    before = snapshot(db)
    again = ingest_hl7(settings, db, [samples])
    assert again.closes
    assert again.read == account.read
    assert set(again.excluded) == {"already_loaded"}
    assert snapshot(db) == before


NUMERALS = b"9" * 400
DELIMITERS = (b"", b"|", b"^", b"~", b"&", b"\\", b"\r", b'""')
DAMAGE = (*DELIMITERS, b"\x00", b"\xff", b"99991231235959-1200", b"00010101+1400", NUMERALS)


def damaged(content: bytes, generator: random.Random) -> bytes:
    """A message with some of its bytes replaced, after its header's delimiters."""
    for _ in range(generator.choice((1, 3, 10))):
        place = generator.randrange(9, len(content))
        content = content[:place] + generator.choice(DAMAGE) + content[place + generator.choice((0, 1, 20)) :]
    return content


def test_damaged_samples_never_stop_a_run(settings: Settings, db: Database, shared_data: Path, tmp_path: Path) -> None:
    generator = random.Random(1)
    contents = [path.read_bytes().removeprefix(b"\xef\xbb\xbf") for path in sorted(shared_data.rglob("*.hl7"))]
    useful = [content.replace(b"|T|2", b"|P|2") for content in contents if b"|ADT^" in content or b"|ORU^" in content]
    inbox = tmp_path / "damaged.hl7"
    inbox.write_bytes(b"\r".join(damaged(generator.choice(useful), generator) for _ in range(1500)))
    account = ingest_hl7(settings, db, [inbox])
    assert account.closes
    assert account.read.total() > 1400
    assert account.loaded.total() > 500
    assert backlog(db).messages == 0
