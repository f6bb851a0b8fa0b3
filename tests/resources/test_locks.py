"""The database's advisory locks: who waits for whom is by number."""

from resources import audit, locks
from resources.postgres import Database, Role
from resources.settings import Settings

NUMBERS = {name: value for name, value in vars(locks).items() if name.isupper()}


def test_no_two_locks_have_one_number() -> None:
    assert len(NUMBERS) >= 8
    assert len(set(NUMBERS.values())) == len(NUMBERS)


def test_signing_waits_for_none_of_the_others(settings: Settings, db: Database) -> None:
    """It follows every run, and a load may take hours."""
    with db.connect(Role.INGEST) as connection:
        locks.hold(connection, *(value for name, value in NUMBERS.items() if name != "SIGNING"))
        assert audit.sign(settings, db).number == 1
