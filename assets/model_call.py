"""Calls the command that embeds or adjudicates: here, or by the interpreter that has the GPU's libraries."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from resources import dagster
from resources.postgres import Database
from resources.settings import Settings


class InferenceProcessError(RuntimeError):
    """The interpreter for inference ended with an error; the text never carries its output."""


def call(settings: Settings, database: Database, command: str, here: Callable[[], Any]) -> dict[str, Any]:
    """The report of ``sanctum COMMAND``: by ``settings.inference_python`` if one is named, else from ``here()``.

    Raises:
        InferenceProcessError: the other interpreter failed.
    """
    if settings.inference_python is None:
        return asdict(here())
    arguments = [str(settings.inference_python), "-m", "assets.cli", command, "--json"]
    environment = {**os.environ, **dagster.environment(settings, database)}
    done = subprocess.run(arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    try:
        report = dict(json.loads(done.stdout))
    except ValueError:
        report = {"kind": "no report"}
    if done.returncode != 0 or "error" in report:
        kind = report.get("kind", "unknown error")
        raise InferenceProcessError(
            f"'sanctum {command}' failed under SANCTUM_INFERENCE_PYTHON ({kind}, exit status {done.returncode}); "
            "run it by hand to see why."
        )
    return report
