"""The checks of schema omop: on a sound build none of conformance fails, and each finds what it is there to find."""

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pipelines.fhir import ingest_fhir
from pipelines.quality import CheckResult, NeverCheckedError, read_results
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import assert_built, superuser
from tests.dbt_project.golden_cases import resources
from tests.pipelines.fhir.synthetic import ndjson, write

AS_OF = date(2026, 10, 31)
SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "quality"
SYSTOLIC, MMHG, MILLIGRAM_PER_DECILITRE = 3004249, 8876, 8840
PROSTATE_NEOPLASM, PROSTATE_CARCINOMA_IN_SITU, FEMALE = 4129902, 200970, 8532

Check = tuple[str, str, str | None, int | None, int | None]


def seed(name: str) -> list[dict[str, str]]:
    with (SEEDS / f"{name}.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


CHECKS = seed("quality_check")
TYPES = {line["check_name"]: line for line in seed("quality_check_type")}


def _set(table: str, key: str, assignment: str, condition: str = "true", rows: int = 1) -> str:
    """An update of the first rows for which a condition holds."""
    return (
        f"UPDATE omop.{table} AS t SET {assignment} WHERE {key} IN "
        f"(SELECT {key} FROM omop.{table} AS t WHERE {condition} ORDER BY {key} LIMIT {rows})"
    )


_BORN_ON_A_DAY = (
    "EXISTS (SELECT FROM omop.person AS p WHERE p.person_id = t.person_id AND p.month_of_birth IS NOT NULL)"
)
_OF_A_WOMAN = (
    f"EXISTS (SELECT FROM omop.person AS p WHERE p.person_id = t.person_id AND p.gender_concept_id = {FEMALE})"
)
_PRESSURE = f"measurement_concept_id = {SYSTOLIC}, unit_concept_id = {MMHG}, value_as_number = "

FAULTS: dict[Check, tuple[int, str]] = {
    ("cdmField", "metadata", "metadata_datetime", None, None): (
        1,
        "ALTER TABLE omop.metadata DROP COLUMN metadata_datetime",
    ),
    ("cdmDatatype", "specimen", "quantity", None, None): (
        1,
        "ALTER TABLE omop.specimen ALTER COLUMN quantity TYPE double precision",
    ),
    ("isRequired", "condition_occurrence", "condition_start_date", None, None): (
        2,
        "ALTER TABLE omop.condition_occurrence ALTER COLUMN condition_start_date DROP NOT NULL; "
        + _set("condition_occurrence", "condition_occurrence_id", "condition_start_date = NULL", rows=2),
    ),
    ("isPrimaryKey", "procedure_occurrence", "procedure_occurrence_id", None, None): (
        2,
        "INSERT INTO omop.procedure_occurrence "
        "SELECT * FROM omop.procedure_occurrence ORDER BY procedure_occurrence_id DESC LIMIT 1",
    ),
    ("isForeignKey", "observation", "provider_id", None, None): (
        1,
        _set("observation", "observation_id", "provider_id = -1"),
    ),
    ("isForeignKey", "observation", "observation_concept_id", None, None): (
        1,
        _set("observation", "observation_id", "observation_concept_id = 1999999999"),
    ),
    ("fkDomain", "condition_occurrence", "condition_concept_id", None, None): (
        3,
        _set("condition_occurrence", "condition_occurrence_id", "condition_concept_id = 1112807", rows=3),
    ),
    ("fkClass", "drug_era", "drug_concept_id", None, None): (
        1,
        _set("drug_era", "drug_era_id", "drug_concept_id = 201826"),
    ),
    ("isStandardValidConcept", "measurement", "operator_concept_id", None, None): (
        1,
        "INSERT INTO vocab.concept SELECT 2100000999, 'Former', domain_id, vocabulary_id, concept_class_id, NULL, "
        "'FORMER', valid_start_date, valid_end_date, 'D' FROM vocab.concept WHERE concept_id = 201826; "
        + _set("measurement", "measurement_id", "operator_concept_id = 2100000999"),
    ),
    ("measureObservationPeriodOverlap", "observation_period", None, None, None): (
        1,
        "INSERT INTO omop.observation_period SELECT -1, person_id, observation_period_end_date + 1, "
        "observation_period_end_date + 1, period_type_concept_id FROM omop.observation_period LIMIT 1",
    ),
    ("measurePersonCompleteness", "visit_detail", None, None, None): (
        1,
        "DELETE FROM omop.visit_detail WHERE person_id = (SELECT min(person_id) FROM omop.visit_detail)",
    ),
    ("measureConditionEraCompleteness", "condition_era", None, None, None): (
        1,
        "DELETE FROM omop.condition_era WHERE person_id = (SELECT max(person_id) FROM omop.condition_era)",
    ),
    ("measureValueCompleteness", "device_exposure", "device_source_value", None, None): (
        1,
        _set("device_exposure", "device_exposure_id", "device_source_value = NULL", "device_source_value IS NOT NULL"),
    ),
    ("standardConceptRecordCompleteness", "visit_occurrence", "visit_concept_id", None, None): (
        1,
        _set("visit_occurrence", "visit_occurrence_id", "visit_concept_id = 0", "visit_concept_id <> 0"),
    ),
    ("sourceConceptRecordCompleteness", "drug_exposure", "drug_source_concept_id", None, None): (
        1,
        _set("drug_exposure", "drug_exposure_id", "drug_source_concept_id = 0", "drug_source_concept_id <> 0"),
    ),
    ("sourceValueCompleteness", "drug_exposure", "route_source_value", None, None): (
        1,
        _set("drug_exposure", "drug_exposure_id", "route_source_value = 'XQ', route_concept_id = 0", rows=2),
    ),
    ("plausibleValueLow", "person", "year_of_birth", None, None): (
        1,
        _set("person", "person_id", "year_of_birth = 1700"),
    ),
    ("plausibleValueHigh", "note", "note_date", None, None): (
        1,
        _set("note", "note_id", "note_date = CURRENT_DATE + 3"),
    ),
    ("plausibleTemporalAfter", "drug_exposure", "verbatim_end_date", None, None): (
        1,
        _set("drug_exposure", "drug_exposure_id", "verbatim_end_date = drug_exposure_start_date - 1"),
    ),
    ("plausibleAfterBirth", "specimen", "specimen_date", None, None): (
        1,
        _set("specimen", "specimen_id", "specimen_date = '1900-01-01'", _BORN_ON_A_DAY),
    ),
    ("plausibleBeforeDeath", "observation", "observation_date", None, None): (
        1,
        "INSERT INTO omop.death (person_id, death_date, death_type_concept_id) "
        "SELECT person_id, min(observation_date) - 61, 32817 FROM omop.observation "
        "WHERE person_id NOT IN (SELECT person_id FROM omop.death) GROUP BY person_id HAVING count(*) = 1 LIMIT 1",
    ),
    ("plausibleStartBeforeEnd", "visit_occurrence", "visit_start_date", None, None): (
        1,
        _set("visit_occurrence", "visit_occurrence_id", "visit_end_date = visit_start_date - 1"),
    ),
    ("withinVisitDates", "procedure_occurrence", "procedure_date", None, None): (
        1,
        _set(
            "procedure_occurrence",
            "procedure_occurrence_id",
            "(visit_occurrence_id, procedure_date) = (SELECT visit_occurrence_id, visit_end_date + 8 "
            "FROM omop.visit_occurrence ORDER BY visit_occurrence_id DESC LIMIT 1)",
            "visit_occurrence_id IS NULL",
        ),
    ),
    ("plausibleValueLow", "measurement", "value_as_number", SYSTOLIC, MMHG): (
        2,
        _set("measurement", "measurement_id", _PRESSURE + "5", "value_as_number = 5 IS NOT TRUE", rows=2),
    ),
    ("plausibleValueHigh", "measurement", "value_as_number", SYSTOLIC, MMHG): (
        1,
        _set("measurement", "measurement_id", _PRESSURE + "999", "value_as_number = 5 IS NOT TRUE"),
    ),
    ("plausibleUnitConceptIds", "measurement", "unit_concept_id", SYSTOLIC, None): (
        1,
        _set(
            "measurement",
            "measurement_id",
            f"measurement_concept_id = {SYSTOLIC}, unit_concept_id = {MILLIGRAM_PER_DECILITRE}, value_as_number = 100",
            "value_as_number IN (5, 999) IS NOT TRUE",
        ),
    ),
    ("plausibleGender", "condition_occurrence", "condition_concept_id", PROSTATE_CARCINOMA_IN_SITU, None): (
        1,
        _set(
            "condition_occurrence",
            "condition_occurrence_id",
            f"condition_concept_id = {PROSTATE_CARCINOMA_IN_SITU}",
            _OF_A_WOMAN + " AND condition_concept_id <> 1112807",
        ),
    ),
    ("plausibleGenderUseDescendants", "condition_occurrence", "condition_concept_id", PROSTATE_NEOPLASM, None): (
        1,
        f"INSERT INTO vocab.concept_ancestor VALUES ({PROSTATE_NEOPLASM}, {PROSTATE_CARCINOMA_IN_SITU}, 1, 1)",
    ),
}
"""One fault for each type of check, and how many rows it puts in violation."""


def of(results: list[CheckResult]) -> dict[Check, CheckResult]:
    return {(one.check_name, one.cdm_table, one.cdm_field, one.concept_id, one.unit_concept_id): one for one in results}


@pytest.fixture(scope="module")
def warehouse(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Database:
    found = database(module_settings)
    ensure_starter(found)
    with pytest.raises(NeverCheckedError, match="sanctum build"):
        read_results(found)
    path = write(tmp_path_factory.mktemp("input") / "golden.ndjson", ndjson(resources()))
    ingest_fhir(module_settings, found, [path])
    assert_built(dbt.build(module_settings, found, as_of=AS_OF))
    return found


@pytest.fixture(scope="module")
def sound(warehouse: Database) -> dict[Check, CheckResult]:
    """What the checks found of the build as it is."""
    return of(list(read_results(warehouse).results))


@pytest.fixture(scope="module")
def faulty(
    server: Database, module_settings: Settings, warehouse: Database, sound: dict[Check, CheckResult]
) -> dict[Check, CheckResult]:
    """What they found once every fault was there."""
    with superuser(server, str(dict(warehouse.parameters)["dbname"])) as connection:
        keys = connection.execute(
            "SELECT format('DROP INDEX omop.%I', indexname) FROM pg_indexes WHERE schemaname = 'omop' "
            "AND indexdef LIKE 'CREATE UNIQUE%' AND tablename IN ('procedure_occurrence', 'observation_period')"
        ).fetchall()
        for (drop,) in keys:
            connection.execute(drop.encode())
        statements = [statement for _rows, fault in FAULTS.values() for statement in fault.split("; ")]
        assert [one for one in statements if not connection.execute(one.encode()).rowcount] == []
    with pytest.raises(dbt.DbtBuildError, match="quality_observation_conformance"):
        dbt.build(module_settings, warehouse, as_of=AS_OF, select=["tag:quality"])
    return of(list(read_results(warehouse).results))


def test_a_sound_build_conforms(sound: dict[Check, CheckResult]) -> None:
    assert [check for check, one in sound.items() if one.category == "conformance" and one.is_failed] == []


def test_every_check_that_is_listed_was_made(sound: dict[Check, CheckResult]) -> None:
    listed = Counter(
        (
            line["check_name"],
            line["cdm_table"],
            line["cdm_field"] or None,
            int(line["concept_id"]) if line["concept_id"] else None,
            int(line["unit_concept_id"]) if line["unit_concept_id"] else None,
        )
        for line in CHECKS
    )
    assert listed == Counter(sound.keys())


def test_every_type_of_check_has_a_fault_here() -> None:
    assert {check[0] for check in FAULTS} == set(TYPES) == {line["check_name"] for line in CHECKS}


@pytest.mark.parametrize("check", FAULTS, ids=lambda check: "-".join(str(part) for part in check if part))
def test_a_check_finds_its_fault(
    check: Check, sound: dict[Check, CheckResult], faulty: dict[Check, CheckResult]
) -> None:
    rows, _statements = FAULTS[check]
    assert faulty[check].violated_rows - sound[check].violated_rows == rows


def test_what_fails_is_what_is_over_its_threshold(faulty: dict[Check, CheckResult]) -> None:
    judged = {check: one for check, one in faulty.items() if one.threshold is not None}
    assert {check for check, one in judged.items() if one.is_failed} == {
        check for check, one in judged.items() if 100 * one.violated_rows > (one.threshold or 0) * one.denominator_rows
    }
    assert not any(one.is_failed for one in faulty.values() if one.threshold is None)


def test_the_keys_of_what_fails_are_kept(warehouse: Database, faulty: dict[Check, CheckResult]) -> None:
    def kept(table: str, category: str, check: str, field: str) -> set[tuple[Any, ...]]:
        query = f"SELECT row_key, person_id FROM quality.quality_{table}_{category} "
        with warehouse.connect(Role.TRANSFORM) as connection:
            query += "WHERE check_name = %s AND cdm_field = %s AND row_key IS NOT NULL"
            return set(connection.execute(query.encode(), (check, field)).fetchall())

    with warehouse.connect(Role.TRANSFORM) as connection:
        query = "SELECT observation_id, person_id FROM omop.observation WHERE "
        unknown = connection.execute(query.encode() + b"observation_concept_id = 1999999999").fetchall()
        provided = connection.execute(query.encode() + b"provider_id = -1").fetchall()
        young = connection.execute("SELECT person_id, person_id FROM omop.person WHERE year_of_birth = 1700").fetchall()
    assert kept("observation", "conformance", "isForeignKey", "observation_concept_id") == set(unknown)
    assert kept("observation", "conformance", "isForeignKey", "provider_id") == set(provided)
    assert kept("person", "plausibility", "plausibleValueLow", "year_of_birth") == set(young)


def test_results_are_kept_from_build_to_build(warehouse: Database, faulty: dict[Check, CheckResult]) -> None:
    query = "SELECT count(*) FROM quality.check_result GROUP BY invocation_id ORDER BY min(checked_at)"
    with warehouse.connect(Role.TRANSFORM) as connection:
        first, second = (number for (number,) in connection.execute(query))
    # Two tests could not be run: the tables they read lack a column or have another.
    assert first == len(CHECKS)
    assert second < first


def test_nobody_else_reads_keys_and_the_eraser_deletes_them(warehouse: Database) -> None:
    query = """
        SELECT c.relname, array_agg(r.role ORDER BY r.role) FILTER (WHERE has_table_privilege(r.role, c.oid, 'SELECT')),
            has_table_privilege('sanctum_eraser', c.oid, 'DELETE')
        FROM pg_class AS c CROSS JOIN unnest(%s::text[]) AS r (role)
        WHERE c.relnamespace = 'quality'::regnamespace AND c.relkind = 'r'
            AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'person_id')
        GROUP BY c.oid, c.relname
    """
    roles = [role.value for role in Role if role not in (Role.OWNER, Role.TRANSFORM)]
    with warehouse.connect(Role.TRANSFORM) as connection:
        found = connection.execute(query.encode(), (roles,)).fetchall()
    assert len(found) > 60
    assert {(tuple(readers), deletes) for _table, readers, deletes in found} == {((Role.ERASER.value,), True)}


def test_bounds_are_numbers_days_or_words() -> None:
    for line in CHECKS:
        if line["check_name"] in ("plausibleValueLow", "plausibleValueHigh"):
            expected = line["expected"]
            if expected not in ("tomorrow", "this_year"):
                try:
                    float(expected)
                except ValueError:
                    date.fromisoformat(expected)


def test_a_superuser_is_needed_to_change_results(warehouse: Database) -> None:
    with warehouse.connect(Role.TRANSFORM) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE quality.check_result SET is_failed = false")
