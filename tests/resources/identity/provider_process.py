"""An OpenID provider for tests."""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.server_process import server_process


@dataclass(frozen=True)
class User:
    """Somebody who may sign in, and the claims of their tokens."""

    sub: str
    claims: Mapping[str, Any]


@contextlib.contextmanager
def provider_process(users: Sequence[User], port: int = 0, lifetime_seconds: int = 3600) -> Iterator[int]:
    """Its port on loopback, a free one unless told; each start makes a new key."""
    options = [f"--user-claims={json.dumps({'sub': user.sub, **user.claims})}" for user in users]
    options += [f"--port={port}", f"--token-max-age={lifetime_seconds}"]
    with server_process("oidc_provider_mock", *options) as (taken, _):
        yield taken
