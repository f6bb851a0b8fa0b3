"""Peers run apart from us, and one that can't be had is a reason, not an end."""

import sys
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.peers import PeerUnavailableError, drive, install
from benchmarks.table import Table
from resources.settings import load_settings


@pytest.fixture
def drivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(peers, "_FOLDER", tmp_path)
    return tmp_path


def test_what_the_index_does_not_have_is_a_reason(
    drivers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drivers / "nothing.lock").write_text("pyomop==0.0.1\n")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))

    with pytest.raises(PeerUnavailableError, match="uv pip failed"):
        install(load_settings(home=tmp_path / "home"), "nothing")


def test_a_driver_gets_its_arguments_and_nothing_of_our_path(
    drivers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drivers / "json.py").write_text("raise SystemExit('the module beside the driver was imported')")
    (drivers / "drive_one_two.py").write_text("import json, sys; print(json.dumps([sys.argv[1:], sys.path]))")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "ours"))

    arguments, path = drive(Path(sys.executable), "one-two", ["a", "b c"], 60)

    assert arguments == ["a", "b c"]
    assert not {str(drivers), str(tmp_path / "ours"), ""} & set(path)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise SystemExit(3)", "exit status 3"),
        ("print('no')", "answer can't be read"),
        ("import time; time.sleep(60)", "not done in 2 s"),
    ],
)
def test_a_driver_that_fails_is_a_reason(drivers: Path, program: str, reason: str) -> None:
    (drivers / "drive_x.py").write_text(program)

    with pytest.raises(PeerUnavailableError, match=reason):
        drive(Path(sys.executable), "x", [], 2 if "sleep" in program else 60)


def test_a_row_without_a_figure_has_no_ratio_and_takes_none_from_others() -> None:
    table = Table("Loads", "resources/s")
    table.add("peer (not measured: gone)", None)
    table.add("ours", 5.0)

    assert table.markdown().splitlines()[4:] == ["| peer (not measured: gone) | none | none |", "| ours | 5.0 | none |"]
