"""Vocabulary files of a folder or zip: which there are, their bytes, their columns.

Source: OHDSI Athena's download (tab-separated, UTF-8, no quoting) and the comma-separated, quoted form with ISO dates
that Eunomia and dbt-synthea use. Both begin with a header line.
"""

import contextlib
import gzip
import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"


class VocabularyError(ValueError):
    """The folder holds no vocabulary, or a file of it isn't what its name says."""


@dataclass(frozen=True)
class VocabularyFile:
    """A file, named by its stem in upper case (``CONCEPT``); ``member`` is its name inside a zip."""

    stem: str
    path: Path
    member: str | None = None

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its content, gunzipped where it is gzip."""
        with contextlib.ExitStack() as stack:
            raw: IO[bytes]
            if self.member is None:
                raw = stack.enter_context(self.path.open("rb"))
            else:
                raw = stack.enter_context(stack.enter_context(zipfile.ZipFile(self.path)).open(self.member))
            compressed = raw.read(len(_GZIP)) == _GZIP
            raw.seek(0)
            yield cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=raw))) if compressed else raw

    def sha256(self) -> str:
        """Hash of the content, in hexadecimal."""
        digest = hashlib.sha256()
        with self.open() as content:
            while block := content.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()


def vocabulary_files(directory: Path) -> dict[str, VocabularyFile]:
    """Files of a folder or zip by stem.

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
        files[file.stem] = file
    return files


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].split(".", 1)[0].upper()


def header(line: bytes) -> tuple[str, list[str]]:
    """Delimiter and lower-case column names of a header line."""
    text = line.decode("utf-8-sig").strip("\r\n")
    delimiter = "\t" if "\t" in text else ","
    return delimiter, [name.strip().strip('"').lower() for name in text.split(delimiter)]
