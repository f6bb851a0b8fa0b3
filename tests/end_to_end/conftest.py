"""Homes for end-to-end tests, and a small demo population that all of them share."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipelines.demo import DemoInput, generate
from resources.postgres import Database, database, stop_embedded
from resources.settings import load_settings
from tests.conftest import database_url, make_settings
from tests.end_to_end.home import Home, home_environment

PATIENTS = 12


@pytest.fixture(scope="session")
def population(tmp_path_factory: pytest.TempPathFactory) -> DemoInput:
    """Twelve synthetic patients with notes and an ADT feed."""
    return generate(tmp_path_factory.mktemp("population"), patients=PATIENTS)


@pytest.fixture
def new_home(server: Database, tmp_path: Path) -> Callable[[str], Home]:
    """Makes a home with an empty database on the session's server."""

    def make(name: str) -> Home:
        settings = make_settings(server, tmp_path / name)
        environment = home_environment(
            tmp_path / name, SANCTUM_DATABASE_URL=database_url(settings), SANCTUM_AS_OF="2026-10-31"
        )
        return Home(environment, database(settings))

    return make


@dataclass(frozen=True)
class Proved:
    """One ``sanctum prove-egress`` of everything: what it printed, and its folder, which it kept."""

    outcome: dict[str, Any]
    kept: Path

    def number(self, command: str) -> int:
        """Which command it was, from 1."""
        return 1 + [one["command"] for one in self.outcome["commands"]].index(command)

    def output(self, number: int) -> dict[str, Any]:
        """The JSON object that a command printed."""
        return dict(json.loads((self.kept / "evidence" / f"{number:02}.stdout").read_text()))


@pytest.fixture(scope="session")
def proved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proved]:
    """The proof on a population of twelve; its home is the demo's as well, so that the demo is run once."""
    home = tmp_path_factory.mktemp("caller") / "home"
    done = subprocess.run(
        [sys.executable, "-m", "assets.cli", "prove-egress", "--patients", str(PATIENTS), "--keep", "--json"],
        env=home_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    outcome = json.loads(done.stdout)
    assert "kept" in outcome, outcome
    kept = Path(outcome["kept"])
    yield Proved(outcome, kept)
    stop_embedded(load_settings(home=kept / "home"))
    shutil.rmtree(kept)
