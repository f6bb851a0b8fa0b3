"""No feature as of a day changes when facts are loaded that the source knew only after it."""

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from psycopg import sql

from pipelines.erasure import erase
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
from tests.dbt_project.later_facts import DAY, Resource, Story, deleted, stories
from tests.dbt_project.population import ICD10, RXNORM, coded, condition, of, patient, result, visit
from tests.pipelines.refresh.tables import content, differences

DAYS = (date(2021, 3, 31), date.fromisoformat(DAY))
BUILD_DAY = date(2021, 9, 30)
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
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


# --- one person's record, version by version --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def joan(home: Settings) -> dict[date, dict[str, Any]]:
    """Features of Joan as of each day, after all that was ever said of her is loaded."""
    active, resolved = (coded(_CLINICAL, status) for status in ("active", "resolved"))
    diabetes = condition("joan", "dm", coded(ICD10, "E11.9"), "problem-list-item", onsetDateTime="2021-01-05")
    asthma = condition("joan", "asthma", coded(ICD10, "J45.909"), "problem-list-item", onsetDateTime="2019-05-05")
    order = of(
        "joan", "MedicationRequest", "metformin", status="active", intent="order", authoredOn="2021-01-05",
        medicationCodeableConcept=coded(RXNORM, "6809"),
    )  # fmt: skip
    supply = of(
        "joan", "MedicationDispense", "lisinopril", status="completed", whenHandedOver="2021-03-20",
        daysSupply={"value": 30, "unit": "days", "code": "d"}, medicationCodeableConcept=coded(RXNORM, "29046"),
    )  # fmt: skip
    a1c = result("joan", "a1c", "4548-4", "2021-03-01", 9.5, "%")
    versions = [
        [
            said({**patient("joan", "1960-04-01", "joan"), "gender": "female"}, "2021-01-05"),
            said({**diabetes, "clinicalStatus": active}, "2021-01-05"),
            said({**asthma, "clinicalStatus": active}, "2021-01-05"),
            said(order, "2021-01-05"),
            said(supply, "2021-03-20"),
            said(result("joan", "weight-1", "29463-7", "2021-01-01", 80, "kg"), "2021-01-05"),
            said(result("joan", "weight-2", "29463-7", "2021-01-31", 82, "kg"), "2021-02-01"),
            said(result("joan", "weight-3", "29463-7", "2021-03-02", 185.188, "[lb_av]"), "2021-03-02"),
            said(a1c, "2021-03-02"),
            # From one hospital to another, and home; and back within thirty days, where she still is.
            said(visit("joan", "first", "2021-02-01", "2021-02-03", "IMP"), "2021-02-03"),
            said(visit("joan", "moved", "2021-02-04", "2021-02-06", "IMP"), "2021-02-06"),
            said(visit("joan", "back", "2021-03-08", None, "IMP"), "2021-03-08"),
            said(visit("joan", "fall", "2021-03-30", "2021-03-30", "EMER"), "2021-03-30"),
        ],
        [
            # By the end of June the laboratory has corrected itself, and what she took is over.
            said({**a1c, "status": "corrected", "valueQuantity": {**a1c["valueQuantity"], "value": 7.5}}, "2021-04-10"),
            said({**order, "status": "stopped"}, "2021-04-10"),
            said({**asthma, "clinicalStatus": resolved}, "2021-05-01"),
            said(visit("joan", "back", "2021-03-08", "2021-04-01", "IMP"), "2021-04-01"),
            # It was known late that she had been in an emergency department in March.
            said(visit("joan", "earlier-fall", "2021-03-15", "2021-03-15", "EMER"), "2021-06-01"),
        ],
        [
            # By the end of September she has died, in June; the diabetes was somebody else's.
            said({**patient("joan", "1961-04-01", "joan"), "deceasedDateTime": "2021-06-15"}, "2021-07-02"),
            said({**diabetes, "verificationStatus": coded(_VERIFICATION, "entered-in-error")}, "2021-07-02"),
        ],
    ]
    for part in versions:
        load(home, part)
    refresh_persons(home, database(home))
    with database(home).connect(Role.TRANSFORM) as connection:
        query = "SELECT as_of, to_jsonb(t) FROM features.person_feature AS t WHERE person_id = %s"
        return dict(connection.execute(query, (resource_key("ehr", "Patient", "joan"),)).fetchall())


def of_joan(joan: dict[date, dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(joan[day][name] for name in names) for day in (*DAYS, BUILD_DAY)]


def test_a_state_holds_until_a_later_version_is_known(joan: dict[date, dict[str, Any]]) -> None:
    assert of_joan(joan, "active_problems", "has_diabetes") == [(2, True), (1, True), (0, False)]
    # Three weights in 60 days: 80, 82 and 84 kg; the last in pounds.
    assert of_joan(joan, "hemoglobin_a1c_latest", "hemoglobin_a1c_days_since") == [(9.5, 30), (7.5, 121), (7.5, 213)]
    # The order, and the supply until it is used up.
    assert of_joan(joan, "current_medications") == [(2,), (0,), (0,)]


def test_birth_and_death_are_those_known_on_the_day(joan: dict[date, dict[str, Any]]) -> None:
    assert of_joan(joan, "age_years", "is_deceased") == [(60, False), (61, False), (60, True)]


def test_a_transfer_is_one_stay_and_what_follows_within_30_days_a_readmission(
    home: Settings, joan: dict[date, dict[str, Any]]
) -> None:
    names = ("inpatient_stays_365d", "inpatient_days_365d", "is_in_hospital", "days_since_discharge")
    # Six days and 24 until the end of March, when she was in hospital; 25 as the stay ended on the next day.
    assert of_joan(joan, *names) == [(2, 30, True, 53), (2, 31, False, 90), (2, 31, False, 182)]
    assert of_joan(joan, "readmissions_365d") == [(1,), (1,), (1,)]
    query = (
        "SELECT discharge_date, visits, days_to_next_admission, is_readmitted_within_30_days, is_followed_for_30_days "
        "FROM features.readmission WHERE person_id = %s AND as_of = %s ORDER BY admission_date"
    )
    with database(home).connect(Role.TRANSFORM) as connection:
        found = connection.execute(query, (resource_key("ehr", "Patient", "joan"), DAYS[0])).fetchall()
    assert found == [(date(2021, 2, 6), 2, 30, True, True), (None, 1, None, False, False)]


def test_visits_count_from_when_they_were_known(joan: dict[date, dict[str, Any]]) -> None:
    assert of_joan(joan, "emergency_visits_30d", "emergency_visits_365d") == [(1, 1), (0, 2), (0, 2)]
    assert of_joan(joan, "days_since_last_visit") == [(1,), (92,), (184,)]


def test_a_trend_needs_three_days_and_one_unit(home: Settings, joan: dict[date, dict[str, Any]]) -> None:
    slopes = [slope for (slope,) in of_joan(joan, "body_weight_slope_per_year")]
    assert slopes == pytest.approx([2 / 30 * 365.25] * 3, abs=0.01)
    assert of_joan(joan, "hemoglobin_a1c_slope_per_year") == [(None,), (None,), (None,)]
    query = (
        "SELECT latest_value, previous_value, change_since_previous, values_in_window, unit "
        "FROM features.measurement_trend WHERE person_id = %s AND as_of = %s AND measurement_name = 'Body weight'"
    )
    with database(home).connect(Role.TRANSFORM) as connection:
        (found,) = connection.execute(query, (resource_key("ehr", "Patient", "joan"), DAYS[0])).fetchall()
    assert [round(value) for value in found[:4]] == [84, 82, 2, 3]
    assert found[4] == "kg"


def test_nobody_is_there_before_anything_was_known_of_them(home: Settings) -> None:
    load(home, [said(patient("late", "1950-05-05", "late"), "2021-07-01")])
    load(home, [said(visit("late", "late-visit", "2021-01-05", "2021-01-05"), "2021-07-01")])
    refresh_persons(home, database(home))
    with database(home).connect(Role.TRANSFORM) as connection:
        query = "SELECT as_of FROM features.person_feature WHERE person_id = %s"
        assert connection.execute(query, (resource_key("ehr", "Patient", "late"),)).fetchall() == [(BUILD_DAY,)]


def test_days_are_replaced_and_what_waits_goes_on_to_wait(home: Settings) -> None:
    load(home, [said(visit("late", "another", "2021-01-06", "2021-01-06"), "2021-07-01")])
    before = rows(home, DAYS)
    other = date(2021, 2, 28)
    found = make_features(home, database(home), [other, *DAYS])
    assert set(found.rows) == {other, *DAYS, BUILD_DAY}
    assert rows(home, DAYS) == before
    assert refresh_persons(home, database(home)).rows["omop.visit_occurrence"] == 1
    assert set(make_features(home, database(home), []).rows) == {BUILD_DAY}


def test_a_label_goes_on_to_hold_for_the_version_that_had_it(home: Settings) -> None:
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    problem = condition("kim", "hidden", coded(ICD10, "E11.9"), "problem-list-item", onsetDateTime="2021-01-05")
    first = said(problem, "2021-01-05")
    load(home, [said(patient("kim", "1960-04-01", "kim"), "2021-01-05")])
    load(home, [{**first, "meta": {**first["meta"], "security": [restricted]}}])
    # Gone from the server, and so are its labels.
    load(home, [deleted(problem, "2021-05-01T00:00:00Z")])
    refresh_persons(home, database(home))
    make_features(home, database(home), DAYS)
    with database(home).connect(Role.TRANSFORM) as connection:
        query = "SELECT active_problems, sensitivity FROM features.person_feature WHERE person_id = %s ORDER BY as_of"
        found = connection.execute(query, (resource_key("ehr", "Patient", "kim"),)).fetchall()
    assert found == [(1, ["R"]), (0, []), (0, [])]


def test_an_erasure_takes_what_was_superseded_too(home: Settings) -> None:
    person = resource_key("ehr", "Patient", "kim")
    superseded = "SELECT count(*) FROM bronze.superseded_row WHERE person_key = %s"
    with database(home).connect(Role.INGEST) as connection:
        assert connection.execute(superseded, (person,)).fetchone() == (1,)
    assert erase(home, database(home), person, "data-subject-request", "test").state == "verified"
    with database(home).connect(Role.INGEST) as connection:
        assert connection.execute(superseded, (person,)).fetchone() == (0,)
    with database(home).connect(Role.TRANSFORM) as connection:
        left = connection.execute("SELECT count(*) FROM features.person_feature WHERE person_id = %s", (person,))
        assert left.fetchone() == (0,)
