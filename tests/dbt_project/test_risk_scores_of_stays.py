"""AHRQ's comorbidity indices of 10,000 random stays against those of another program, from the payer's answer on."""

import csv
import json
import random
from typing import Any

import pytest

from benchmarks import peers
from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Role, database
from resources.settings import Settings
from tests.dbt_project.hospital_stays import Stay, random_stays, resources
from tests.dbt_project.scored_people import AS_OF

pytestmark = pytest.mark.slow
_SEEDS = dbt.PROJECT_DIRECTORY / "seeds" / "measures"
_STAYS = 10_000
_SECONDS = 300
_BESIDE_METASTASIS = {"CANCER_LEUK", "CANCER_LYMPH"}
INDICES = ("mortality", "readmission")
COMORBIDITIES = {row["comorbidity"]: row for row in csv.DictReader((_SEEDS / "ahrq_comorbidity.csv").open())}
CODES = list(csv.DictReader((_SEEDS / "ahrq_comorbidity_code.csv").open()))
EXEMPT = {row["code"] for row in CODES if row["is_exempt"] == "true"}
OF_CATEGORY: dict[str, list[str]] = {}
for _row in CODES:
    OF_CATEGORY.setdefault(_row["category"], []).append(_row["code"])
STAYS = {stay.person: stay for stay in random_stays(random.Random(1), OF_CATEGORY, range(_STAYS))}
Scores = dict[str, dict[str, tuple[Any, list[str], dict[str, int], list[str]]]]
"""By person and index: score, what it lacks, comorbidities, labels."""


@pytest.fixture(scope="module")
def ours(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """What our SQL makes of the stays as a source sends them."""
    found = database(module_settings)
    ensure_starter(found)
    path = tmp_path_factory.mktemp("input") / "stays.ndjson"
    with path.open("w") as file:
        file.writelines(json.dumps(one) + "\n" for one in resources(random.Random(2), STAYS.values()))
    account = ingest_fhir(module_settings, found, [path])
    assert (account.closes, dict(account.quarantined), dict(account.excluded)) == (True, {}, {})
    built = dbt.build(module_settings, found, as_of=AS_OF, select=["+risk_score"], tests=False)
    assert set(built.counts) == {"success"}
    people = {resource_key(module_settings.source_system, "Patient", person): person for person in STAYS}
    query = (
        "SELECT person_id, replace(risk_score_id, 'elixhauser_ahrq_', ''), score, lacks, "
        "components -> 'comorbidities', sensitivity "
        "FROM features.risk_score WHERE starts_with(risk_score_id, 'elixhauser_ahrq_') "
        "AND is_computable = (score IS NOT NULL) AND diagnoses_not_judged = 0"
    )
    scores: Scores = {}
    with found.connect(Role.TRANSFORM) as connection:
        for person, index, *rest in connection.execute(query):
            scores.setdefault(people[person], {})[index] = tuple(rest)
    return scores


@pytest.fixture(scope="module")
def theirs(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the peer makes of them. It has no list of exempt codes, and is told of each that it is one."""
    try:
        python = peers.install(module_settings, "elixhauser-ahrq")
    except peers.PeerUnavailableError as error:
        pytest.skip(f"elixhauser-ahrq can't be had here: {error}")
    question = {
        person: [[one.code, "1" if one.code in EXEMPT else one.on_admission] for one in stay.diagnoses]
        for person, stay in STAYS.items()
    }
    path = tmp_path_factory.mktemp("peer") / "question.json"
    path.write_text(json.dumps(question))
    return peers.drive(python, "elixhauser-ahrq", [str(path)], _SECONDS)


def categories_of(theirs: Any, stay: Stay, *indicators: str | None) -> set[str]:
    """The categories of a stay's secondary diagnoses with one of these indicators; with any, where none is given."""
    return {
        category
        for one in stay.diagnoses[1:]
        if not indicators or one.on_admission in indicators
        for category in theirs["codes"].get(one.code, ())
    }


def has_stroke_in_hospital_alone(theirs: Any, stay: Stay) -> bool:
    """Whether a stroke happened during the stay, and none was there before but by its sequelae."""
    return "CBVD_POA" in categories_of(theirs, stay, "N", "U") - categories_of(theirs, stay, "Y", "W")


def corrected(theirs: Any, person: str) -> set[str]:
    """The peer's categories as AHRQ's program has them.

    Beside a metastasis it leaves out solid tumours alone, also those in situ, and beside a stroke in hospital the
    sequelae of one, which the peer means to do.
    """
    found = set(theirs["stays"][person]["categories"])
    if "CANCER_METS" in found:
        found = found - {"CANCER_NSITU"} | categories_of(theirs, STAYS[person]) & _BESIDE_METASTASIS
    return found - {"CBVD"} if has_stroke_in_hospital_alone(theirs, STAYS[person]) else found


def test_the_codes_and_weights_are_those_of_the_peer(theirs: Any) -> None:
    found: dict[str, set[str]] = {}
    for row in CODES:
        found.setdefault(row["code"], set()).add(row["category"])
    assert found == {code: set(categories) for code, categories in theirs["codes"].items()}
    for index in INDICES:
        weights = {row["category"]: int(row[f"{index}_weight"]) for row in COMORBIDITIES.values()}
        assert weights == theirs["weights"][index]
    needs = {row["category"] for row in COMORBIDITIES.values() if row["needs_presence_on_admission"] == "true"}
    parts = {"CBVD_POA", "CBVD_SQLA"}
    assert needs == set(theirs["needs_indicator"]) - parts | {"CBVD"}
    assert {row["category"] for row in CODES if row["is_exempt"] == "true"} <= needs | parts


def test_a_stay_has_an_index_unless_an_indicator_is_lacking(ours: Scores, theirs: Any) -> None:
    assert ours.keys() == STAYS.keys()
    needs = set(theirs["needs_indicator"])
    lacking = {
        person
        for person, stay in STAYS.items()
        for one in stay.diagnoses[1:]
        if one.on_admission is None and one.code not in EXEMPT and needs & set(theirs["codes"].get(one.code, ()))
    }
    assert 200 < len(lacking) < 2_000
    for index in INDICES:
        assert {person for person, found in ours.items() if found[index][0] is None} == lacking
        assert {tuple(ours[person][index][1]) for person in lacking} == {("present-on-admission indicator",)}


@pytest.mark.parametrize("index", INDICES)
def test_comorbidities_and_indices_are_those_of_the_peer(ours: Scores, theirs: Any, index: str) -> None:
    weights = theirs["weights"][index]
    differ = 0
    totals = set()
    for person, found in ours.items():
        score, _, comorbidities, _ = found[index]
        expected = corrected(theirs, person)
        # Also of a stay that lacks an indicator: to both, what is not told to be there counts for nothing.
        assert {COMORBIDITIES[name]["category"] for name in comorbidities} == expected
        peer = theirs["stays"][person]
        added, left = expected - set(peer["categories"]), set(peer["categories"]) - expected
        differ += bool(added or left)
        if score is not None:
            assert score == peer[index] + sum(weights[one] for one in added) - sum(weights[one] for one in left)
            totals.add(int(score))
    assert 0 < differ < _STAYS / 4
    assert len(totals) > 50


def test_a_score_has_the_labels_of_the_claim(ours: Scores) -> None:
    for index in INDICES:
        labelled = {person: found[index][3] for person, found in ours.items() if found[index][3]}
        assert labelled == {person: ["R"] for person, stay in STAYS.items() if stay.is_secret}
        assert labelled


def test_the_random_stays_hold_every_case(theirs: Any) -> None:
    flagged = {category for found in theirs["stays"].values() for category in found["categories"]}
    assert flagged == {row["category"] for row in COMORBIDITIES.values()}
    assert any(
        has_stroke_in_hospital_alone(theirs, stay) and "CBVD" in theirs["stays"][person]["categories"]
        for person, stay in STAYS.items()
    )
    assert any(one.code in EXEMPT and one.on_admission == "N" for stay in STAYS.values() for one in stay.diagnoses[1:])
