"""A refresh gives what a build of everybody gives, at any moment of any history."""

from pathlib import Path

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.hl7 import ingest_hl7
from pipelines.refresh import refresh_persons
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, database
from resources.settings import Settings
from tests.pipelines.refresh.tables import content, differences
from tests.pipelines.refresh.world import World, shared, write


@pytest.mark.parametrize("seed", [1, 2])
def test_refreshes_give_what_a_build_of_everybody_gives(settings: Settings, tmp_path: Path, seed: int) -> None:
    warehouse, world = database(settings), World(seed)
    ensure_starter(warehouse)
    ingest_fhir(settings, warehouse, [write(tmp_path / "start.ndjson", [*shared(), *world.records(60)])])
    dbt.build(settings, warehouse, tests=False)
    before = content(warehouse)
    for turn in range(6):
        _change(settings, warehouse, tmp_path, world, turn)
        assert refresh_persons(settings, warehouse).rows
    refreshed = content(warehouse)
    dbt.build(settings, warehouse, tests=False)
    assert differences(before, refreshed)
    assert differences(refreshed, content(warehouse)) == {}


def _change(settings: Settings, warehouse: Database, folder: Path, world: World, turn: int) -> None:
    ingest_fhir(settings, warehouse, [write(folder / f"{turn}.ndjson", world.records(6))])
    feed = folder / f"{turn}.hl7"
    feed.write_text(world.messages(2))
    ingest_hl7(settings, warehouse, [feed])
