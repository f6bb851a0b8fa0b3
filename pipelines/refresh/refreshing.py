"""A refresh from what changed to the tables."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from psycopg import sql

from pipelines.refresh.making import are_named_by_others, make_rows, take_over
from pipelines.refresh.persons import Sharing, TooManyPersonsError, find_persons
from pipelines.refresh.plan import Check, Plan
from pipelines.refresh.reading import copy_bronze
from pipelines.refresh.statements import statement
from resources import dbt
from resources.postgres import Database, Role, without_row_values
from resources.settings import Settings

_TRIES = 5


class WholeBuildNeededError(RuntimeError):
    """A refresh of some persons would not give what a build of everybody gives; the text says why."""


@dataclass(frozen=True)
class RefreshReport:
    """What a refresh did.

    Attributes:
        as_of: day features were computed for.
        persons: people who were built: who changed, and who is or was one with them.
        tables: ``schema.table`` of all that a refresh keeps up to date, each after those it is made of.
        rows: rows that are new, by ``schema.table``; empty if nothing had changed.
        warned: names of the tests that found something and stop nothing.
        seconds: how long each part took.
    """

    as_of: date
    persons: int = 0
    tables: tuple[str, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict)
    warned: frozenset[str] = frozenset()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass
class _Clock:
    """Seconds by part of a refresh."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began


def refresh_persons(settings: Settings, database: Database) -> RefreshReport:
    """Build the persons of whom bronze changed since they were built; no build runs meanwhile.

    Bronze is read at one moment. What is loaded later waits for the next refresh.

    Raises:
        WholeBuildNeededError: only a build of everybody gives what it would give; nothing was changed.
        resources.dbt.DbtBuildError: a test failed, or the project can't be compiled; nothing was changed.
        resources.postgres.DatabaseUnavailableError: the database refused, or does not answer.
    """
    as_of, clock = settings.effective_as_of(), _Clock()
    with dbt.no_build(settings), without_row_values(), database.connect(Role.TRANSFORM) as connection:
        changed = _refuse_if_whole(connection, as_of)
        connection.rollback()
        with clock.part("compile"):
            plan = Plan.of(dbt.compiled_for_refresh(settings, database, as_of))
        tables = tuple(model.table for model in plan.models)
        if not changed:
            return RefreshReport(as_of, tables=tables)
        try:
            with clock.part("read"):
                _begin(connection, changed)
                # What concerns everybody may have changed since.
                _refuse_if_whole(connection, as_of)
                sharing = _sharing()
                find_persons(connection, sharing, settings.refresh_most_persons)
                copy_bronze(connection, sharing, settings.refresh_most_persons)
        except TooManyPersonsError:
            raise WholeBuildNeededError(
                "so many persons are concerned that a build of everybody costs less (refresh_most_persons)"
            ) from None
        with clock.part("build"):
            make_rows(connection, plan)
            if are_named_by_others(connection):
                raise WholeBuildNeededError("labels changed of a record that somebody else's record names")
        with clock.part("test"):
            warned = _test(connection, plan)
        connection.commit()
        with clock.part("take over"):
            rows = take_over(connection, plan)
            (persons,) = connection.execute("SELECT count(*) FROM pg_temp.part_person_id").fetchone() or (0,)
            connection.commit()
    return RefreshReport(as_of, persons, tables, rows, warned, clock.seconds)


def _refuse_if_whole(connection: psycopg.Connection[Any], as_of: date) -> int:
    """How many changes wait.

    Raises:
        WholeBuildNeededError: a refresh can't take them in.
    """
    start, end = dbt.default_period(as_of)
    parameters = {"project_sha256": dbt.project_sha256(), "period_start": start, "period_end": end}
    (reason,) = connection.execute(statement("why_whole"), parameters).fetchone() or (None,)
    if reason is not None:
        raise WholeBuildNeededError(reason)
    (changed,) = connection.execute("SELECT count(*) FROM build.changed_person").fetchone() or (0,)
    return int(changed)


def _sharing() -> Sharing:
    declared = dbt.declared_variables()
    return Sharing(declared["person_identifier_types"], declared["most_sharing_an_identifier"])


def _begin(connection: psycopg.Connection[Any], changed: int) -> None:
    """Begin the transaction that reads at one moment, and put on record that it reads documents.

    The event comes first: a chain of the audit log that somebody else went on with since that moment refuses it.
    """
    for attempt in range(_TRIES):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            connection.execute(statement("record_read"), {"changes": changed})
        except psycopg.errors.SerializationFailure:
            connection.rollback()
            if attempt == _TRIES - 1:
                raise
        else:
            break
    # Plans for a handful of rows are not worth compiling, and these rows are found by their keys: to the planner's
    # default, made for disks that turn, reading a whole table looks cheaper than that.
    connection.execute("SET jit = off; SET random_page_cost = 1.1; SET temp_buffers = '128MB'")


def _test(connection: psycopg.Connection[Any], plan: Plan) -> frozenset[str]:
    """Names of the tests that found something and only warn.

    Raises:
        resources.dbt.DbtBuildError: another found something.
    """
    found = {check: _wrong_rows(connection, check) for check in plan.checks}
    failed = [check.name for check, rows in found.items() if rows and check.is_fatal]
    if failed:
        raise dbt.DbtBuildError(
            f"the refresh failed its tests and changed nothing: {', '.join(failed)}. Their SQL is in dbt_project; "
            "'sanctum build' runs them over everybody."
        )
    return frozenset(check.name for check, rows in found.items() if rows)


def _wrong_rows(connection: psycopg.Connection[Any], check: Check) -> int:
    query: Any = check.query
    counted = sql.SQL("SELECT count(*) FROM ({}\n) AS wrong").format(sql.SQL(query))
    (rows,) = connection.execute(counted).fetchone() or (0,)
    return int(rows)
