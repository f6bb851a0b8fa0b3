"""The search of the home's files: what vanishes meanwhile holds nothing, what can't be read is not taken for clean."""

import gzip
from pathlib import Path

import pytest

from pipelines.erasure.sweep import Sweep, SweepError, sweep_files
from pipelines.erasure.words import Word
from resources.settings import Settings, load_settings

WORD = Word("id", "abcdefghij")


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    """A home with three files; the word is in the last, and packed in the first, which is cut off."""
    packed = gzip.compress(WORD.text.encode() + bytes(1000))
    for name, content in (("a.gz", packed[:-4]), ("b", b"nothing"), ("c", WORD.text.encode())):
        (tmp_path / name).write_bytes(content)
    return load_settings(home=tmp_path)


def test_a_file_that_vanishes_before_it_is_opened_does_not_end_the_search(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_file = Path.is_file

    def then_gone(path: Path) -> bool:
        found = is_file(path)
        if path.name == "b":
            path.unlink()
        return found

    monkeypatch.setattr(Path, "is_file", then_gone)
    found = Sweep()
    sweep_files(home, [WORD], found)
    assert found.left == {"a.gz": 1, "c": 1}


def test_a_file_that_can_not_be_read_ends_the_search_and_is_not_named(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def unreadable(path: Path, mode: str) -> object:
        # The first page is mapped by nobody: to read it is an error of input and output.
        return opened(Path("/proc/self/mem") if path.name == "b" else path, mode)

    monkeypatch.setattr(Path, "open", unreadable)
    with pytest.raises(SweepError, match="EIO") as caught:
        sweep_files(home, [WORD], Sweep())
    assert str(home.home / "b") not in str(caught.value)
    assert f"inode is {(home.home / 'b').stat().st_ino}" in str(caught.value)
