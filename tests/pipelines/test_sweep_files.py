"""The search of the home's files: what vanishes meanwhile holds nothing, what can't be read is not taken for clean."""

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pipelines.erasure.sweep import Sweep, SweepError, sweep_files
from pipelines.erasure.words import Word
from resources.settings import Settings, load_settings
from tests.pipelines.erasure_home import hide_too_deep

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
    lstat = Path.lstat

    def then_gone(path: Path) -> os.stat_result:
        found = lstat(path)
        if path.name == "b":
            path.unlink()
        return found

    monkeypatch.setattr(Path, "lstat", then_gone)
    found = Sweep()
    sweep_files(home, [WORD], found)
    assert found.left == {f"{name} (inode {(home.home / name).stat().st_ino})": 1 for name in ("a.gz", "c")}


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


@contextmanager
def _nobody() -> Iterator[None]:
    """As a user whom permissions stop, which they do not root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_gives_no_access_is_told_and_not_taken_for_clean() -> None:
    # Of pytest's own folders only their owner may enter any.
    with TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        closed = {name: Path(root) / "drop" / name for name in ("shut", "no-entry", "no-list", WORD.text)}
        for folder, mode in zip(closed.values(), (0o000, 0o444, 0o111, 0o000), strict=True):
            folder.mkdir(parents=True)
            (folder / "file").write_text(WORD.text)
            folder.chmod(mode)
        (Path(root) / "drop" / "open").write_text(WORD.text)
        found = Sweep()
        with _nobody():
            sweep_files(load_settings(home=Path(root)), [WORD], found)
        for folder in closed.values():
            folder.chmod(0o700)
        inodes = {name: folder.stat().st_ino for name, folder in closed.items()}
        inside = (closed["no-entry"] / "file").stat().st_ino
        in_the_open = (Path(root) / "drop" / "open").stat().st_ino
    theirs = f"drop/(theirs) (inode {inodes[WORD.text]})"
    assert sorted(found.not_read) == sorted(
        [
            theirs,
            f"drop/no-entry/file (inode {inside})",
            f"drop/no-list (inode {inodes['no-list']})",
            f"drop/shut (inode {inodes['shut']})",
        ]
    )
    assert found.left == {theirs: 1, f"drop/open (inode {in_the_open})": 1}


def test_what_lies_too_deep_to_be_named_is_not_taken_for_clean(home: Settings) -> None:
    """Paths are limited (PATH_MAX), folders in folders are not."""
    deep = hide_too_deep(home.home, WORD.text)
    found = Sweep()
    sweep_files(home, [WORD], found)
    # Whoever cleans the folder of temporary files by paths could not.
    shutil.rmtree(deep)
    assert len(found.left) == 2
    (place,) = found.not_read
    assert place.count("/") in range(15, 24)


def test_places_are_told_without_the_names_in_them(home: Settings) -> None:
    """By what an operator needs to find them: the folders that name nobody, and the inode."""
    for name in ("a.gz", "b", "c"):
        (home.home / name).unlink()
    expected: dict[str, int] = {}
    words = [Word("lone name", "Zwillingmann"), Word("name", "Smith\x1fJohn")]
    for place, shown, hits in (
        ("drop/Zwillingmann_19510203.pdf", "drop/(theirs)", 2),
        ("drop/ZWILLINGMANN", "drop/(theirs)", 1),
        ("drop/ZWILLINGMANN/scan.pdf", "drop/(theirs)/scan.pdf", 1),
        ("demo/Smith", "", 0),
        ("demo/Smith/John", "(theirs)", 1),
        ("demo/Smith/John/empty", "", 0),
        ("inbox/fhir/Jane_Doe", "", 0),
        ("inbox/fhir/Jane_Doe/Richard_Roe.ndjson", "inbox/fhir", 1),
        ("own/hl7/Richard_Roe.hl7", "own/hl7", 1),
        ("dbt/stray.log", "dbt/stray.log", 1),
    ):
        path = home.home / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix:
            path.write_text("said: Zwillingmann")
        else:
            path.mkdir()
        if hits:
            expected[f"{shown} (inode {path.stat().st_ino})"] = hits
    link = home.home / "Zwillingmann"
    link.symlink_to("nowhere")
    expected[f"(theirs) (inode {link.lstat().st_ino})"] = 1
    found = Sweep()
    sweep_files(home.model_copy(update={"hl7_inbox": home.home / "own" / "hl7"}), words, found)
    assert found.left == expected
    assert found.files == 5
