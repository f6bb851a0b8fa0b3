"""Which days features are made for, and making those of other days without building the rest."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from pipelines.features.statements import statement
from resources import dbt
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

_SELECT = ("tag:feature_day",)


class NotBuiltError(RuntimeError):
    """There is nothing yet that features could be made of."""


@dataclass(frozen=True)
class FeatureDays:
    """What ``features.person_feature`` has.

    Attributes:
        feature_set_version: of the definitions.
        rows: people by day.
    """

    feature_set_version: str
    rows: dict[date, int]


def feature_days(database: Database) -> FeatureDays:
    """The days that are there.

    Raises:
        NotBuiltError: there was no build.
        resources.postgres.DatabaseUnavailableError: the database refused, or does not answer.
    """
    with without_row_values(), database.connect(Role.TRANSFORM) as connection:
        (is_built,) = connection.execute(statement("is_built")).fetchone() or (False,)
        if not is_built:
            raise NotBuiltError("features are made of what a build made: run 'sanctum build' first.")
        rows = dict(connection.execute(statement("rows_by_day")).fetchall())
    return FeatureDays(str(dbt.declared_variables()["feature_set_version"]), rows)


def make_features(settings: Settings, database: Database, days: Collection[date]) -> FeatureDays:
    """Have features made as of these days, beside the day of the build; days asked for before are left out.

    Only what depends on the day is made, of what the last build or refresh made: what was loaded since waits for the
    next one, which makes these days too.

    Args:
        settings: where dbt writes.
        database: the warehouse.
        days: as of their end, in UTC; none: only the day of the build.

    Raises:
        NotBuiltError: there was no build.
        resources.dbt.DbtBuildError: a model or test failed.
        resources.postgres.DatabaseUnavailableError: the database refused, or does not answer.
    """
    feature_days(database)
    with without_row_values(), database.connect(Role.TRANSFORM) as connection:
        connection.execute(statement("replace_days"), {"days": sorted(days)})
    # What is selected reads no bronze: changes that wait for a build go on to wait.
    dbt.build(settings, database, select=_SELECT, project_variables={"only_feature_days": True})
    return feature_days(database)
