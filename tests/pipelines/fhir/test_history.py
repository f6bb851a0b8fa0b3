"""Any history of loads, in any order, gives the tables of one load of the final state."""

import multiprocessing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings

from pipelines.fhir import land_fhir, load_fhir
from pipelines.fhir.mapping import MAPPED_TYPES
from pipelines.fhir_server.journal import DatabaseJournal
from pipelines.keys import resource_key
from pipelines.landing import LandedFile
from resources.postgres import Database, DatabaseUnavailableError, Role, database
from resources.settings import Settings
from tests.conftest import make_settings, superuser
from tests.pipelines.fhir.history import CONTENTS, START, TIMES, Delivery, History, Version, histories
from tests.pipelines.fhir.synthetic import TABLES, Resource, ndjson, write

EXAMPLES = hypothesis_settings(
    max_examples=12,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
_FAIL = """
CREATE FUNCTION landing.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'killed'; END $$;
CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON landing.file_load FOR EACH ROW EXECUTE FUNCTION landing.fail();
ALTER TABLE landing.file_load DISABLE TRIGGER fail;
"""


class KilledError(Exception):
    """What a load is killed with."""


_OTHERS = (
    "quarantine.record", "landing.file_load", "landing.content_source", "landing.file", "bronze.superseded_row",
)  # fmt: skip


class Place:
    """A home whose tables can be emptied, which costs less than a new one."""

    def __init__(self, server: Database, home: Path) -> None:
        self.settings: Settings = make_settings(server, home, workers=1)
        self.database = database(self.settings)
        self._inbox = home / "inbox"
        self._admin = superuser(server, str(dict(self.database.parameters)["dbname"]))
        self._admin.execute(_FAIL)

    def empty(self) -> None:
        with self._admin.transaction():
            for table in (*_OTHERS, *map("bronze.{}".format, TABLES)):
                query: Any = f"DELETE FROM {table}"
                self._admin.execute(query)

    def land(self, deliveries: list[Delivery]) -> dict[int, LandedFile]:
        landed = {}
        for one in deliveries:
            path = write(self._inbox / one.name, one.content)
            DatabaseJournal(self.database, self.settings.source_system).claim([path], one.as_of)
            (landed[one.number],) = land_fhir(self.settings, self.database, [path]).files
        return landed

    def load(self, files: list[LandedFile] | None, fault: str = "") -> None:
        if fault == "source":
            with pytest.raises(KilledError):
                load_fhir(self.settings, self.database, _kill, files)
        elif fault == "finish":
            self._admin.execute("ALTER TABLE landing.file_load ENABLE TRIGGER fail")
            with pytest.raises(DatabaseUnavailableError):
                load_fhir(self.settings, self.database, None, files)
            self._admin.execute("ALTER TABLE landing.file_load DISABLE TRIGGER fail")
        else:
            account = load_fhir(self.settings, self.database, None, files)
            assert account.closes
            assert not account.quarantined

    def load_once(self, versions: list[Version]) -> None:
        path = write(self._inbox / "once.ndjson", ndjson(version.line for version in versions))
        self.load(list(land_fhir(self.settings, self.database, [path]).files))

    def tables(self) -> dict[str, list[Any]]:
        """Every row of bronze, without where and when its resource arrived."""
        found = {}
        with self.database.connect(Role.INGEST) as connection:
            for table in TABLES:
                query: Any = (
                    "SELECT to_jsonb(t) - '{file_id,line_number,entry,version_order,version_at,known_from}'::text[] "
                    f"- '{{changed_at,changed_by}}'::text[] FROM bronze.{table} AS t ORDER BY 1"
                )
                found[table] = [row for (row,) in connection.execute(query)]
        for row in found["resource"]:
            # Whose a withdrawn record was is known to who saw it before.
            if row["outcome"] != "loaded":
                del row["person_key"]
        # The keys of withdrawn records' persons were in the order too.
        found["resource"].sort(key=lambda row: int(row["resource_key"]))
        return found

    def close(self) -> None:
        self._admin.close()


def _kill(*_: object) -> None:
    raise KilledError


@pytest.fixture(scope="module")
def place(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(server, tmp_path_factory.mktemp("home"))
    yield found
    found.close()


def check(place: Place, history: History) -> None:
    """Load a history, then its final state alone, and compare."""
    place.empty()
    landed = place.land(list(history.deliveries))
    for numbers, fault in history.loads:
        place.load([landed[number] for number in numbers], fault)
    # What no load has taken yet.
    place.load(None)
    found = place.tables()
    place.empty()
    place.load_once(history.final())
    expected = place.tables()
    assert {table: rows for table, rows in found.items() if rows != expected[table]} == {
        table: rows for table, rows in expected.items() if rows != found[table]
    }


def test_every_mapped_type_has_a_history() -> None:
    assert {contents[0]["resourceType"] for contents in CONTENTS} >= MAPPED_TYPES


def test_an_error_withdraws_the_rows_it_made_and_nothing_else(place: Place) -> None:
    """Of every type that can say so; of the others a deletion does."""
    place.empty()
    first = [Version(contents[0], time=TIMES[0]) for contents in CONTENTS]
    place.load_once(first)
    before = place.tables()
    wrong = []
    for contents in CONTENTS[::2]:
        error = next((one for one in contents if _is_error(one)), None)
        wrong.append(Version(error or contents[0], error is None, TIMES[3]))
    place.load(list(place.land([Delivery(1, wrong, "ndjson", START)]).values()))
    keys = {resource_key("ehr", one.resource["resourceType"], one.resource["id"]) for one in wrong}
    after = place.tables()
    assert len(wrong) > 12
    for table in TABLES[1:]:
        assert after[table] == [row for row in before[table] if row["resource_key"] not in keys], table
    assert any(len(after[table]) < len(before[table]) for table in TABLES[1:])


def _is_error(resource: Resource) -> bool:
    return b"entered-in-error" in orjson.dumps(resource) or resource.get("actuality") == "potential"


def test_two_processes_load_at_once(place: Place) -> None:
    """Each has an older half and a newer half of the versions; both begin with the same file."""
    place.empty()
    versions = [
        Version(content, content is None, time)
        for contents in CONTENTS
        for time, content in zip(TIMES, contents, strict=False)
    ]
    deliveries = [Delivery(number, versions[number::3], "ndjson", START) for number in range(3)]
    landed = place.land(deliveries)
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_load_apart, args=(place.settings, [landed[number] for number in numbers]))
        for numbers in ((0, 1), (2, 0))
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    found = place.tables()
    place.empty()
    place.load_once(History(deliveries, []).final())
    assert found == place.tables()


def _load_apart(settings: Settings, files: list[LandedFile]) -> None:
    for file in files:
        load_fhir(settings, database(settings), files=[file])


@EXAMPLES
@given(history=histories())
def test_any_history_equals_one_load_of_its_final_state(place: Place, history: History) -> None:
    check(place, history)
