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
