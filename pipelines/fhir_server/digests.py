"""Hashes of files and addresses."""

import hashlib
from pathlib import Path
from urllib.parse import urlsplit


def file_digest(path: Path) -> bytes:
    """SHA-256 of a file's bytes, as landing names them."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def address_digest(url: str) -> str:
    """Names the place of a file, without its query: a server may sign the same place anew each time."""
    parts = urlsplit(url)
    return hashlib.sha256(f"{parts.netloc}{parts.path}".encode()).hexdigest()[:24]
