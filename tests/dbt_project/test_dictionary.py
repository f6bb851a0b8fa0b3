"""docs/data_dictionary.md has every column of every table of features, and each feature's definition is whole."""

from datetime import date

import pytest

from resources.dbt import declared_variables
from tests.dbt_project import dictionary

NO_FEATURES = {"person_id", "as_of", "feature_set_version", "sensitivity"}


def test_the_committed_page_is_that_of_the_definitions(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--write-dictionary"):
        dictionary.DOCUMENT.write_text(dictionary.document())
    stale = "run: pytest tests/dbt_project/test_dictionary.py --write-dictionary"
    assert dictionary.DOCUMENT.read_text() == dictionary.document(), stale


def test_every_table_is_defined_by_a_contract_with_its_grain() -> None:
    """With a contract dbt makes no column that is not defined, and leaves none out."""
    for name, model in dictionary.models().items():
        assert model["config"]["contract"] == {"enforced": True}, name
        assert "Grain: one row per " in model["description"], name
        assert all(column["description"] for column in model["columns"]), name


def test_every_feature_says_what_it_is_made_of_and_since_when() -> None:
    models = dictionary.models()
    columns = {column["name"]: dictionary.about(column) for column in models[dictionary.WIDE]["columns"]}
    features = {name: meta for name, meta in columns.items() if meta}
    assert columns.keys() - features.keys() == NO_FEATURES
    newest = int(declared_variables()["feature_set_version"])
    for name, meta in features.items():
        assert set(meta) - {"unit"} == {"window", "made_of", "version", "since"}, name
        assert set(meta["made_of"].split(", ")) <= models.keys() | {"value_set"}, name
        assert 1 <= meta["version"] <= newest, name
        assert date.fromisoformat(meta["since"]), name


def test_numbers_have_units_and_days_in_names_are_those_of_the_window() -> None:
    for column in dictionary.models()[dictionary.WIDE]["columns"]:
        meta = dictionary.about(column)
        if meta and column["data_type"] in ("numeric", "integer"):
            assert meta["unit"], column["name"]
        days = column["name"].rpartition("_")[2]
        if days.endswith("d") and days[:-1].isdigit():
            assert meta["window"] == f"{days[:-1]} days", column["name"]
