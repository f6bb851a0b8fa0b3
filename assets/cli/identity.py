"""Who runs a command and why: the options for a token and a purpose, and ``sanctum whoami``."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assets.cli.output import Json, failures, report
from resources.identity import Identity, TokenError, identify_caller
from resources.identity.policy import as_auditor
from resources.identity.tokens import MAXIMUM_LENGTH
from resources.settings import Settings, load_settings

# A file or stdin, never an argument: every user of a machine can read the arguments of its processes.
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file", metavar="FILE", help="File with a token of the identity provider; - reads it from stdin."
    ),
]

Purpose = Annotated[
    str | None, typer.Option(help="Purpose of use the access policy allows, such as TREAT; default: its first.")
]


def caller(settings: Settings, token_file: Path | None) -> Identity:
    """The identity of whoever runs this command, by a token if a file with one is given.

    Raises:
        OSError: the file can't be read.
        resources.identity.IdentityError: there is no identity; the text says why.
    """
    return identify_caller(settings, None if token_file is None else _read_token(token_file))


def officer(settings: Settings, token_file: Path | None) -> Identity:
    """The auditor who runs a command of the compliance office: by token, or this machine's user where none is needed.

    Raises:
        resources.identity.RefusedError: the policy makes this caller no auditor.
        as ``caller``.
    """
    return as_auditor(caller(settings, token_file))


def _read_token(path: Path) -> str:
    # Room for the line's end; a token that is too long stays so, and is refused.
    limit = MAXIMUM_LENGTH + 2
    if str(path) == "-":
        content = sys.stdin.buffer.read(limit)
    else:
        with path.open("rb") as stream:
            content = stream.read(limit)
    try:
        token = content.decode("ascii").strip()
    except UnicodeDecodeError:
        raise TokenError("the token file has something else than a token") from None
    if not token:
        raise TokenError("the token file is empty")
    return token


def whoami(token_file: TokenFile = None, as_json: Json = False) -> None:
    """Say as whom a command would run: role, sites, teams, sensitivities, purposes and until when."""
    with failures(as_json=as_json):
        identity = caller(load_settings(), token_file)
        value = {**asdict(identity), "role": identity.role.value, "expires_at": identity.expires_at.isoformat()}
        if not as_json:
            value = {
                name: ", ".join(part) or "none" if isinstance(part, tuple) else part for name, part in value.items()
            }
        report(value, as_json=as_json, title="Who am I")
