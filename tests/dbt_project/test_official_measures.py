"""The measures against the official test patients and their expected populations, in one load and one build."""

from pathlib import Path

import pytest

from pipelines.measures import DeckScore, load_decks, read_decks, score_decks, value_sets_beside
from pipelines.vocabulary import ensure_starter, load_value_sets
from resources.postgres import Role, database
from resources.settings import Settings

MEASURES = ("CMS69", "CMS122", "CMS124", "CMS130", "CMS138", "CMS139", "CMS349")


@pytest.fixture(scope="module")
def scores(module_settings: Settings, shared_data: Path) -> dict[str, DeckScore]:
    """Of all decks."""
    found = database(module_settings)
    ensure_starter(found)
    decks = read_decks([shared_data / "ecqm" / "decks" / measure for measure in MEASURES])
    load_value_sets(found, value_sets_beside(decks))
    accounts = load_decks(module_settings, found, decks)
    assert all(account.closes for account in accounts.values())
    scored = {one.measure_id: one for one in score_decks(module_settings, found, decks)}
    with found.connect(Role.TRANSFORM) as connection:
        people = connection.execute("SELECT count(*) FROM omop.person").fetchone()
    # Many share an identifier, and each is a person of their own.
    assert people == (sum(one.patients for one in scored.values()),)
    return scored


@pytest.mark.parametrize("measure", MEASURES)
def test_every_case_agrees(scores: dict[str, DeckScore], measure: str) -> None:
    score = scores[measure]
    assert [case.as_dict() for case in score.disagreements] == []
    assert score.agree == score.patients > 25
    # A deck in which nobody is in a population would agree with a measure that finds nobody.
    for name in ("initial_population", "numerator"):
        of_groups = [counts for key, counts in score.populations.items() if key.endswith(name)]
        assert of_groups
        assert all(0 < counts["got_1"] == counts["expected_1"] for counts in of_groups)
