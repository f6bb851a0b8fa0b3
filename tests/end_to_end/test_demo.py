"""``sanctum demo``: the whole chain, as run in the proof that nothing gets out, then again with nothing new."""

import pytest

from pipelines.demo.canaries import AS_OF, PLANTED_PEOPLE
from resources.postgres import Role, database
from resources.settings import load_settings
from tests.end_to_end.conftest import PATIENTS, Proved
from tests.end_to_end.home import Commands, Home, home_environment


@pytest.fixture(scope="module")
def home(proved: Proved) -> Home:
    """The home that the proof has run the demo in, with a server of the usual namespace."""
    path = proved.kept / "home"
    environment = home_environment(path, SANCTUM_AS_OF=str(AS_OF))
    Commands(environment).run("up")
    return Home(environment, database(load_settings(home=path)))


@pytest.mark.model
def test_demo_ends_with_decisions_by_a_real_model(home: Home, proved: Proved) -> None:
    first = proved.output(proved.number("sanctum demo"))
    assert first["succeeded"] is True
    assert first["nothing_new"] is False
    # A dozen people and a starter vocabulary are no complete hospital.
    assert first["failed_checks"] == []
    assert {"check": "omop/observation:quality_observation_completeness"} in first["warned_checks"]
    rows = home.run("status")["rows"]
    assert rows["omop.person"] == PATIENTS + PLANTED_PEOPLE
    for table in ("landing.hl7_message", "omop.measurement", "features.patient_timeline", "features.care_gap"):
        assert rows[table] > 0, table
    assert rows["retrieval.document_chunk"] > 0
    assert rows["inference.adjudication"] > 0
    audited = "SELECT count(*) FROM audit.event WHERE action = 'model-call'"
    assert home.count(Role.AUDITOR, audited) == rows["inference.adjudication"]


@pytest.mark.model
def test_second_demo_loads_embeds_and_asks_nothing_new_and_is_measured_by_what_was_planted(home: Home) -> None:
    before = home.digest()
    again = home.run("demo", "--patients", str(PATIENTS))
    assert again["succeeded"] is True
    assert again["nothing_new"] is True
    assert home.digest() == before
    evaluation = again["evaluation"]
    assert evaluation["decided"] > 0
    assert evaluation["sentence_shown"] >= evaluation["decided"] / 2
