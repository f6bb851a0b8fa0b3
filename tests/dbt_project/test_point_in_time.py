"""No feature as of a day changes when facts are loaded that the source knew only after it."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg import sql

from pipelines.features import NotBuiltError, feature_days, make_features
from pipelines.fhir import ingest_fhir
from pipelines.hl7 import ingest_hl7
from pipelines.keys import resource_key
from pipelines.refresh import refresh_persons
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import assert_built, make_settings
from tests.dbt_project.later_facts import DAY, Resource, Story, stories
from tests.dbt_project.population import ICD10, RXNORM, coded, condition, of, patient, result, visit
from tests.pipelines.refresh.tables import content, differences

DAYS = (date(2021, 3, 31), date.fromisoformat(DAY))
BUILD_DAY = date(2021, 9, 30)
TABLES = ("current_medication", "measurement_trend", "person_feature", "readmission", "utilisation")


@pytest.fixture(scope="module")
def home(server: Database, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with one person, built for the days."""
    settings = make_settings(server, tmp_path_factory.mktemp("home"), as_of=BUILD_DAY)
    warehouse = database(settings)
    ensure_starter(warehouse)
    with pytest.raises(NotBuiltError):
        feature_days(warehouse)
    load(settings, [said(patient("jane", "1950-05-05", "jane"), "2021-01-01")])
    dbt.build(settings, warehouse, tests=False)
    assert feature_days(warehouse).rows == {BUILD_DAY: 1}
    assert make_features(settings, warehouse, DAYS).rows == dict.fromkeys((*DAYS, BUILD_DAY), 1)
    return settings


def said(resource: Resource, day: str) -> Resource:
    return {**resource, "meta": {"lastUpdated": f"{day}T12:00:00Z"}}


def load(settings: Settings, resources: list[Resource]) -> None:
    path = settings.home / f"{len(list(settings.home.glob('*.ndjson')))}.ndjson"
    path.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    assert ingest_fhir(settings, database(settings), [path]).closes


def feed(settings: Settings, messages: str) -> None:
    path = settings.home / f"{len(list(settings.home.glob('*.hl7')))}.hl7"
    path.write_text(messages)
    account = ingest_hl7(settings, database(settings), [path])
    assert (account.closes, account.quarantined.total()) == (True, 0)


def rows(settings: Settings, days: Iterable[date]) -> dict[str, Counter[str]]:
    """All features as of these days."""
    found = {}
    with database(settings).connect(Role.TRANSFORM) as connection:
        for table in TABLES:
            query = sql.SQL("SELECT to_jsonb(t)::text FROM features.{} AS t WHERE as_of = ANY(%s)")
            known = connection.execute(query.format(sql.Identifier(table)), (list(days),)).fetchall()
            found[table] = Counter(row for (row,) in known)
    return found


def test_what_is_known_later_changes_no_feature_as_of_a_day(home: Settings) -> None:
    changed: list[bool] = []
    numbers = itertools.count()

    @hypothesis_settings(
        max_examples=8,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.data())
    def check(data: st.DataObject) -> None:
        person = f"p{next(numbers)}"
        story: Story = data.draw(stories(person))
        for part in story.before:
            load(home, part)
        feed(home, story.feed_before)
        refresh_persons(home, database(home))
        before, at_the_end = rows(home, DAYS), rows(home, [BUILD_DAY])
        assert any(str(resource_key("ehr", "Patient", person)) in row for row in before["person_feature"])
        for part in story.after:
            load(home, part)
        feed(home, story.feed_after)
        refresh_persons(home, database(home))
        assert rows(home, DAYS) == before
        changed.append(rows(home, [BUILD_DAY]) != at_the_end)

    check()
    # It does change features as of a day on which it was known.
    assert sum(changed) > len(changed) / 2
    refreshed = content(database(home))
    assert_built(dbt.build(home, database(home)))
    assert differences(refreshed, content(database(home))) == {}
