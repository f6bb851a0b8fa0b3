"""The table of rules in docs/mapping.md and dbt's unit tests name each other."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt_project" / "models"
FILES = ("code_unit_tests.yml", "routing_unit_tests.yml", "value_unit_tests.yml")
_RULE = re.compile(r"^\| `(\w+)` \| ([^|]{10,}) \| `(\w+)` \|$", re.MULTILINE)


def unit_tests(*files: Path) -> list[tuple[str, str]]:
    """Model and name of every unit test of these files."""
    found = [test for path in files for test in yaml.safe_load(path.read_text()).get("unit_tests", [])]
    return [(test["model"], test["name"]) for test in found]


def test_every_rule_has_its_unit_test_and_every_unit_test_its_rule() -> None:
    page = (ROOT / "docs" / "mapping.md").read_text().split("## How a record finds its table\n")[1].split("\n## ")[0]
    told = [(model, test) for model, _, test in _RULE.findall(page)]
    assert len(told) == page.count("\n| `")
    shown = unit_tests(*(MODELS / "omop" / "intermediate" / file for file in FILES))
    assert len(shown) == len(set(shown)) > 25
    assert sorted(told) == sorted(shown)


def test_every_model_that_routes_has_rules() -> None:
    routed = {model for model, _ in unit_tests(*(MODELS / "omop" / "intermediate" / file for file in FILES))}
    assert routed >= {"int_code", "int_unit", "int_bronze_event", "int_event", "measurement", "observation"}


def test_unit_tests_are_nowhere_but_where_they_are_counted() -> None:
    elsewhere = {path.name for path in MODELS.rglob("*.yml") if "unit_tests:" in path.read_text()} - set(FILES)
    assert elsewhere == {"ahrq_unit_tests.yml", "eras.yml", "hcc_unit_tests.yml", "score_unit_tests.yml"}
