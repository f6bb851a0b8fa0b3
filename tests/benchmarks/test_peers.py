"""Peers run apart from us, and one that can't be had is a reason, not an end."""

import contextlib
import shutil
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks import peers
from benchmarks.peers import PeerUnavailableError, drive, drive_node, install, install_node
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
    ],
)
def test_a_driver_that_fails_is_a_reason(drivers: Path, program: str, reason: str) -> None:
    (drivers / "drive_x.py").write_text(program)

    with pytest.raises(PeerUnavailableError, match=reason):
        drive(Path(sys.executable), "x", [], 60)


def test_a_driver_that_takes_too_long_ends_with_all_it_started(drivers: Path, tmp_path: Path) -> None:
    started = tmp_path / "started"
    (drivers / "drive_x.py").write_text(
        "import os, pathlib, sys, time\n"
        "child = os.fork()\n"
        "if child: pathlib.Path(sys.argv[1]).write_text(str(child))\n"
        "time.sleep(600)"
    )

    with pytest.raises(PeerUnavailableError, match="not done in 3 s"):
        drive(Path(sys.executable), "x", [str(started)], 3)

    child = int(started.read_text())
    # Killed; who inherits it may not have asked for its end yet.
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.wait_procs([psutil.Process(child)], timeout=5)
        assert psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_row_without_a_figure_has_no_ratio_and_takes_none_from_others() -> None:
    table = Table("Loads", "resources/s")
    table.add("peer (not measured: gone)", None)
    table.add("ours", 5.0)

    assert table.markdown().splitlines()[4:] == ["| peer (not measured: gone) | none | none |", "| ours | 5.0 | none |"]


def test_a_peer_in_javascript_that_can_not_be_had_is_a_reason(
    drivers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(home=tmp_path / "home")
    (drivers / "nothing").mkdir()
    if shutil.which("npm"):
        # Without a lock there is nothing that npm could install.
        with pytest.raises(PeerUnavailableError, match="npm ci failed"):
            install_node(settings, "nothing")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PeerUnavailableError, match=r"no Node\.js with npm here"):
        install_node(settings, "nothing")


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js here")
def test_a_driver_in_javascript_gets_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "drive.mjs").write_text("process.stdout.write(JSON.stringify(process.argv.slice(2)))")
    assert drive_node(tmp_path, ["a", "b c"], 60) == ["a", "b c"]
    (tmp_path / "drive.mjs").write_text("process.exit(3)")
    with pytest.raises(PeerUnavailableError, match="exit status 3"):
        drive_node(tmp_path, [], 60)
