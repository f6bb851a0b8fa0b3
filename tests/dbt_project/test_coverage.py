"""Coverage counts what sources wrote and what became of it, sums to the tables, and shows nothing that was typed."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assets.cli.main import app
from assets.coverage import coverage_metadata
from pipelines.coverage import (
    Counts,
    CoverageReport,
    FieldCoverage,
    NotBuiltError,
    page,
    read_coverage,
    unmapped_codes,
)
from pipelines.fhir import ingest_fhir
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Role, database
from resources.settings import Settings
from tests.conftest import database_url
from tests.dbt_project.population import ICD10, LOINC, RXNORM, coded, condition, of, patient, result, visit
from tests.pipelines.refresh.world import write

AS_OF = date(2026, 10, 31)
CANARY = "Zzyzxcanary"
ROUTES = "http://terminology.hl7.org/CodeSystem/v3-RouteOfAdministration"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "coverage.md"
FIELDS = "Fields"
_Cells = list[str]


def resources() -> list[dict[str, Any]]:
    """What is known, unknown, of systems nobody knows, of none, and in words."""
    place = {"location": {"display": CANARY}}
    extra = {"valueQuantity": {"value": 7, "unit": CANARY}}
    return [
        patient("p", "1960-04-12", "M-1"),
        patient("q", "1961-04-12", "M-2", gender="other"),
        visit("p", "v", "2026-02-03", "2026-02-03", location=[{**place, "period": {"start": "2026-02-03"}}]),
        visit("p", "part", "2026-02-03", "2026-02-03", partOf={"reference": "Encounter/v"}),
        visit("p", "w", "2026-03-03", "2026-03-03", "ODD"),
        condition("p", "known", coded(ICD10, "E11.9"), "encounter-diagnosis"),
        condition("p", "again", coded(ICD10, "E11.9"), "encounter-diagnosis"),
        condition("p", "unknown", coded(ICD10, f"X-{CANARY}"), "encounter-diagnosis"),
        condition("p", "typed", coded(f"urn:{CANARY}", CANARY), "encounter-diagnosis"),
        condition("p", "typed-too", coded(f"urn:two:{CANARY}", CANARY), "encounter-diagnosis"),
        condition("p", "bare", {"coding": [{"code": CANARY}]}, "encounter-diagnosis"),
        condition("p", "words", {"text": CANARY}, "encounter-diagnosis"),
        condition("p", "elsewhere", coded(ICD10, "Z79.4"), "encounter-diagnosis"),
        result("p", "sugar", "4548-4", "2026-02-03", 8.1, "%"),
        result("p", "odd-unit", "4548-4", "2026-02-04", 8.1, f"{{{CANARY}}}"),
        {**result("p", "unit-in-words", "4548-4", "2026-02-05", 7, "%"), **extra},
        result("p", "no-such-code", "00000-0", "2026-02-03", 1, "%"),
        of(
            "p", "Observation", "valued", status="final", code=coded(LOINC, "4548-4"), effectiveDateTime="2026-02-06",
            valueCodeableConcept=coded(f"urn:{CANARY}", CANARY),
        ),
        of(
            "p", "MedicationRequest", "drug", status="active", intent="order", authoredOn="2026-02-03",
            medicationCodeableConcept=coded(RXNORM, "6809"),
            dosageInstruction=[{"route": coded(ROUTES, "PO")}],
        ),
        of(
            "p", "MedicationRequest", "drug-somehow", status="active", intent="order", authoredOn="2026-02-03",
            medicationCodeableConcept=coded(RXNORM, "6809"),
            dosageInstruction=[{"route": coded(ROUTES, "SOMEHOW")}],
        ),
        of(
            "p", "AllergyIntolerance", "allergy", category=["medication"], recordedDate="2026-02-03",
            code=coded(RXNORM, "6809"),
            clinicalStatus=coded("http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "active"),
        ),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def home(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with coverage of these resources, whose own dbt tests have passed."""
    warehouse = database(module_settings)
    with pytest.raises(NotBuiltError):
        read_coverage(warehouse)
    with pytest.raises(NotBuiltError):
        unmapped_codes(warehouse, 1)
    ensure_starter(warehouse)
    folder = tmp_path_factory.mktemp("in")
    assert ingest_fhir(module_settings, warehouse, [write(folder / "all.ndjson", resources())]).closes
    dbt.build(module_settings, warehouse, as_of=AS_OF, tests=False)
    assert dbt.build(module_settings, warehouse, as_of=AS_OF, select=("mapping_coverage",)).counts["pass"] > 8
    return module_settings


@pytest.fixture(scope="module")
def report(home: Settings) -> CoverageReport:
    return read_coverage(database(home))


def counts(report: CoverageReport, field: str, table: str = "") -> dict[str, tuple[int, int, int, int]]:
    """Rows, rows mapped, codes, codes mapped by vocabulary."""
    return {
        one.vocabulary: (one.rows, one.rows_mapped, one.codes, one.codes_mapped)
        for one in report.fields
        if one.cdm_field == field and table in ("", one.cdm_table)
    }


def test_rows_and_codes_are_counted_by_vocabulary(report: CoverageReport) -> None:
    assert (report.as_of, report.vocabulary_release) == (AS_OF, 1)
    assert counts(report, "condition_concept_id") == {
        "ICD10CM": (3, 2, 2, 1),
        "other": (2, 0, 2, 0),
        "code without a system": (1, 0, 1, 0),
        "no code": (1, 0, 0, 0),
    }
    assert counts(report, "measurement_concept_id") == {"LOINC": (5, 4, 2, 1)}
    assert counts(report, "unit_concept_id") == {"UCUM": (3, 2, 2, 1), "no code": (1, 0, 0, 0)}
    assert counts(report, "value_as_concept_id") == {"other": (1, 0, 1, 0)}
    assert counts(report, "route_concept_id") == {"v3-RouteOfAdministration": (2, 1, 2, 1)}
    assert counts(report, "visit_concept_id") == {"ActEncounterCode": (2, 1, 2, 1)}
    # A place has a name and no code; its concept is the visit's.
    assert counts(report, "visit_detail_concept_id") == {"ActEncounterCode": (1, 1, 1, 1), "no code": (1, 1, 0, 0)}
    assert counts(report, "gender_concept_id", "person") == {"administrative-gender": (2, 1, 2, 1)}
    assert counts(report, "race_concept_id") == {"no code": (2, 0, 0, 0)}


def test_of_an_allergy_the_substance_is_what_was_to_be_understood(report: CoverageReport) -> None:
    assert counts(report, "observation_concept_id") == {"ICD10CM": (1, 1, 1, 1), "RxNorm": (1, 1, 1, 1)}


def test_what_no_concept_was_found_for_is_on_the_list_ordered_by_rows(home: Settings, report: CoverageReport) -> None:
    found = unmapped_codes(database(home), 100)
    costs = [code["rows"] for code in found]
    assert costs == sorted(costs, reverse=True)
    tables = ("condition_occurrence", "measurement", "drug_exposure")
    looked_up = [one for one in report.fields if one.cdm_table in tables]
    assert sum(costs) == sum(one.rows - one.rows_mapped for one in looked_up) == 10
    assert len(unmapped_codes(database(home), 2)) == 2


def test_percentages_are_of_what_happened_and_of_each_field(report: CoverageReport) -> None:
    percentages = report.percentages()
    assert percentages["mapped_rows_percent_condition"] == pytest.approx(100 * 2 / 7)
    assert percentages["mapped_codes_percent_condition"] == pytest.approx(100 * 1 / 5)
    assert percentages["mapped_rows_percent_measurement_unit"] == 50
    # Seven conditions, two drugs, five measurements, two observations.
    assert percentages["mapped_rows_percent"] == pytest.approx(100 * (2 + 2 + 4 + 2) / 16)
    assert "mapped_codes_percent_person_race" not in percentages, "there is no code"
    assert percentages["mapped_rows_percent_person_race"] == 0
    assert CoverageReport(AS_OF, 1, ()).percentages() == {}


def test_nothing_that_a_source_wrote_is_shown(home: Settings, report: CoverageReport) -> None:
    metadata = coverage_metadata(database(home))
    numbers = {name: value for name, value in metadata.items() if name != "coverage"}
    assert numbers == report.percentages() != {}
    for shown in (str(metadata), page(report), json.dumps(report.as_dict())):
        assert CANARY.lower() not in shown.lower()
        assert "urn:" not in shown
    assert CANARY in str(unmapped_codes(database(home), 100)), "there was something to hide"


def test_a_row_that_is_not_counted_fails_the_test(home: Settings) -> None:
    with database(home).connect(Role.TRANSFORM) as connection:
        connection.execute("UPDATE quality.mapping_coverage SET rows = rows + 1 WHERE cdm_table = 'drug_exposure'")
        connection.commit()
    with pytest.raises(dbt.DbtBuildError, match="coverage_counts_every_row"):
        dbt.build(home, database(home), as_of=AS_OF, select=("coverage_counts_every_row",))
    with database(home).connect(Role.TRANSFORM) as connection:
        connection.execute("UPDATE quality.mapping_coverage SET rows = rows - 1 WHERE cdm_table = 'drug_exposure'")
        connection.commit()


@pytest.fixture
def sanctum(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs ``sanctum coverage`` in the home."""
    for name in [name for name in os.environ if name.startswith("SANCTUM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SANCTUM_HOME", str(home.home))
    monkeypatch.setenv("SANCTUM_DATABASE_URL", database_url(home))

    def run(*arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, ["coverage", *arguments], catch_exceptions=False)
        assert done.exit_code == status
        return done.stdout

    return run


def test_the_command(sanctum: Callable[..., str], report: CoverageReport, tmp_path: Path) -> None:
    assert json.loads(sanctum("--json")) == report.as_dict()
    text = sanctum()
    assert re.search(r"Condition\s+2 of 7 rows \(28\.6 %\), 1 of 5 codes", text)
    assert CANARY not in text
    (worst,) = json.loads(sanctum("--unmapped", "1", "--json"))["unmapped"]
    assert worst["rows"] == 1
    assert CANARY in sanctum("--unmapped", "100")
    assert sanctum("--page", "-") == page(report)
    sanctum("--page", str(tmp_path / "page.md"), "--json")
    assert (tmp_path / "page.md").read_text() == page(report)
    sanctum("--page", "-", "--unmapped", "1", status=2)


def test_the_page_of_docs_is_one_that_the_command_writes() -> None:
    """Figures read from the page, written again, give the page to the letter."""
    text = DOCUMENT.read_text()
    written = text[text.index("Build as of ") :]
    built = re.match(r"Build as of (\S+), vocabulary release (\d+)\.\n", written)
    assert built is not None
    fields = tuple(_fields(written))
    assert len(fields) > 10
    again = CoverageReport(date.fromisoformat(built[1]), int(built[2]), fields)
    assert page(again) == written
    assert page(replace(again, fields=fields[1:])) != written


def _fields(text: str) -> Iterator[FieldCoverage]:
    for section in text.split("### ")[1:]:
        if not section.startswith(FIELDS):
            continue
        for line in section.splitlines():
            if line.startswith("| ") and not line.startswith("| table "):
                cells: _Cells = [cell.strip() for cell in line.strip("|").split("|")]
                numbers = [int(cells[number].replace(",", "")) for number in (3, 4, 6, 7)]
                yield FieldCoverage(*numbers, *cells[:3], is_of_every_row=section.startswith(f"{FIELDS} of every row"))


def test_what_there_is_none_of_has_no_share() -> None:
    assert (Counts(0, 0, 0, 0).rows_percent, Counts(3, 0, 0, 0).codes_percent) == (None, None)
    assert Counts(3, 1, 2, 1).codes_percent == 50
