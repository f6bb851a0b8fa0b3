"""One person is erased from every store, the other stays as they are, and no load brings the one back."""

import pytest

from pipelines.erasure import erase
from resources.postgres import Database
from tests.pipelines import erasure_home as population
from tests.pipelines.erasure_home import GONE, Built


@pytest.fixture
def built(server: Database, tmp_path) -> Built:
    return population.copy_of_built(server, tmp_path)


def test_nothing_is_left_and_the_other_is_untouched(server: Database, built: Built) -> None:
    before = population.rows_of_all_tables(server, built.database)
    assert population.canaries_in_tables(before)
    assert population.canaries_in_files(built.settings.home)
    report = erase(built.settings, built.database, GONE, "data-subject-request", "test")
    print(report)
    assert (report.state, report.left) == ("verified", {})
    after = population.rows_of_all_tables(server, built.database)
    assert population.canaries_in_tables(after) == {}
    assert population.canaries_in_files(built.settings.home) == []
