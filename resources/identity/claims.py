"""Read the claims of a token as a policy names them."""

from collections.abc import Mapping, Sequence
from typing import Any

from resources.identity.identity import RefusedError
from resources.identity.policy_file import FromClaim, Value


def values(claims: Mapping[str, Any], name: str) -> list[Any]:
    """A claim's values: the items of a list, or the one value, or nothing where there is no such claim.

    A claim of exactly that name comes first, since names may be URLs with dots; else dots lead into nested claims, as
    in ``realm_access.roles``. ``scope`` is a list written with spaces (RFC 8693, section 4.2).
    """
    found: Any = claims
    if name in claims:
        found = claims[name]
    else:
        for part in name.split("."):
            if not isinstance(found, Mapping) or part not in found:
                return []
            found = found[part]
    if name == "scope" and isinstance(found, str):
        return found.split(" ")
    return found if isinstance(found, list) else [found]


def satisfies(claims: Mapping[str, Any], name: str, wanted: Sequence[Value]) -> bool:
    """Whether one of the claim's values is one of those wanted: of the same type, and equal."""
    return any(type(value) is type(want) and value == want for value in values(claims, name) for want in wanted)


def taken(claims: Mapping[str, Any], names: Sequence[str | FromClaim], place: str) -> tuple[str, ...]:
    """Sites or teams: those written in the policy and those taken from claims, each once, in their order.

    Args:
        claims: verified claims.
        names: literal names, or the claims that have them.
        place: says in an error which part of the policy asked.

    Raises:
        RefusedError: a claim that should have names has something else.
    """
    result: dict[str, None] = {}
    for name in names:
        if isinstance(name, str):
            result[name] = None
            continue
        for value in values(claims, name.claim):
            text = value.removeprefix(name.base) if isinstance(value, str) else ""
            if not text or not text.isprintable():
                raise RefusedError(f"{place}: the token's claim {name.claim} is no printable text nor a list of them")
            result[text] = None
    return tuple(result)
