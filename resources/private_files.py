"""Files that hold secrets: readable by their owner only, or not read at all."""

import os
import stat
import tempfile
from pathlib import Path


class PrivateFileError(RuntimeError):
    """A file with a secret is missing or others may read it; the text names the file, never what is in it."""


def read_private(path: Path, what: str) -> bytes:
    """The bytes of a file that only its owner may read.

    Args:
        path: the file.
        what: what it holds, for the error, such as ``the roles' passwords``.

    Raises:
        PrivateFileError: the file can't be read, is no plain file, or its mode lets a group or others in.
    """
    try:
        # The mode is that of the very file that is read, whatever is renamed meanwhile.
        with path.open("rb") as stream:
            state = os.fstat(stream.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise PrivateFileError(f"{path} ({what}) is no plain file.")
            if state.st_mode & 0o077:
                raise PrivateFileError(
                    f"{path} ({what}) may be read by others: its mode is {stat.S_IMODE(state.st_mode):o}. "
                    f"Run: chmod 600 {path}"
                )
            return stream.read()
    except OSError as error:
        raise PrivateFileError(f"{path} ({what}) can't be read: {error.strerror}.") from None


def write_private(path: Path, content: bytes) -> None:
    """Make a file that only its owner may read (mode 0600) in a folder that only its owner may enter (0700 if made).

    The file is whole or absent, and on the disk when this returns.

    Raises:
        FileExistsError: it is there already; it is left as it was.
    """
    make_private_directory(path.parent)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # A link fails where a rename would replace a key that another process made at the same moment.
        os.link(temporary, path)
    finally:
        temporary.unlink()
    sync_directory(path.parent)


def append_private(path: Path, line: bytes) -> None:
    """Append one line to a file of mode 0600, made if it is not there; on the disk when this returns.

    A line that an earlier process left unfinished is ended first, so that it can't spoil this one.

    Raises:
        OSError: the disk is full or the file can't be written.
    """
    make_private_directory(path.parent)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size:
            stream.seek(size - 1)
            line = line if stream.read(1) == b"\n" else b"\n" + line
        stream.write(line + b"\n")
        stream.flush()
        os.fsync(stream.fileno())
    if is_new:
        sync_directory(path.parent)


def make_private_directory(path: Path) -> None:
    """Make a folder of mode 0700, and the folders above it as usual; one that is there is left as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def sync_directory(path: Path) -> None:
    """Write a folder's entries to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
