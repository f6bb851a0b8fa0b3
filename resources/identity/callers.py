"""The one entry: from the settings and what a caller brought to an identity."""

from functools import lru_cache

from resources.identity import tokens
from resources.identity.identity import Identity, TokenError
from resources.identity.policy import load_policy
from resources.settings import Settings


def identify_caller(settings: Settings, token: str | None) -> Identity:
    """Who calls: by a token, or without one as this machine's user where no provider is configured.

    The policy file is read anew each time; the provider's keys are kept for as long as resources/identity/keys.py says.

    Raises:
        TokenError: the token or the provider's answer failed a check, or the settings for tokens are incomplete.
        PolicyError: the policy file can't be used.
        RefusedError: the policy gives this caller nothing.
    """
    policy = load_policy(settings)
    if token is not None:
        return policy.identify(_verifier(settings).verify(token))
    if settings.oidc_issuer is None and (settings.oidc_audience is not None or settings.oidc_jwks_url is not None):
        # Whoever set one of these wants tokens: to take a local user instead would let everyone in.
        raise TokenError("SANCTUM_OIDC_ISSUER is not set, but another setting of the provider is")
    return policy.local_user()


@lru_cache(maxsize=8)
def _verifier(settings: Settings) -> tokens.TokenVerifier:
    """One for each provider, so that its keys are asked for once."""
    return tokens.verifier(settings)
