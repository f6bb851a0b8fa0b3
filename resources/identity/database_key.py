"""The secret by which Sanctum's processes vouch for a caller to the database."""

import os
import secrets
from pathlib import Path

from resources.identity.identity import IdentityError
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

_KEY_BYTES = 32
_BLOCK_BYTES = 64


class IdentityKeyError(IdentityError):
    """The key file can't be used; the text never carries the key."""


def identity_key(settings: Settings) -> bytes:
    """The 32 bytes of the identity key, made at first use in a file that its owner alone can read.

    Raises:
        IdentityKeyError: the file can be read by others, or holds no such key.
    """
    path = settings.identity_key_path
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _read(path)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(secrets.token_hex(_KEY_BYTES) + "\n")
    return _read(path)


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise IdentityKeyError(f"the identity key {path} can be read by others: chmod 600 it.")
    try:
        key = bytes.fromhex(path.read_text())
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise IdentityKeyError(
            f"{path} is no identity key of 64 hexadecimal digits: restore it, or remove it and run 'sanctum up'."
        )
    return key


def install_key(settings: Settings, database: Database) -> None:
    """Tell the database the key, as HMAC's two padded keys (RFC 2104 §2); tickets made under another key end.

    Raises:
        IdentityKeyError: the key file can't be used.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    block = identity_key(settings).ljust(_BLOCK_BYTES, b"\0")
    padded = [bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C)]
    with without_row_values(), database.connect(Role.OWNER) as connection:
        connection.execute(
            "INSERT INTO access.identity_key (inner_key, outer_key) VALUES (%s, %s) "
            "ON CONFLICT (only_row) DO UPDATE SET inner_key = excluded.inner_key, outer_key = excluded.outer_key "
            "WHERE identity_key.inner_key <> excluded.inner_key",
            padded,
        )
