"""The Ed25519 key that signs audit heads, and the public keys that check them.

The private key is made at first use. Its public key is appended to a file beside it, so that heads signed before a
change of key can still be checked; an independent verifier brings a copy of that file of its own.
"""

import contextlib
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from resources.private_files import append_private, read_private, write_private
from resources.settings import Settings

PublicKeys = Mapping[str, Ed25519PublicKey]

_WHAT = "the key that signs audit heads"
_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----\s*", re.DOTALL)


class AuditKeyError(RuntimeError):
    """A key file holds no Ed25519 key; the text names the file only."""


def signing_key_file(settings: Settings) -> Path:
    """Where the private key is: the setting, or ``keys/audit.pem`` under home."""
    return settings.audit_signing_key_file or settings.home / "keys" / "audit.pem"


def public_key_file(settings: Settings) -> Path:
    """Where the public keys are: beside the private one, with the ending ``.pub``."""
    return signing_key_file(settings).with_suffix(".pub")


def signing_key(settings: Settings) -> Ed25519PrivateKey:
    """The private key, made (mode 0600) if there is none yet; its public key is put beside it.

    Raises:
        AuditKeyError: the file holds no unencrypted Ed25519 key in PEM.
        resources.private_files.PrivateFileError: others may read the file.
    """
    path = signing_key_file(settings)
    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        # Another process may have made one since: then that is the key.
        with contextlib.suppress(FileExistsError):
            write_private(path, pem)
    try:
        key = load_pem_private_key(read_private(path, _WHAT), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise AuditKeyError(f"{path} holds no unencrypted Ed25519 key in PEM ({_WHAT}).") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise AuditKeyError(f"{path} holds a key of another kind than Ed25519 ({_WHAT}).")
    beside = public_key_file(settings)
    if not beside.exists() or fingerprint(key.public_key()) not in public_keys(beside):
        pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        append_private(beside, pem.rstrip(b"\n"))
    return key


def public_keys(path: Path, *, is_required: bool = False) -> dict[str, Ed25519PublicKey]:
    """The public keys of a PEM file (one or several) by fingerprint; none if the file is not there.

    Raises:
        AuditKeyError: the file holds something else, or is required and not there.
    """
    if not path.exists():
        if is_required:
            raise AuditKeyError(f"{path} is not there; it should hold the public keys of audit heads (PEM).")
        return {}
    blocks = _PEM.findall(path.read_bytes())
    try:
        keys = [load_pem_public_key(block) for block in blocks]
    except (ValueError, UnsupportedAlgorithm):
        keys = []
    found = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not found or len(found) != len(blocks):
        raise AuditKeyError(f"{path} holds no Ed25519 public keys in PEM, or others beside them.")
    return {fingerprint(key): key for key in found}


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the key's 32 bytes, in hexadecimal."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()


def is_signed(keys: PublicKeys, key_sha256: str, body: bytes, signature: bytes) -> bool | None:
    """Whether the signature is that of the key with this fingerprint; None if we have no such key."""
    key = keys.get(key_sha256)
    if key is None:
        return None
    try:
        key.verify(signature, body)
    except InvalidSignature:
        return False
    return True
