"""What commands say of faults: never the name of a file, which may be a patient's."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from assets.cli.output import failures

NAME = "Zwillingmann_Mary"


def _read(folder: Path) -> None:
    (folder / f"{NAME}.ndjson").read_bytes()


def _rename(folder: Path) -> None:
    (folder / "a").rename(folder / NAME / "b")


def _unpack(folder: Path) -> None:
    (folder / "a").write_bytes(NAME.encode())
    with gzip.open(folder / "a") as stream:
        stream.read()


def _copy(folder: Path) -> None:
    (folder / NAME).mkdir()
    (folder / NAME / "gone").symlink_to(NAME)
    shutil.copytree(folder / NAME, folder / "copy")


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    ("fault", "said"),
    [(_read, "ENOENT"), (_rename, "ENOENT"), (_unpack, "can't be used"), (_copy, "can't be used")],
)
def test_a_fault_of_the_system_does_not_name_the_file(
    tmp_path: Path,
    fault: Callable[[Path], None],
    said: str,
    as_json: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit), failures(as_json=as_json):
        fault(tmp_path)
    found = capsys.readouterr()
    assert said in found.err
    assert NAME[:2] not in found.out + found.err
    if as_json:
        assert said in json.loads(found.out)["error"]
