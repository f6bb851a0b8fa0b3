"""Vocabulary files of a folder or zip: which there are, their bytes, their columns.

Source: OHDSI Athena's download (tab-separated, UTF-8, no quoting) and the comma-separated, quoted form with ISO dates
that Eunomia and dbt-synthea use. Both begin with a header line.
"""

import contextlib
import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from pipelines.vocabulary.tables import TABLES, VALUE_SETS

BLOCK = 1 << 20
"""Bytes that are read at once."""
_GZIP = b"\x1f\x8b"
_LONGEST_HEADER = 1 << 16
_STEMS = frozenset({*(table.stem for table in TABLES), VALUE_SETS})


class VocabularyError(ValueError):
    """A vocabulary can't be loaded as it is; the text names file, line, column and rule, no value."""


@dataclass(frozen=True)
class Header:
    """How a file separates, and its lower-case column names."""

    delimiter: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class VocabularyFile:
    """A file, named by its stem in upper case (``CONCEPT``); ``member`` is its name inside a zip."""

    stem: str
    path: Path
    member: str | None = None

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its content as a stream, gunzipped where it is gzip; nothing is unpacked to disk.

        Raises:
            VocabularyError: it is cut off or damaged, or can't be decompressed.
        """
        with self._open_raw() as raw:
            yield cast(IO[bytes], gzip.GzipFile(fileobj=raw)) if _is_gzip(raw) else raw

    @contextlib.contextmanager
    def _open_raw(self) -> Iterator[IO[bytes]]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_undamaged(self.stem))
            if self.member is None:
                yield stack.enter_context(self.path.open("rb"))
                return
            archive = stack.enter_context(zipfile.ZipFile(self.path))
            try:
                raw = stack.enter_context(archive.open(self.member))
            except (RuntimeError, NotImplementedError):
                raise VocabularyError(f"{self.stem} can't be read: the zip has a password or is unusual") from None
            yield raw

    def byte_length(self) -> int | None:
        """Length of its content, None where only reading it would tell."""
        with self._open_raw() as raw:
            if _is_gzip(raw):
                return None
        if self.member is None:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.member).file_size

    def sha256(self) -> str:
        """Hash of the content, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as content:
            while block := content.read(BLOCK):
                digest.update(block)
        return digest.hexdigest()


def vocabulary_files(directory: Path) -> dict[str, VocabularyFile]:
    """Files of a folder or zip by stem; what is no file of a vocabulary is left alone.

    Raises:
        VocabularyError: the path is neither, or one stem is there twice.
    """
    if directory.is_dir():
        found = [VocabularyFile(_stem(path.name), path) for path in sorted(directory.iterdir()) if path.is_file()]
    elif zipfile.is_zipfile(directory):
        with zipfile.ZipFile(directory) as archive:
            found = [VocabularyFile(_stem(name), directory, name) for name in sorted(archive.namelist())]
    else:
        raise VocabularyError(f"{directory} is neither a folder nor a zip file")
    files: dict[str, VocabularyFile] = {}
    for file in found:
        if file.stem in files:
            raise VocabularyError(f"{directory} holds {file.stem} twice; keep one of them")
        if file.stem in _STEMS:
            files[file.stem] = file
    return files


@contextlib.contextmanager
def _undamaged(stem: str) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError):
        raise VocabularyError(f"{stem} is cut off or damaged: it can't be decompressed") from None


def _is_gzip(raw: IO[bytes]) -> bool:
    begins = raw.read(len(_GZIP)) == _GZIP
    raw.seek(0)
    return begins


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].split(".", 1)[0].upper()


def read_header(content: IO[bytes], stem: str) -> tuple[bytes, Header]:
    """The first line, as it is and as read; tabs separate where there is one, else commas.

    Raises:
        VocabularyError: the line is no text in UTF-8, or has no end.
    """
    line = content.readline(_LONGEST_HEADER)
    if not line.endswith(b"\n"):
        raise VocabularyError(f"{stem}, line 1: the header line has no end")
    try:
        text = line.decode("utf-8-sig").strip("\r\n")
    except UnicodeDecodeError:
        raise VocabularyError(f"{stem}, line 1: the header line is no UTF-8") from None
    delimiter = "\t" if "\t" in text else ","
    return line, Header(delimiter, tuple(name.strip().strip('"').lower() for name in text.split(delimiter)))
