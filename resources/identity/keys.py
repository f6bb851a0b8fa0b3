"""The provider's signing keys: which algorithms each may verify, and for how long they are believed.

PyJWT's own PyJWKClient is not used, because it takes a proxy from the environment and reads an answer of any length,
puts the token's ``kid`` and the URL into its errors, asks again at once after each failed request, holds its lock while
it waits for the provider (so that tokens with unknown keys delay all others), takes keys with private parts or for
other operations, and ties an RSA key that names no algorithm to RS256.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from resources.identity.identity import TokenError

# A key that the provider withdrew is believed for this long at most: older keys are never used, even if the provider
# does not answer.
MAXIMUM_AGE_SECONDS = 300.0
# The provider is asked at most once in this time, whatever tokens come and whether it answered or not.
MINIMUM_INTERVAL_SECONDS = 10.0

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
# RFC 7518, section 3.1, and RFC 8037: what a key of a type and curve may verify. No symmetric type is here.
_ALGORITHMS_OF: Mapping[tuple[str, str | None], frozenset[str]] = {
    ("RSA", None): _RSA,
    ("EC", "P-256"): frozenset({"ES256"}),
    ("EC", "P-384"): frozenset({"ES384"}),
    ("EC", "P-521"): frozenset({"ES512"}),
    ("OKP", "Ed25519"): frozenset({"EdDSA"}),
    ("OKP", "Ed448"): frozenset({"EdDSA"}),
}
ALGORITHMS = frozenset[str]().union(*_ALGORITHMS_OF.values())

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey | Ed448PublicKey


@dataclass(frozen=True)
class SigningKey:
    """A public key of the provider.

    Attributes:
        key_id: its ``kid``, if it has one.
        algorithms: what it may verify: what fits its type and curve, or the one its ``alg`` names.
        key: the key itself.
    """

    key_id: str | None
    algorithms: frozenset[str]
    key: PublicKey


def signing_keys(key_set: Mapping[str, Any]) -> tuple[SigningKey, ...]:
    """The keys of a JWK Set (RFC 7517) that may verify a signature; all others are left out.

    Left out are keys for encryption or other operations, symmetric keys, keys that come with their private part (the
    provider has given them away), and what can't be read.

    Raises:
        TokenError: there is no list ``keys``.
    """
    entries = key_set.get("keys")
    if not isinstance(entries, list):
        raise TokenError("the provider's key set has no list of keys")
    found = (_signing_key(entry) for entry in entries if isinstance(entry, dict))
    return tuple(key for key in found if key is not None)


def _signing_key(jwk: dict[str, Any]) -> SigningKey | None:
    kind, key_id, operations = jwk.get("kty"), jwk.get("kid"), jwk.get("key_ops", ["verify"])
    curve = None if kind == "RSA" else jwk.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None) or not isinstance(key_id, str | None):
        return None
    algorithms = _ALGORITHMS_OF.get((kind, curve), frozenset())
    if "alg" in jwk:
        algorithms = frozenset(name for name in algorithms if name == jwk["alg"])
    verifies = jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    if not algorithms or not verifies:
        return None
    try:
        key = jwt.PyJWK(jwk, min(algorithms)).key
    except jwt.PyJWTError:
        return None
    # With the private part in it, the JWK gives a private key.
    return SigningKey(key_id, algorithms, key) if isinstance(key, PublicKey) else None


class ProviderKeys:
    """The provider's keys, asked for when they are needed and not known, or too old. Safe to share between threads."""

    def __init__(self, fetch: Callable[[], Mapping[str, Any]], clock: Callable[[], float] = time.monotonic) -> None:
        """Keep the keys that ``fetch`` brings.

        Args:
            fetch: brings the JWK Set, or raises TokenError.
            clock: seconds from any start, never going back.
        """
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: tuple[tuple[SigningKey, ...], float] = ((), float("-inf"))
        self._asked_at = float("-inf")

    def find(self, key_id: str | None, algorithm: str) -> SigningKey:
        """The one key that a token's ``kid`` and ``alg`` name; without ``kid`` there must be only one that fits.

        Raises:
            TokenError: there is no such key, or there are several, or the provider can't be asked.
        """
        fitting = self._fitting(key_id, algorithm)
        if not fitting:
            with self._lock:
                # Another thread may have asked while this one waited.
                fitting = self._fitting(key_id, algorithm)
                if not fitting and self._ask():
                    fitting = self._fitting(key_id, algorithm)
        if len(fitting) > 1:
            raise TokenError("several keys of the provider fit the token: it must name one (kid)")
        if not fitting:
            raise TokenError("no key of the provider has the token's kid and may verify its algorithm (alg)")
        return fitting[0]

    def find_other(self, key: SigningKey, key_id: str | None, algorithm: str) -> SigningKey | None:
        """The key to try in place of ``key``, which ``find`` gave and which did not verify the token.

        The provider may have changed its key and name none in its tokens, or keep the name.

        Returns:
            None if the provider may not be asked again now.

        Raises:
            TokenError: as ``find``.
        """
        with self._lock:
            # Where the key is gone, another thread has asked already.
            if key in self._fresh() and not self._ask():
                return None
        return self.find(key_id, algorithm)

    def _fresh(self) -> tuple[SigningKey, ...]:
        keys, asked_at = self._keys
        return keys if self._clock() - asked_at < MAXIMUM_AGE_SECONDS else ()

    def _fitting(self, key_id: str | None, algorithm: str) -> list[SigningKey]:
        return [key for key in self._fresh() if key_id in (None, key.key_id) and algorithm in key.algorithms]

    def _ask(self) -> bool:
        """Ask the provider if it may be asked now; the lock is held. Keys that are not too old outlive a failure."""
        now = self._clock()
        if now - self._asked_at < MINIMUM_INTERVAL_SECONDS:
            if now - self._keys[1] >= MAXIMUM_AGE_SECONDS:
                raise TokenError("the provider's keys could not be fetched a moment ago; try again in some seconds")
            return False
        self._asked_at = now
        # The age counts from before the question, so that it is never taken for less than it is.
        self._keys = (signing_keys(self._fetch()), now)
        return True
