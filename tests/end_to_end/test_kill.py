"""Kill -9 in the middle of every step: the next run ends with the same rows as a run nobody disturbed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.demo import DemoInput
from resources.postgres import Role
from tests.end_to_end.home import Home

CHAIN = ("fhir", "hl7", "build", "embed", "adjudicate")


def commands(population: DemoInput) -> dict[str, tuple[str, ...]]:
    return {
        "fhir": ("ingest", "fhir", str(population.fhir_directory)),
        "hl7": ("ingest", "hl7", str(population.hl7_directory)),
        "build": ("build",),
        "embed": ("embed",),
        "adjudicate": ("adjudicate",),
    }


def middle_of(step: str, home: Home, population: DemoInput) -> Callable[[], bool]:
    """Whether a step has done some of its work and not all of it."""

    def exists(table: str) -> bool:
        return home.count(Role.TRANSFORM, f"SELECT count(to_regclass('{table}'))") == 1

    def staged() -> bool:
        found = home.count(Role.INGEST, "SELECT count(to_regclass('bronze_staging.measurement'))")
        return found == 1 and home.count(Role.INGEST, "SELECT count(*) FROM bronze_staging.measurement") > 0

    def landed_not_folded() -> bool:
        return home.count(Role.INGEST, "SELECT count(*) FROM landing.hl7_message WHERE folded_at IS NULL") > 0

    return {
        "fhir": staged,
        "hl7": landed_not_folded,
        "build": lambda: exists("omop.visit_occurrence") and not exists("features.care_gap"),
        "embed": lambda: home.count(Role.EMBED, "SELECT retrieval.chunk_count()") > 0,
        "adjudicate": lambda: (
            home.count(Role.INFER, "SELECT coalesce(sum(adjudications), 0) FROM inference.adjudication_counts()") > 0
        ),
    }[step]


@pytest.mark.model
@pytest.mark.slow
def test_killed_in_every_step_ends_like_undisturbed(
    new_home: Callable[[str], Home], population: DemoInput, tmp_path: Path
) -> None:
    undisturbed, disturbed = new_home("undisturbed"), new_home("disturbed")
    steps = commands(population)
    for step in CHAIN:
        undisturbed.run(*steps[step])
    for step in CHAIN:
        assert disturbed.kill_when(middle_of(step, disturbed, population), *steps[step]), f"{step} was not interrupted"
        disturbed.run(*steps[step])
    expected, got = undisturbed.digest(), disturbed.digest()
    assert {table for table in expected if expected[table] != got.get(table)} == set()
    assert expected.keys() == got.keys()
