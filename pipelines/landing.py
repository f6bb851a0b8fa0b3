"""Landing: what arrived is kept byte for byte under its content hash before anything reads it.

Belongs here: finding input files, storing bytes once, reading them back. Does not belong here: what the bytes mean.
Names of input files are not kept anywhere: they may name a patient.
"""

import contextlib
import errno
import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import psycopg

from resources import locks
from resources.postgres import Database, Role, without_row_values
from resources.progress import Progress
from resources.settings import Settings

_BLOCK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"


class InputError(ValueError):
    """The input named does not exist or holds nothing to load."""


class LandingError(RuntimeError):
    """Bytes could not be stored; nothing was landed of the file at hand."""


@dataclass(frozen=True)
class LandedFile:
    """One stored content; ``sha256`` in hexadecimal names it in errors and quarantine."""

    file_id: int
    sha256: str
    kind: str
    is_gzip: bool
    is_new: bool


@dataclass(frozen=True)
class LandingReport:
    """What a landing found: files stored now, files whose bytes were there, and the bytes of both."""

    files_new: int
    files_known: int
    bytes: int
    files: tuple[LandedFile, ...]


def find_files(paths: Iterable[Path], suffixes: Sequence[str], *, may_be_empty: bool = False) -> list[Path]:
    """Input files in a stable order: named files as they are, folders searched for suffixes (``.gz`` may follow).

    Raises:
        InputError: a path does not exist, or nothing is there to load.
    """
    found: list[Path] = []
    for number, path in enumerate(paths, start=1):
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.is_file() and has_suffix(p.name, suffixes))
        elif path.exists():
            found.append(path)
        else:
            raise InputError(f"input path number {number} does not exist; name files or folders that do.")
    if not found and not may_be_empty:
        raise InputError(
            f"nothing to load: the folder holds no file ending in {', '.join(suffixes)} (or those with .gz)."
        )
    return found


def has_suffix(name: str, suffixes: Sequence[str]) -> bool:
    """Whether a file's name ends as input does, ``.gz`` left out; a name that begins with a dot is not whole yet."""
    name = name.lower().removesuffix(".gz")
    return not name.startswith(".") and any(name.endswith(suffix) for suffix in suffixes)


def land_files(
    settings: Settings,
    database: Database,
    files: Sequence[Path],
    kind_of: Callable[[Path], str],
    progress: Progress | None = None,
) -> LandingReport:
    """Store each file's bytes under its SHA-256 and register it in ``landing.file``.

    Raises:
        LandingError: bytes can't be written, for instance on a full disk.
        InputError: a file can't be read.
    """
    landed: list[LandedFile] = []
    total = 0
    with without_row_values(), database.connect(Role.INGEST, autocommit=True) as connection:
        locks.share(connection, locks.LANDING)
        redacted = _redacted(connection)
        for number, path in enumerate(files):
            # Bytes that were landed before and of which some were erased since are not written again, not for a moment.
            known = redacted.get(content_hash(path)) if redacted else None
            if known is None:
                digest, length = store(settings, path)
                known = register(connection, digest, length, kind_of(path), is_gzip(path))
            else:
                length = path.stat().st_size
            total += length
            landed.append(known)
            if progress:
                progress("landing files", number + 1, len(files))
    new = sum(file.is_new for file in landed)
    return LandingReport(new, len(landed) - new, total, tuple(landed))


def _redacted(connection: psycopg.Connection[Any]) -> dict[str, LandedFile]:
    """Files by the hashes their bytes had before some were erased; no erasure adds one while files are landed."""
    rows = connection.execute(
        "SELECT encode(original_sha256, 'hex'), file_id, encode(sha256, 'hex'), kind, gzip "
        "FROM landing.redacted_content INNER JOIN landing.file USING (file_id)"
    ).fetchall()
    return {
        original: LandedFile(file_id, current, kind, gzipped, False)
        for original, file_id, current, kind, gzipped in rows
    }


def content_hash(source: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        InputError: the file can't be read.
    """
    with _readable(source) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def store(settings: Settings, source: Path) -> tuple[str, int]:
    """Copy a file to its place by content hash, whole or not at all; returns hash and length in bytes."""
    settings.landing_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = settings.landing_directory / f"incoming-{os.getpid()}"
    digest, length = hashlib.sha256(), 0
    try:
        with _readable(source) as stream, temporary.open("wb") as target:
            os.fchmod(target.fileno(), 0o600)
            while block := stream.read(_BLOCK):
                digest.update(block)
                length += len(block)
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        final = landed_path(settings, digest.hexdigest())
        final.parent.mkdir(exist_ok=True, mode=0o700)
        temporary.replace(final)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        full = " The disk is full: free space and run again." if error.errno == errno.ENOSPC else ""
        raise LandingError(
            f"a file could not be landed under {settings.landing_directory} ({error.strerror}).{full}"
        ) from None
    return digest.hexdigest(), length


@contextlib.contextmanager
def _readable(source: Path) -> Iterator[BufferedReader]:
    try:
        stream = source.open("rb")
    except OSError as error:
        raise InputError(f"an input file can't be read ({error.strerror}); check its permissions.") from None
    with stream:
        yield stream


def landed_path(settings: Settings, sha256: str) -> Path:
    """Where bytes of this hash lie."""
    return settings.landing_directory / sha256[:2] / sha256


def register(connection: psycopg.Connection[Any], sha256: str, length: int, kind: str, gzipped: bool) -> LandedFile:
    """Say in ``landing.file`` that bytes lie under their hash; the file as it is registered, new or known."""
    values = (bytes.fromhex(sha256), length, kind, gzipped)
    row = connection.execute(
        "INSERT INTO landing.file (sha256, byte_length, kind, gzip) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (sha256) DO NOTHING RETURNING file_id",
        values,
    ).fetchone()
    is_new = row is not None
    if row is None:
        row = connection.execute("SELECT file_id FROM landing.file WHERE sha256 = %s", values[:1]).fetchone()
    return LandedFile(int(cast("tuple[int]", row)[0]), sha256, kind, gzipped, is_new)


def is_gzip(path: Path) -> bool:
    """Whether a file's bytes are gzip, whatever its name."""
    with path.open("rb") as stream:
        return stream.read(2) == _GZIP_MAGIC


@contextlib.contextmanager
def open_content(path: Path) -> Iterator[BufferedReader]:
    """A file's content, decompressed if it is gzip."""
    if is_gzip(path):
        with gzip.open(path, "rb") as stream:
            yield cast(BufferedReader, stream)
    else:
        with path.open("rb") as stream:
            yield stream


def is_whole(path: Path) -> bool:
    """Whether a gzip file decompresses to its end; other files always are."""
    if not is_gzip(path):
        return True
    try:
        with gzip.open(path, "rb") as stream:
            while stream.read(_BLOCK):
                pass
    except (EOFError, OSError, zlib.error):
        return False
    return True
