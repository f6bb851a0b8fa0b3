"""The measures against the official test patients and their expected populations, in one load and one build."""

from pathlib import Path

import pytest

from pipelines.measures import DeckScore, load_decks, read_decks, score_decks, value_sets_beside
from pipelines.vocabulary import ensure_starter, load_value_sets
from resources.dbt import PROJECT_DIRECTORY
from resources.postgres import Role, database
from resources.settings import Settings

MEASURES = ("CMS69", "CMS122", "CMS124", "CMS130", "CMS138", "CMS139", "CMS349")
HCPCS = "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets"
SNOMED = "http://snomed.info/sct"
# The codes the measures' logic names directly; a site loads them beside its value sets.
DIRECT_CODES = [
    *(("direct:medical-nutrition-therapy", "http://www.ama-assn.org/go/cpt", f"9780{last}") for last in (2, 3, 4)),
    *(("direct:medical-nutrition-therapy", HCPCS, code) for code in ("G0270", "G0271")),
    ("direct:answer-yes", SNOMED, "373066001"),
    ("direct:lives-in-nursing-home", SNOMED, "160734000"),
    ("direct:discharge-to-hospice", SNOMED, "428371000124100"),
    ("direct:discharge-to-hospice", SNOMED, "428361000124107"),
]


@pytest.fixture(scope="module")
def scores(module_settings: Settings, shared_data: Path) -> dict[str, DeckScore]:
    """Of all decks."""
    found = database(module_settings)
    ensure_starter(found)
    decks = read_decks([shared_data / "ecqm" / "decks" / measure for measure in MEASURES])
    load_value_sets(found, value_sets_beside(decks))
    with found.connect(Role.INGEST) as connection:
        connection.cursor().executemany(
            "INSERT INTO vocab.value_set_member (oid, value_set_name, system, code) VALUES (%s, %s, %s, %s)",
            [(oid, oid, system, code) for oid, system, code in DIRECT_CODES],
        )
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
    if not (PROJECT_DIRECTORY / "models" / "measures" / f"{measure.lower()}.sql").is_file():
        pytest.skip(f"{measure} has no model")
    score = scores[measure]
    assert [case.as_dict() for case in score.disagreements] == []
    assert score.agree == score.patients > 25
    # A deck in which nobody is in a population would agree with a measure that finds nobody.
    for name in ("initial_population", "numerator"):
        of_groups = [counts for key, counts in score.populations.items() if key.endswith(name)]
        assert of_groups
        assert all(0 < counts["got_1"] == counts["expected_1"] for counts in of_groups)
