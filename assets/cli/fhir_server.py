"""What the FHIR servers that the settings name can do, and the keys by which they know us."""

import json
import sys
from typing import Annotated

import typer

from assets.cli.output import Json, failures, report
from resources.settings import load_settings

fhir_server = typer.Typer(no_args_is_help=True, help="The FHIR servers of SANCTUM_FHIR_SERVERS_FILE.")

ServerName = Annotated[str, typer.Argument(help="Name of a server in the file of servers.")]


@fhir_server.command()
def capabilities(name: ServerName, as_json: Json = False) -> None:
    """Ask a server what it can do, and say how each type would be asked for what changed."""
    from pipelines.fhir_server import describe_server, find_server

    with failures(as_json=as_json):
        report(describe_server(find_server(load_settings(), name)), as_json=as_json, title="Capabilities")


@fhir_server.command()
def jwks(name: ServerName) -> None:
    """Print the public key as a JWK Set, to register with the server or to publish."""
    from pipelines.fhir_server import find_server, public_key_set
    from pipelines.fhir_server.errors import FhirServerError

    with failures(as_json=False):
        authorization = find_server(load_settings(), name).authorization
        if authorization is None:
            raise FhirServerError(f"FHIR server {name} has no authorization, and so no key.")
        sys.stdout.write(json.dumps(public_key_set(authorization), indent=2) + "\n")
