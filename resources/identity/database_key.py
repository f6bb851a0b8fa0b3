"""The secret by which Sanctum's processes vouch for a caller to the database."""

import contextlib
import secrets

from resources.identity.identity import IdentityError
from resources.postgres import Database, Role, without_row_values
from resources.private_files import read_private, write_private
from resources.settings import Settings

_KEY_BYTES = 32
_BLOCK_BYTES = 64


class IdentityKeyError(IdentityError):
    """The key file can't be used; the text never carries the key."""


def identity_key(settings: Settings) -> bytes:
    """The 32 bytes of the identity key, made at first use in a file that its owner alone can read.

    Raises:
        IdentityKeyError: the file holds no such key.
        resources.private_files.PrivateFileError: the file can be read by others, or not at all.
    """
    path = settings.identity_key_path
    if not path.exists():
        # Another process may have made it meanwhile: then that one counts.
        with contextlib.suppress(FileExistsError):
            write_private(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")
    try:
        key = bytes.fromhex(read_private(path, "the identity key").decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise IdentityKeyError(
            f"{path} is no identity key of 64 hexadecimal digits: restore it, or remove it and run 'sanctum up'."
        )
    return key


def install_key(settings: Settings, database: Database) -> None:
    """Tell the database the key, as HMAC's two padded keys (RFC 2104 §2); with another key, every ticket ends.

    Raises:
        IdentityKeyError: the key file can't be used.
        resources.postgres.DatabaseUnavailableError: the database refused.
    """
    block = identity_key(settings).ljust(_BLOCK_BYTES, b"\0")
    padded = [bytes(byte ^ pad for byte in block) for pad in (0x36, 0x5C)]
    with without_row_values(), database.connect(Role.OWNER) as connection:
        changed = connection.execute(
            "INSERT INTO access.identity_key (inner_key, outer_key) VALUES (%s, %s) "
            "ON CONFLICT (only_row) DO UPDATE SET inner_key = excluded.inner_key, outer_key = excluded.outer_key "
            "WHERE identity_key.inner_key <> excluded.inner_key",
            padded,
        ).rowcount
        if changed:
            connection.execute("DELETE FROM access.ticket")
