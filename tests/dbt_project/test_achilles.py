"""OHDSI's own analyses, on a copy of schema omop in DuckDB and in place, count what our SQL counts there."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from benchmarks import peers
from pipelines.fhir import ingest_fhir
from pipelines.vocabulary import load_vocabulary
from resources import dbt
from resources.postgres import Database, Role, database
from tests.conftest import make_settings
from tests.dbt_project import golden_cases
from tests.dbt_project.achilles import in_place, ours, peer, population
from tests.dbt_project.achilles.concepts import concept_counts
from tests.dbt_project.achilles.result import Result, differences, pair_differences, result
from tests.dbt_project.test_cdm_5_4 import TABLES

ANALYSES = ours.analyses()
PAIRS = "pairs of concepts"
NOTHING = {1509: "paid_ingredient_cost", 1510: "paid_dispensing_fee", 1511: "total_cost"}
"""Analyses without a row, since no source says these amounts."""


@dataclass(frozen=True)
class Answered:
    """The answers about one warehouse, and where it is."""

    database: Database
    theirs: peer.Answers
    in_place: dict[int, list[Result]]
    ours: dict[int, list[Result]]


@pytest.fixture(scope="module")
def answered(server: Database, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """The public export, the golden cases and some persons more, so that no table is empty, under the vocabulary."""
    folder = tmp_path_factory.mktemp("achilles")
    settings = make_settings(server, folder / "home", validation="structural")
    try:
        python = peers.install(settings, "duckcdm")
    except peers.PeerUnavailableError as error:
        pytest.skip(f"duckcdm can't be had here: {error}")
    found = database(settings)
    written = folder / "written.ndjson"
    resources = [*golden_cases.resources(), *population.resources()]
    written.write_text("".join(json.dumps(resource) + "\n" for resource in resources))
    public = sorted((shared_data / "fhir-r4" / "synthea-100").glob("*.ndjson.gz"))
    # The role comes before any table that it reads: that it may is by the page's default privileges.
    with in_place.role(server, dict(found.parameters)["dbname"]):
        load_vocabulary(found, shared_data / "vocabulary")
        account = ingest_fhir(settings, found, [*public, written])
        assert (account.closes, dict(account.quarantined)) == (True, {})
        built = dbt.build(settings, found, as_of=date(2026, 10, 31), select=("+path:models/omop",), tests=False)
        assert set(built.counts) == {"success"}
        login = make_conninfo(**dict(found.parameters), user=in_place.ROLE)
        with psycopg.connect(login, autocommit=True) as reader:
            assert reader.execute("SELECT count(*) > 0 FROM vocab.concept").fetchone() == (True,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute("DELETE FROM omop.person")
            results = in_place.answers(python, reader)
    with found.connect(Role.TRANSFORM) as connection:
        return Answered(found, peer.answers(python, connection, TABLES), results, ours.answers(connection))


@pytest.fixture
def connection(answered: Answered) -> Iterator[psycopg.Connection]:
    with answered.database.connect(Role.TRANSFORM) as opened:
        yield opened
        opened.rollback()


def told(number: int, left: list[Result], right: list[Result]) -> list[str]:
    compare = pair_differences if ANALYSES[number][1] == PAIRS else differences
    return compare(left, right)


def test_it_ran_all_its_analyses_and_all_are_ours(answered: Answered) -> None:
    assert answered.theirs.failed == []
    assert len(answered.theirs.available) >= 294
    assert set(answered.theirs.results) == set(answered.theirs.available) == set(ANALYSES)
    assert set(answered.ours) == set(answered.in_place) == set(ANALYSES)


def test_a_reviewer_without_a_ticket_would_count_nobody(answered: Answered) -> None:
    with answered.database.connect(Role.REVIEWER) as connection:
        assert connection.execute("SELECT count(*) FROM omop.person").fetchone() == (0,)


@pytest.mark.parametrize("number", ANALYSES)
def test_an_analysis_gives_the_same(answered: Answered, number: int) -> None:
    assert told(number, answered.ours[number], answered.theirs.results[number]) == []
    assert told(number, answered.ours[number], answered.in_place[number]) == []


def test_the_page_has_every_analysis() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "ohdsi.md").read_text()
    rows = re.findall(r"^\| `?(\w+)`? \| (\d+) \| ([\d, ]+) \|$", page, re.MULTILINE)
    found = {subject: [int(number) for number in numbers.split(", ")] for subject, _, numbers in rows}
    expected = {
        subject: [number for number, (of, _) in ANALYSES.items() if of == subject]
        for subject in dict.fromkeys(subject for subject, _ in ANALYSES.values())
    }
    assert found == expected
    assert [int(count) for _, count, _ in rows] == [len(numbers) for numbers in expected.values()]


def test_hardly_an_analysis_has_nothing_to_count(answered: Answered) -> None:
    assert {number for number, found in answered.theirs.results.items() if not found} == set(NOTHING)
    assert sum(len(found) for found in answered.theirs.results.values()) > 10_000


def test_concepts_have_as_many_records_and_descendants(answered: Answered, connection: psycopg.Connection) -> None:
    counted = concept_counts(connection, answered.ours)
    assert counted == answered.theirs.concepts
    assert Counter(descendants > records for records, descendants, *_ in counted.values())[True] > 10


def test_a_row_less_or_a_value_changed_is_noticed(answered: Answered, connection: psycopg.Connection) -> None:
    changes = (
        "DELETE FROM omop.measurement WHERE measurement_id = (SELECT min(measurement_id) "
        "FROM omop.measurement WHERE value_as_number IS NOT NULL)",
        "UPDATE omop.person SET year_of_birth = year_of_birth - 10 "
        "WHERE person_id = (SELECT min(person_id) FROM omop.condition_era)",
        "DELETE FROM omop.death WHERE person_id = (SELECT min(person_id) FROM omop.death)",
    )
    for change in changes:
        assert connection.execute(change.encode()).rowcount == 1
    noticed = {
        number
        for number, found in ours.answers(connection).items()
        if told(number, found, answered.theirs.results[number])
    }
    assert noticed >= {3, 10, 101, 103, 531, 1004, 1801, 1815, 1820, 1830}
    assert not noticed & {1, 2, 200, 201, 1821, 2200}


def test_counts_are_compared_as_often_as_they_come() -> None:
    one, other = result(["8507"], 3), result(["8507.0"], 3)
    assert differences([one, one], [other, other]) == []
    assert differences([one, one], [other]) != []
    assert differences([one], [result(["8507"], 4)]) != []
    assert differences([one], [result([None], 3)]) != []


def test_distributions_are_compared_to_single_precision() -> None:
    numbers = [0.0, 10.0, 2.5, 1.25, 2.0, 0.0, 1.0, 3.0, 9.0]
    left = result(["1"], 5, numbers)
    assert differences([left], [result(["1"], 5, [*numbers[:2], 2.5 + 1e-7, *numbers[3:]])]) == []
    assert differences([left], [result(["1"], 5, [*numbers[:2], 2.5001, *numbers[3:]])]) != []
    assert differences([left], [result(["1"], 5, [*numbers[:3], None, *numbers[4:]])]) != []
    assert differences([left], [result(["1"], 6, numbers)]) != []
    assert differences([left], []) != []
    assert differences([left], [result(["1"], 5)]) != []


def test_pairs_that_tie_have_any_order_and_no_others_have() -> None:
    def pair(other: str, rank: str | None, persons: int) -> Result:
        return result(("1", other, rank, str(persons), "9"), persons)

    every = [pair("2", None, 7), pair("3", None, 5), pair("4", None, 5), pair("5", None, 1)]
    assert pair_differences(every, [pair("2", "1", 7), pair("4", "2", 5), pair("3", "3", 5), pair("5", "4", 1)]) == []
    assert pair_differences(every, [pair("4", "1", 5), pair("2", "2", 7), pair("3", "3", 5), pair("5", "4", 1)]) != []
    assert pair_differences(every, [pair("2", "1", 7), pair("3", "2", 5), pair("3", "3", 5), pair("5", "4", 1)]) != []
    assert pair_differences(every, [pair("2", "1", 7), pair("4", "2", 5), pair("3", "3", 5)]) != []
    eleven = [pair(str(number), None, 30 - number) for number in range(2, 13)]
    ten = [pair(str(number), str(number - 1), 30 - number) for number in range(2, 12)]
    assert pair_differences(eleven, ten) == []
