"""Verify the hospital's tokens: OpenID Connect ID tokens and JWT access tokens (RFC 7519, RFC 8725, RFC 9068)."""

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import jwt
from jwt.exceptions import InvalidSubjectError

from resources.identity.identity import TokenError
from resources.identity.keys import ALGORITHMS, ProviderKeys, SigningKey
from resources.identity.provider import checked_issuer, fetch_key_set
from resources.settings import Settings

# Characters. A web server passes headers of 8 KiB on; some providers put hundreds of groups into a token.
MAXIMUM_LENGTH = 16 * 1024
# How far the provider's clock may be ahead of ours (``iat``, ``nbf``). ``exp`` gets no such grace.
CLOCK_SKEW_SECONDS = 30
# OpenID Connect Core 1.0, section 2: ``sub`` has 255 characters at most.
MAXIMUM_SUBJECT_LENGTH = 255

# RFC 8725, section 3.11: a provider signs other things than ID and access tokens with the same key. They have a ``typ``
# of their own, such as logout+jwt, or the claim ``events`` (RFC 8417).
_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})

_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.InvalidKeyError, "the provider's key is too short to be trusted"),
    (jwt.InvalidAudienceError, "the token is for another audience (aud) than SANCTUM_OIDC_AUDIENCE"),
    (jwt.InvalidIssuerError, "the token is of another issuer (iss) than SANCTUM_OIDC_ISSUER (compared exactly)"),
    (jwt.InvalidIssuedAtError, "the token's iat is no time"),
    (jwt.ImmatureSignatureError, "the token is not yet valid (nbf or iat)"),
    (InvalidSubjectError, "the token's subject (sub) is no text"),
    (jwt.PyJWTError, "the token is malformed"),
)


class TokenVerifier:
    """Checks tokens of one provider for one audience; keeps the provider's keys, so use one for all tokens."""

    def __init__(
        self, issuer: str, audience: str, jwks_url: str | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask nobody yet.

        Args:
            issuer: what ``iss`` must be, character by character.
            audience: what ``aud`` must contain.
            jwks_url: where the keys are; None: as the discovery document says.
            clock: seconds, for the age of the keys.

        Raises:
            TokenError: the issuer is no https URL (http is for loopback alone), or the audience is empty.
        """
        if not audience:
            raise TokenError("SANCTUM_OIDC_AUDIENCE is empty")
        self._issuer = checked_issuer(issuer)
        self._audience = audience
        self._keys = ProviderKeys(lambda: fetch_key_set(issuer, jwks_url), clock)

    def verify(self, token: str) -> dict[str, Any]:
        """The claims of a token, all checks passed: ``iss``, ``sub``, ``aud`` and ``exp`` are there and valid.

        Headers that bring a key or say where one is (``jwk``, ``jku``, ``x5c``, ``x5u``) are not looked at.

        Raises:
            TokenError: a check failed, or the provider's keys can't be fetched.
        """
        key_id, algorithm = _header(token)
        key = self._keys.find(key_id, algorithm)
        claims = self._decode(token, key, algorithm)
        if claims is None:
            other = self._keys.find_other(key, key_id, algorithm)
            claims = None if other is None else self._decode(token, other, algorithm)
        if claims is None:
            raise TokenError("the token's signature is not by the provider's key")
        _check_subject(claims)
        if "events" in claims:
            raise TokenError("the token reports an event (events): it is no sign-in")
        if expiry(claims) <= datetime.now(UTC):
            raise TokenError("the token has expired (exp)")
        return claims

    def _decode(self, token: str, key: SigningKey, algorithm: str) -> dict[str, Any] | None:
        """The claims, all checked but ``exp``, whose lateness gets no leeway; None if another key signed the token.

        Raises:
            TokenError: a check but that of the signature failed.
        """
        try:
            return jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={
                    "require": ["iss", "sub", "aud", "exp"],
                    "verify_exp": False,
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.InvalidSignatureError:
            return None
        except jwt.MissingRequiredClaimError as error:
            raise TokenError(f"the token has no {error.claim}") from None
        except jwt.PyJWTError as error:
            raise TokenError(next(text for kind, text in _REASONS if isinstance(error, kind))) from None


def verifier(settings: Settings) -> TokenVerifier:
    """A verifier for the provider that the settings name.

    Raises:
        TokenError: they name none, or no audience.
    """
    if settings.oidc_issuer is None:
        raise TokenError("a token was given, but SANCTUM_OIDC_ISSUER names no provider to check it with")
    if settings.oidc_audience is None:
        raise TokenError("SANCTUM_OIDC_AUDIENCE is not set: without it tokens for other services would be taken")
    return TokenVerifier(settings.oidc_issuer, settings.oidc_audience, settings.oidc_jwks_url)


def expiry(claims: Mapping[str, Any]) -> datetime:
    """When a token expires, from ``exp`` (RFC 7519, section 4.1.4): seconds since 1970, maybe with a fraction.

    Raises:
        TokenError: ``exp`` is missing or no time before the year 10000.
    """
    seconds = claims.get("exp")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise TokenError("the token's exp is no time")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenError("the token's exp is no time") from None


def _header(token: str) -> tuple[str | None, str]:
    """``kid`` and ``alg`` of a token, if its header asks for nothing that we don't do."""
    if len(token) > MAXIMUM_LENGTH:
        raise TokenError(f"the token is longer than {MAXIMUM_LENGTH} characters")
    if not token.isascii() or token.count(".") != 2:
        raise TokenError("this is no signed JSON Web Token")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.DecodeError:
        raise TokenError("the token is malformed") from None
    except jwt.PyJWTError:
        raise TokenError("the token's header has a critical extension (crit), or a kid that is no text") from None
    if "crit" in header or "b64" in header:
        raise TokenError("the token's header has a critical extension (crit)")
    kind = header.get("typ", "jwt")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise TokenError("the token is of another type (typ) than JWT or at+jwt")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenError("the token's algorithm (alg) is not allowed")
    return header.get("kid"), algorithm


def _check_subject(claims: Mapping[str, Any]) -> None:
    subject = claims["sub"]
    if not subject or len(subject) > MAXIMUM_SUBJECT_LENGTH or not subject.isprintable():
        raise TokenError(f"the token's subject (sub) is empty, unprintable or over {MAXIMUM_SUBJECT_LENGTH} characters")
