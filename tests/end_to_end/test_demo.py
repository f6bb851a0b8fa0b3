"""``sanctum demo`` in a home of its own, on the embedded server: the whole chain, then again with nothing new."""

from collections.abc import Iterator
from typing import Any

import pytest

from resources.postgres import Role, database, stop_embedded
from resources.settings import load_settings
from tests.end_to_end.home import Home, home_environment

PATIENTS = "12"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    path = tmp_path_factory.mktemp("demo") / "home"
    settings = load_settings(home=path)
    started = Home(home_environment(path), None)  # type: ignore[arg-type]
    started.run("up")
    started.database = database(settings)
    yield started
    stop_embedded(settings)


@pytest.fixture(scope="module")
def first(home: Home) -> dict[str, Any]:
    return home.run("demo", "--patients", PATIENTS)


@pytest.mark.model
def test_demo_ends_with_decisions_by_a_real_model(home: Home, first: dict[str, Any]) -> None:
    assert first["succeeded"] is True
    rows = home.run("status")["rows"]
    assert rows["omop.person"] == int(PATIENTS)
    for table in ("landing.hl7_message", "omop.measurement", "features.patient_timeline", "features.care_gap"):
        assert rows[table] > 0, table
    assert rows["retrieval.document_chunk"] > 0
    assert rows["inference.adjudication"] > 0
    evaluation = first["evaluation"]
    assert evaluation["decided"] > 0
    assert evaluation["sentence_shown"] >= evaluation["decided"] / 2
    audited = "SELECT count(*) FROM audit.event WHERE action = 'model-call'"
    assert home.count(Role.AUDITOR, audited) == rows["inference.adjudication"]


@pytest.mark.model
def test_second_demo_loads_embeds_and_asks_nothing_new(home: Home, first: dict[str, Any]) -> None:
    before = home.digest()
    again = home.run("demo", "--patients", PATIENTS)
    assert again["succeeded"] is True
    assert again["nothing_new"] is True
    assert first["nothing_new"] is False
    assert home.digest() == before
