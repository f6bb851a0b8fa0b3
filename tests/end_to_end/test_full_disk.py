"""A disk that fills up: a clear error, nothing half loaded, and the next run works once there is room."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.postgres import Database, Role, database, start_embedded, stop_embedded
from resources.settings import Settings, load_settings
from tests.end_to_end.home import Home, home_environment
from tests.end_to_end.test_bad_input import PATIENT, closes, lines, observation

SMALL, LARGE = "160m", "800m"


def mount(path: Path, size: str, *, again: bool = False) -> None:
    options = f"{'remount,' if again else ''}size={size}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "disk"
    path.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(path)]).returncode
    ):
        pytest.skip("mounting a tmpfs needs root")
    yield path
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def home_on_it(small_disk: Path) -> Iterator[tuple[Home, Settings]]:
    settings = load_settings(home=small_disk / "home")
    warehouse: Database = start_embedded(settings)
    home = Home(home_environment(settings.home), warehouse)
    home.run("up")
    yield home, settings
    stop_embedded(settings)


def test_full_disk_is_an_error_that_says_so_and_leaves_nothing_half(
    home_on_it: tuple[Home, Settings], small_disk: Path, tmp_path: Path
) -> None:
    home, settings = home_on_it
    source = tmp_path / "many.ndjson"
    source.write_bytes(lines(PATIENT, *map(observation, range(20_000))))
    free = os.statvfs(small_disk)
    filler = small_disk / "filler"
    filler.write_bytes(b"\0" * max(0, free.f_bavail * free.f_frsize - 9_000_000))

    error = home.run("ingest", "fhir", str(source), succeeds=False)
    assert any(word in error["error"] for word in ("space", "disk"))

    filler.unlink()
    mount(small_disk, LARGE, again=True)
    start_embedded(settings)
    home.database = database(settings)
    assert home.count(Role.INGEST, "SELECT count(*) FROM bronze.measurement") == 0
    account = home.run("ingest", "fhir", str(source))
    assert closes(account)
    assert account["loaded"] == {"Patient": 1, "Observation": 20_000}
    assert home.count(Role.INGEST, "SELECT count(*) FROM bronze.measurement") == 20_000
