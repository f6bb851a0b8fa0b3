"""``sanctum features``: features of people as of days."""

from datetime import datetime
from typing import Annotated

import typer

from assets.cli.home import ready
from assets.cli.output import Json, failures, report
from resources.postgres import database


def features(
    as_of: Annotated[
        list[datetime] | None,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            help="Day to make them for; may be given more than once.",
        ),
    ] = None,
    no_days: Annotated[bool, typer.Option("--no-days", help="Keep the day of the build alone.")] = False,
    as_json: Json = False,
) -> None:
    """Make features.person_feature for days in the past, of what was known by then; say which days it has."""
    from pipelines.features import feature_days, make_features

    with failures(as_json=as_json):
        if as_of and no_days:
            raise typer.BadParameter("days are given or left out", param_hint="--no-days")
        settings = ready()
        if as_of or no_days:
            found = make_features(settings, database(settings), {day.date() for day in as_of or ()})
        else:
            found = feature_days(database(settings))
        rows = {day.isoformat(): people for day, people in found.rows.items()}
        report({"feature_set_version": found.feature_set_version, "people": rows}, as_json=as_json, title="Features")
