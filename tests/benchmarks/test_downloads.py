"""Both ways that are measured bring every byte of what the server has."""

import json
from pathlib import Path

import pytest

from benchmarks.downloads import AS_FAST_AS_IT_CAN, bound, ours, require_whole
from benchmarks.export_server import serve
from benchmarks.population import repeat
from resources.postgres import Database


def test_every_byte_of_the_export_comes(db: Database, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for kind, number in (("Patient", 3), ("Observation", 4000)):
        lines = [json.dumps({"resourceType": kind, "id": f"{kind}-{n}", "text": "é" * 50}) for n in range(number)]
        (source / f"{kind}.ndjson").write_text("".join(f"{line}\n" for line in lines))
    population = repeat(source, tmp_path / "served", 1)

    with serve(population.directory) as server:
        assert set(server.types.values()) == {"Patient", "Observation"}
        assert sorted(server.counts.values()) == [3, 4000]
        assert bound(server, tmp_path / "bound") > 0
        assert ours(db, server, tmp_path / "ours", AS_FAST_AS_IT_CAN) > 0

    for name in ("bound", "ours"):
        require_whole(tmp_path / name, population)
    found = {path.read_bytes() for path in (tmp_path / "ours").rglob("*.ndjson")}
    assert found == {path.read_bytes() for path in population.directory.iterdir()}
    next(path for path in (tmp_path / "bound").iterdir()).write_bytes(b"")
    with pytest.raises(RuntimeError, match="bytes came"):
        require_whole(tmp_path / "bound", population)
