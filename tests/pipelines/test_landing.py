"""Landing: bytes kept whole, once and unseen by others; clear errors; no file names."""

import gzip
import hashlib
import resource
import stat
import traceback
from pathlib import Path

import pytest

from pipelines.landing import (
    InputError,
    LandingError,
    find_files,
    is_gzip,
    is_whole,
    land_files,
    landed_path,
    open_content,
)
from resources.postgres import Database, Role
from resources.settings import Settings

NAME = "surname-given"
SUFFIXES = (".ndjson", ".json")


def land(settings: Settings, db: Database, *paths: Path, kind: str = "fhir-ndjson") -> list[tuple[str, bool]]:
    report = land_files(settings, db, paths, lambda path: kind)
    assert report.files_new + report.files_known == len(paths)
    assert report.bytes == sum(path.stat().st_size for path in paths)
    return [(file.sha256, file.is_new) for file in report.files]


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def registered(db: Database) -> list[tuple[str, int, str, bool]]:
    with db.connect(Role.INGEST) as connection:
        return connection.execute(
            "SELECT encode(sha256, 'hex'), byte_length, kind, gzip FROM landing.file ORDER BY file_id"
        ).fetchall()


def test_bytes_are_kept_once_under_their_hash_and_the_name_nowhere(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    content = b"{}\r\n\x00\xff no newline at the end"
    digest = hashlib.sha256(content).hexdigest()
    first, copy = written(tmp_path / f"{NAME}.ndjson", content), written(tmp_path / "copy.json", content)
    packed = written(tmp_path / "packed.ndjson", gzip.compress(content))
    found = land(settings, db, first, copy, packed)
    assert found[:2] == [(digest, True), (digest, False)]
    assert landed_path(settings, digest).read_bytes() == content
    assert registered(db) == [
        (digest, len(content), "fhir-ndjson", False),
        (hashlib.sha256(packed.read_bytes()).hexdigest(), packed.stat().st_size, "fhir-ndjson", True),
    ]
    assert land(settings, db, first) == [(digest, False)]
    names = {path.name for path in settings.landing_directory.rglob("*") if path.is_file()}
    assert names == {sha256 for sha256, *_ in registered(db)}


def test_only_the_owner_can_read_what_was_landed(settings: Settings, db: Database, tmp_path: Path) -> None:
    land(settings, db, written(tmp_path / "1.ndjson", b"{}"))
    for path in [settings.landing_directory, *settings.landing_directory.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_landing_again_repairs_bytes_that_were_damaged(settings: Settings, db: Database, tmp_path: Path) -> None:
    source = written(tmp_path / "1.ndjson", b"{}")
    ((digest, _),) = land(settings, db, source)
    landed_path(settings, digest).write_bytes(b"")
    assert land(settings, db, source) == [(digest, False)]
    assert landed_path(settings, digest).read_bytes() == b"{}"


def test_an_empty_file_is_a_content_too(settings: Settings, db: Database, tmp_path: Path) -> None:
    ((digest, is_new),) = land(settings, db, written(tmp_path / "1.ndjson", b""))
    assert (digest, is_new) == (hashlib.sha256().hexdigest(), True)
    assert registered(db) == [(digest, 0, "fhir-ndjson", False)]


def test_progress_counts_files(settings: Settings, db: Database, tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{number}.ndjson", b"%d" % number) for number in range(3)]
    steps: list[tuple[str, int, int | None]] = []
    land_files(settings, db, paths, lambda path: "fhir-ndjson", lambda *step: steps.append(step))
    assert steps == [("landing files", number, 3) for number in (1, 2, 3)]


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_file_that_cannot_be_read_is_named_by_no_name(
    settings: Settings, db: Database, tmp_path: Path, is_folder: bool
) -> None:
    source = tmp_path / f"{NAME}.ndjson"
    if is_folder:
        source.mkdir()
    with pytest.raises(InputError) as caught:
        land_files(settings, db, [source], lambda path: "fhir-ndjson")
    assert NAME not in "".join(traceback.format_exception(caught.value))
    assert registered(db) == []
    assert not any(path.is_file() for path in settings.landing_directory.rglob("*"))


def test_bytes_that_cannot_be_stored_leave_nothing(settings: Settings, db: Database, tmp_path: Path) -> None:
    source = written(tmp_path / f"{NAME}.ndjson", b"{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    # A file where the folder for this hash would be.
    written(settings.landing_directory / digest[:2], b"in the way")
    with pytest.raises(LandingError) as caught:
        land(settings, db, source)
    assert NAME not in str(caught.value)
    assert str(settings.landing_directory) in str(caught.value)
    assert registered(db) == []
    assert [path.name for path in settings.landing_directory.rglob("*")] == [digest[:2]]


def test_a_write_that_fails_half_way_leaves_nothing(settings: Settings, db: Database, tmp_path: Path) -> None:
    source = written(tmp_path / f"{NAME}.ndjson", b"x" * (3 << 20))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, limits[1]))
    try:
        with pytest.raises(LandingError):
            land(settings, db, source)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert registered(db) == []
    assert not list(settings.landing_directory.iterdir())
    assert len(land(settings, db, source)) == 1


def test_files_are_found_in_order_by_suffix(tmp_path: Path) -> None:
    wanted = ["a/1.ndjson", "a/2.NDJSON.GZ", "b/c/3.json"]
    for name in [*wanted, "a/.hidden.json", "a/notes.txt", "a/archive.gz", "b/json"]:
        written(tmp_path / name, b"{}")
    (tmp_path / "folder.json").mkdir()
    found = find_files([tmp_path], SUFFIXES)
    assert [str(path.relative_to(tmp_path)) for path in found] == wanted
    named = tmp_path / "a" / "notes.txt"
    assert find_files([named, tmp_path / "b"], SUFFIXES) == [named, tmp_path / "b" / "c" / "3.json"]


def test_nothing_to_load_is_an_error_that_names_no_path(tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    with pytest.raises(InputError, match=r"\.ndjson, \.json") as empty:
        find_files([folder], SUFFIXES)
    with pytest.raises(InputError, match="number 2") as absent:
        find_files([folder, tmp_path / NAME / "1.json"], SUFFIXES)
    assert NAME not in f"{empty.value} {absent.value}"
    assert find_files([folder], SUFFIXES, may_be_empty=True) == []


def test_content_is_read_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    plain, packed = written(tmp_path / "plain.gz", b"text"), written(tmp_path / "packed", gzip.compress(b"text"))
    assert (is_gzip(plain), is_gzip(packed)) == (False, True)
    for path in (plain, packed):
        assert is_whole(path)
        with open_content(path) as stream:
            assert stream.read() == b"text"


def test_gzip_members_in_a_row_are_one_content(tmp_path: Path) -> None:
    path = written(tmp_path / "1.gz", gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert is_whole(path)
    with open_content(path) as stream:
        assert stream.readlines() == [b"one\n", b"two\n"]


def test_cut_or_changed_gzip_is_not_whole(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(range(256)) * 20)
    damaged = [packed[:-1], packed[:20], packed[:2], packed[:-8] + bytes(8), packed[:12] + b"\xff" * 9, packed + b"x"]
    for content in damaged:
        assert not is_whole(written(tmp_path / "1.gz", content)), content
