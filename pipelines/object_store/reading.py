"""Listing objects with dlt's filesystem source and reading them, without telling their names."""

import contextlib
import errno
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlt.common.exceptions import DltException
from dlt.common.storages.configuration import FilesystemConfiguration
from dlt.common.storages.fsspec_filesystem import fsspec_from_config
from dlt.sources.filesystem import FileItemDict, filesystem

from pipelines.landing import LandingError, has_suffix
from pipelines.object_store.address import Address, ObjectStoreError
from resources.settings import Settings

_BLOCK = 1 << 20
_AT_ONCE = 1000
"""Objects that dlt hands over at a time."""


@dataclass(frozen=True)
class StoredObject:
    """One object as it was listed.

    Attributes:
        object_sha256: hash of the store's address and the URL.
        version_sha256: hash of entity tag, time of modification and length.
    """

    item: FileItemDict = field(repr=False)
    object_sha256: bytes
    version_sha256: bytes

    @property
    def name(self) -> str:
        """Its URL's last part; shown to nobody."""
        return str(self.item["file_name"])

    @property
    def shown(self) -> str:
        """What errors call it."""
        return f"object {hashlib.sha256(str(self.item['file_url']).encode()).hexdigest()[:12]}"


def list_objects(settings: Settings, address: Address, suffixes: Sequence[str]) -> list[StoredObject]:
    """Objects that end as input does (``.gz`` may follow), in the order of their URLs.

    Raises:
        ObjectStoreError: the store may not be connected to, can't be reached or refuses.
    """
    store, endpoint = _open(settings, address)
    with _told("the object store"):
        found = filesystem(
            bucket_url=address.folder,
            credentials=store,
            file_glob=address.pattern,
            files_per_page=_AT_ONCE,
            extract_content=False,
        )
        items = [item for item in found if has_suffix(item["file_name"], suffixes)]
        stored = [_stored(endpoint, item) for item in sorted(items, key=lambda item: str(item["file_url"]))]
    return stored


def _open(settings: Settings, address: Address) -> tuple[Any, str]:
    if address.scheme == "file":
        return fsspec_from_config(FilesystemConfiguration(address.folder))[0], ""
    try:
        from pipelines.object_store.s3 import open_s3
    except ImportError:
        raise ObjectStoreError("s3:// needs the package s3fs: pip install 'sanctum-health[object-store]'.") from None
    return open_s3(settings, address.folder)


def _stored(endpoint: str, item: FileItemDict) -> StoredObject:
    # What the store says when it is asked for one object; what it listed is remembered, so that this asks nothing.
    tag = "" if endpoint == "" else str(item.fsspec.info(item["file_url"]).get("ETag", ""))
    parts = (tag, item["modification_date"].isoformat(), str(item["size_in_bytes"]))
    where = f"{endpoint}\x1f{item['file_url']}"
    return StoredObject(
        item, hashlib.sha256(where.encode()).digest(), hashlib.sha256("\x1f".join(parts).encode()).digest()
    )


@contextlib.contextmanager
def downloaded(stored: StoredObject, folder: Path) -> Iterator[Path]:
    """The path of a private copy without a name in the folder: it is gone with this process, however that ends.

    Raises:
        ObjectStoreError: the object changed since it was listed, or can't be read whole.
        pipelines.landing.LandingError: the copy can't be written, for instance on a full disk.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder) as target:
        length = 0
        for block in _blocks(stored):
            length += len(block)
            try:
                target.write(block)
                target.flush()
            except OSError as error:
                full = " The disk is full: free space and run again." if error.errno == errno.ENOSPC else ""
                raise LandingError(
                    f"{stored.shown} could not be copied to {folder} ({error.strerror}).{full}"
                ) from None
        if length != stored.item["size_in_bytes"]:
            raise ObjectStoreError(f"{stored.shown} changed while it was read: run again.")
        yield Path(f"/proc/self/fd/{target.fileno()}")


def _blocks(stored: StoredObject) -> Iterator[bytes]:
    with _told(stored.shown):
        stream = stored.item.open(mode="rb", compression="disable")
    with stream:
        while True:
            with _told(stored.shown):
                block = bytes(stream.read(_BLOCK))
            if not block:
                return
            yield block


@contextlib.contextmanager
def _told(what: str) -> Iterator[None]:
    """Turn errors of the store's libraries, which name objects, into ours."""
    try:
        yield
    except (OSError, DltException, *_client_errors()) as error:
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ObjectStoreError):
                raise cause from None
        if any(isinstance(cause, PermissionError) for cause in causes):
            said = "refused us: check the keys and what they may do; listing and reading are needed."
        elif any(isinstance(cause, FileNotFoundError) for cause in causes):
            said = "is not there: check bucket and prefix, and run again if objects are being removed."
        elif any(isinstance(cause, _changed_errors()) for cause in causes):
            said = "changed while it was read: run again."
        else:
            said = f"can't be read ({type(causes[-1]).__name__}): check its address and that it answers, and run again."
        raise ObjectStoreError(f"{what} {said}") from None


def _client_errors() -> tuple[type[Exception], ...]:
    try:
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        return ()
    return BotoCoreError, ClientError


def _changed_errors() -> tuple[type[Exception], ...]:
    try:
        from s3fs.utils import FileExpired
    except ImportError:
        return ()
    return (FileExpired,)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it, the first last."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__
