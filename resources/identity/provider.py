"""Ask the identity provider for its signing keys, and connect to no host that the settings do not name."""

import json
import ssl
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from resources.identity.identity import TokenError

TIMEOUT_SECONDS = 5.0
MAXIMUM_BYTES = 512 * 1024

_ISSUER_SETTING = "SANCTUM_OIDC_ISSUER"
_KEYS_SETTING = "SANCTUM_OIDC_JWKS_URL"
_DISCOVERY_PATH = "/.well-known/openid-configuration"


def checked_issuer(issuer: str) -> str:
    """The issuer, if tokens and keys may be taken from it (OpenID Connect Core 1.0, section 2, ``iss``).

    Raises:
        TokenError: it is no https URL (http is for loopback alone), or has a query, a fragment or a password.
    """
    if "?" in issuer:
        raise TokenError(f"{_ISSUER_SETTING} is a URL with no query")
    _checked(issuer, _ISSUER_SETTING)
    return issuer


def fetch_key_set(issuer: str, jwks_url: str | None, *, timeout_seconds: float = TIMEOUT_SECONDS) -> Mapping[str, Any]:
    """The provider's JWK Set (RFC 7517, section 5), from ``jwks_url`` or where its discovery document says.

    Args:
        issuer: the configured issuer.
        jwks_url: the configured place of the keys, or None for discovery (OpenID Connect Discovery 1.0, section 4).
        timeout_seconds: for the connection, for each wait on the network, and for the body of an answer as a whole.

    Raises:
        TokenError: a URL is not allowed, the discovery document is another issuer's or sends us to another host, or
            the answer is late, too long, not JSON, a redirect or an error.
    """
    if jwks_url is not None:
        return _fetch(_checked(jwks_url, _KEYS_SETTING), "key set", timeout_seconds)
    home = _checked(issuer, _ISSUER_SETTING)
    discovery = _checked(issuer.rstrip("/") + _DISCOVERY_PATH, _ISSUER_SETTING)
    document = _fetch(discovery, "discovery document", timeout_seconds)
    if document.get("issuer") != issuer:
        raise TokenError(f"the discovery document names another issuer than {_ISSUER_SETTING} (compared exactly)")
    place = document.get("jwks_uri")
    if not isinstance(place, str):
        raise TokenError(f"the discovery document names no jwks_uri; set {_KEYS_SETTING}")
    parts = _checked(place, "the discovery document's jwks_uri")
    if parts.hostname != home.hostname:
        raise TokenError(
            f"the provider keeps its keys on another host than {_ISSUER_SETTING}; name it: {_KEYS_SETTING}"
        )
    return _fetch(parts, "key set", timeout_seconds)


def _checked(url: str, name: str) -> SplitResult:
    """The parts of a URL we may connect to; ``name`` says in errors which one it is."""
    if not url.isascii() or not url.isprintable() or " " in url:
        raise TokenError(f"{name} is no URL")
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise TokenError(f"{name} is no URL") from None
    if not host or parts.username is not None or "#" in url:
        raise TokenError(f"{name} is a URL with a host and with neither password nor fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise TokenError(f"{name} is an https URL; http is allowed on loopback alone")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fetch(parts: SplitResult, what: str, timeout_seconds: float) -> Mapping[str, Any]:
    """One JSON object by GET. http.client follows no redirect and knows no proxy, which urllib takes from anywhere."""
    assert parts.hostname is not None
    connection = (
        HTTPSConnection(parts.hostname, parts.port, timeout=timeout_seconds, context=ssl.create_default_context())
        if parts.scheme == "https"
        else HTTPConnection(parts.hostname, parts.port, timeout=timeout_seconds)
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        body = _body(connection, path, what, timeout_seconds)
    except (OSError, HTTPException) as error:
        raise TokenError(f"the provider's {what} can't be fetched ({type(error).__name__})") from None
    finally:
        connection.close()
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise TokenError(f"the provider's {what} is not JSON") from None
    if not isinstance(document, dict):
        raise TokenError(f"the provider's {what} is no JSON object")
    return document


def _body(connection: HTTPConnection, path: str, what: str, timeout_seconds: float) -> bytes:
    connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "sanctum"})
    response = connection.getresponse()
    if response.status != 200:
        hint = "; redirects are not followed" if 300 <= response.status < 400 else ""
        raise TokenError(f"the provider answered {response.status} when asked for its {what}{hint}")
    body = bytearray()
    # A server that sends a byte now and then never runs into the time limit of a single wait.
    deadline = time.monotonic() + timeout_seconds
    while piece := response.read1(64 * 1024):
        body += piece
        if len(body) > MAXIMUM_BYTES:
            raise TokenError(f"the provider's {what} is longer than {MAXIMUM_BYTES} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(body)
