"""What the models of the last dbt build took."""

import json
from datetime import datetime

from resources.settings import Settings


def model_seconds(settings: Settings) -> tuple[tuple[str, float], ...]:
    """Each model with the seconds it took, longest first: its statement, indexes, statistics and all else."""
    took = [(name, (ended - began).total_seconds()) for name, began, ended in _executions(settings)]
    return tuple(sorted(took, key=lambda one: -one[1]))


def seconds_of_models(settings: Settings) -> float:
    """From the start of the first model to the end of the last: the build without dbt's own start."""
    executions = _executions(settings)
    return (
        max(end for _name, _start, end in executions) - min(start for _name, start, _end in executions)
    ).total_seconds()


def _executions(settings: Settings) -> list[tuple[str, datetime, datetime]]:
    results = json.loads((settings.dbt_directory / "target" / "run_results.json").read_text())["results"]
    return [
        (
            str(node["unique_id"]).rsplit(".", 1)[-1],
            datetime.fromisoformat(timing["started_at"]),
            datetime.fromisoformat(timing["completed_at"]),
        )
        for node in results
        for timing in node["timing"]
        if timing["name"] == "execute" and node["unique_id"].startswith("model.")
    ]
