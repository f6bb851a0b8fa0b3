"""``sanctum mllp``: the listener for HL7 v2 messages."""

import json
import logging
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from assets.cli.output import Json, failures, say
from resources import warehouse
from resources.settings import load_settings

Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the listener; 0: any that is free.")]
MetricsPort = Annotated[int | None, typer.Option(min=0, max=65535, help="Port on loopback of the Prometheus figures.")]


def mllp(
    port: Port = None,
    host: Annotated[str | None, typer.Option(help="Address to bind; others than loopback need TLS.")] = None,
    metrics_port: MetricsPort = None,
    as_json: Json = False,
) -> None:
    """Receive HL7 v2 messages over MLLP until interrupted; each is acknowledged once it is durable.

    The settings that begin with SANCTUM_MLLP_ say the rest; options win over them.
    """
    from pipelines.hl7.mllp import Address, run

    def listening(address: Address) -> None:
        if as_json:
            sys.stdout.write(json.dumps({"listening": asdict(address)}) + "\n")
            sys.stdout.flush()
        else:
            say(f"Listening on {address.host} port {address.port}; figures on port {address.metrics_port}.")

    given = {"mllp_port": port, "mllp_host": host, "mllp_metrics_port": metrics_port}
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    # What libraries tell of their work is of no use here; what goes wrong in them is.
    logging.getLogger("pipelines").setLevel(logging.INFO)
    with failures(as_json=as_json):
        settings = load_settings(**{name: value for name, value in given.items() if value is not None})
        run(settings, warehouse.ready(settings), listening)
