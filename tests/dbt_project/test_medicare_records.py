"""From Coverages as CMS writes them, a visit and a bill to a risk adjustment factor."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.pipelines.fhir.synthetic import Resource, clinical, concept, encounter, key, ndjson, patient
from tests.pipelines.fhir.test_coverages import part, variable, year

pytestmark = pytest.mark.slow
AS_OF = date(2026, 10, 31)
_ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
_PERSON = key("Patient", "p1")
_TABLES = ("risk_score", "observation", "observation_period", "payer_plan_period", "patient_timeline")


def of_months(stem: str, code: str) -> list[Resource]:
    return [variable(f"{stem}{month:02d}", code) for month in range(1, 13)]


def bill() -> Resource:
    """A professional claim of a payer's, without the visit it is for. CMS writes codes without their dot."""
    return {
        "resourceType": "ExplanationOfBenefit",
        "id": "b1",
        "status": "active",
        "use": "claim",
        "type": {"coding": [{"code": "professional"}]},
        "patient": {"reference": "Patient/p1"},
        "created": "2025-07-01",
        "billablePeriod": {"start": "2025-07-01", "end": "2025-07-01"},
        "insurer": {"display": "CMS"},
        "provider": {"display": "a practice"},
        "outcome": "complete",
        "insurance": [{"focal": True, "coverage": {"reference": "Coverage/part-b-1"}}],
        "diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept(_ICD10, "I509")}],
    }


@pytest.fixture(scope="module")
def warehouse(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Database:
    found = database(module_settings)
    ensure_starter(found)
    path: Path = tmp_path_factory.mktemp("input") / "a.ndjson"
    seen = {"code": concept(_ICD10, "E11.9"), "onsetDateTime": "2011-01-01"}
    path.write_bytes(
        ndjson(
            [
                patient(birthDate="1956-02-01"),
                # A Coverage has one year's months: these are of the payment year, before which its period began.
                part("A", year("2026"), variable("orec", "1"), variable("crec", "0"), *of_months("dual_", "NA")),
                part("B", year("2026"), *of_months("dual_", "NA"), *of_months("buyin", "3")),
                encounter(period={"start": "2025-03-01", "end": "2025-03-01"}),
                clinical("Condition", "d1", **seen),
                bill(),
            ]
        )
    )
    account = ingest_fhir(module_settings, found, [path])
    assert (account.closes, dict(account.quarantined), dict(account.excluded)) == (True, {}, {})
    built = dbt.build(module_settings, found, as_of=AS_OF, select=[f"+{name}" for name in _TABLES], tests=False)
    assert set(built.counts) == {"success"}
    return found


def rows(warehouse: Database, query: str) -> list[tuple[Any, ...]]:
    with warehouse.connect(Role.TRANSFORM) as connection:
        return connection.execute(query.encode(), (_PERSON,)).fetchall()


def test_a_beneficiary_has_a_factor(warehouse: Database) -> None:
    query = (
        "SELECT score, lacks, components -> 'segment', components -> 'categories', jsonb_array_length(deciding_rows) "
        "FROM features.risk_score WHERE person_id = %s AND risk_score_id = 'hcc_v28'"
    )
    ((score, lacks, segment, categories, deciding),) = rows(warehouse, query)
    # As hccinfhir has it of a woman of 70, first entitled by disability, with diabetes and heart failure.
    assert (float(score), lacks, segment, set(categories)) == (1.261, [], "CNA", {"HCC38", "HCC226"})
    # Two diagnoses; why, under what status, and since when with Part B.
    assert deciding == 2 + 4


def test_what_medicare_says_is_an_observation_of_an_enrolment(warehouse: Database) -> None:
    query = (
        "SELECT observation_source_value, observation_date, value_source_value, observation_type_concept_id "
        "FROM omop.observation WHERE person_id = %s AND observation_source_value IN ('orec', 'crec', 'buyin12')"
    )
    assert sorted(rows(warehouse, query)) == [
        ("buyin12", date(2026, 12, 1), "3", 32813),
        ("crec", date(2026, 1, 1), "0", 32813),
        ("orec", date(2014, 2, 6), "1", 32813),
    ]
    query = "SELECT plan_source_value FROM omop.payer_plan_period WHERE person_id = %s ORDER BY 1"
    assert rows(warehouse, query) == [("Part A",), ("Part B",)]
    # It is nothing that was seen of anybody.
    query = (
        "SELECT observation_period_start_date, observation_period_end_date FROM omop.observation_period "
        "WHERE person_id = %s"
    )
    assert rows(warehouse, query) == [(date(2011, 1, 1), date(2025, 7, 1))]
    query = "SELECT DISTINCT cdm_table FROM features.patient_timeline WHERE person_id = %s ORDER BY 1"
    assert rows(warehouse, query) == [("condition_occurrence",), ("visit_occurrence",)]
