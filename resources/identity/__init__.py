"""Who calls: tokens of the hospital's identity provider, Sanctum's own services, and this machine's users.

Belongs here: checking OpenID Connect tokens, the policy file that maps their claims to roles, care sites and care
teams, and opening the database as the identity that comes of it. Does not belong here: which rows an identity sees,
which the database decides.
"""

from resources.identity.callers import identify_caller
from resources.identity.identity import (
    Identity,
    IdentityError,
    PolicyError,
    RefusedError,
    TokenError,
)
from resources.identity.policy import Policy, load_policy

__all__ = [
    "Identity",
    "IdentityError",
    "Policy",
    "PolicyError",
    "RefusedError",
    "TokenError",
    "identify_caller",
    "load_policy",
]
