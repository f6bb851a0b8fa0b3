"""What a URL of objects says, and whether we may go there."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipelines.landing import has_suffix
from resources.settings import Settings

Source = Path | str
"""A file or folder, or the URL of objects."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATTERN = frozenset("*?[]")
"""Characters that make a name a pattern wherever names are listed."""


class ObjectStoreError(RuntimeError):
    """An object store can't be used as it is asked for; the text holds no name of an object and no key."""


@dataclass(frozen=True)
class Address:
    """Where to look for objects.

    Attributes:
        scheme: ``file`` or ``s3``.
        folder: URL without a slash at its end.
        pattern: ``**`` for all that is below, else the name of one object.
    """

    scheme: str
    folder: str = field(repr=False)
    pattern: str = field(repr=False)


def to_source(text: str) -> Source:
    """What a person typed: a URL where it begins with a scheme and ``://``, else a path."""
    return text if _URL.match(text) else Path(text)


def read_address(url: str, suffixes: Sequence[str]) -> Address:
    """The address of one object where the URL ends as input does, else of all below a prefix.

    Raises:
        ObjectStoreError: it is no URL that can be used.
    """
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme not in ("file", "s3"):
        raise ObjectStoreError(
            f"{scheme}:// is no object store that Sanctum reads: s3:// and file:// are. A store that speaks S3 "
            "under an address of its own, as many do, is read as s3://."
        )
    rest = unquote(rest) if scheme == "file" else rest
    if not _PATTERN.isdisjoint(rest) or "#" in rest or not rest.isprintable():
        raise ObjectStoreError("the URL has one of the characters * ? [ ] #: name a prefix without them.")
    host, slash, path = rest.partition("/")
    if scheme == "file" and (host not in ("", "localhost") or not slash):
        raise ObjectStoreError("a file:// URL has three slashes before the path: other machines' files are not read.")
    if scheme == "s3" and not _BUCKET.fullmatch(host):
        raise ObjectStoreError("the URL names no bucket: it is s3://BUCKET/PREFIX.")
    root = "/" if scheme == "file" else host
    path = path.strip("/") if path.endswith("/") else path.lstrip("/")
    above, _, name = path.rpartition("/")
    is_one = not rest.endswith("/") and has_suffix(name, suffixes)
    return Address(scheme, _join(scheme, root, above if is_one else path), name if is_one else "**")


def _join(scheme: str, root: str, path: str) -> str:
    if scheme == "file":
        return Path(root, path).as_uri()
    return f"s3://{root}/{path}".rstrip("/")


def check_endpoint(settings: Settings, endpoint: str | None) -> str:
    """The host of a store's endpoint, if the settings name it.

    Raises:
        ObjectStoreError: there is no endpoint, it is no https URL (http is for loopback alone), or its host is not
            among ``object_store_hosts``.
    """
    if not endpoint:
        raise ObjectStoreError(
            "the object store's address is not set: name it in SOURCES__FILESYSTEM__CREDENTIALS__ENDPOINT_URL, "
            "as in https://s3.us-east-1.amazonaws.com, and its host in SANCTUM_OBJECT_STORE_HOSTS."
        )
    try:
        parts = urlsplit(endpoint)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.username is not None or parts.query or parts.fragment or not endpoint.isprintable():
        raise ObjectStoreError("the object store's endpoint is no URL with a host and without a password.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ObjectStoreError("the object store's endpoint is no https URL; http is allowed on loopback alone.")
    if host not in settings.object_store_hosts:
        raise ObjectStoreError(
            f"the host {host} of the object store may not be connected to: SANCTUM_OBJECT_STORE_HOSTS names those "
            "that may, separated by commas."
        )
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
