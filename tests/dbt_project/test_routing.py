"""How records find their tables, concepts and values under the OMOP vocabulary, and that none is lost on the way.

What is expected is looked up in the vocabulary's own files.
"""

from typing import Any

import pytest

from pipelines.keys import resource_key
from tests.dbt_project import accounts, routing_records
from tests.dbt_project.export import Export
from tests.dbt_project.routing_records import LOCAL, SEVERAL, SOURCE, UNITS, UNMAPPED

SHARE = 0.99
"""Of the rows of measurement and observation at least so many have a standard concept."""


def made(export: Export, kind: str, name: str) -> list[tuple[str, int]]:
    """Table and concept of every row that was made of a record, in order."""
    query = "SELECT cdm_table, concept_id FROM omop.event_source WHERE resource_key = %s ORDER BY 1, 2"
    return export.rows(query, resource_key(SOURCE, kind, name))


def row(export: Export, kind: str, name: str, table: str, columns: str) -> tuple[Any, ...]:
    """Columns of the one row of a CDM table that was made of a record."""
    (found,) = export.rows(
        f"SELECT {columns} FROM omop.{table} INNER JOIN omop.event_source AS source "
        f"ON source.cdm_table = '{table}' AND source.cdm_id = {table}_id WHERE source.resource_key = %s",
        resource_key(SOURCE, kind, name),
    )
    return found


def test_a_condition_that_is_an_observation(export: Export) -> None:
    ((domain, concept),) = export.vocabulary.standard("SNOMED", "408512008")
    assert domain == "Observation"
    assert made(export, "Condition", "obese") == [("observation", concept)]
    columns = "observation_concept_id, observation_source_value, observation_source_concept_id, observation_date::text"
    assert row(export, "Condition", "obese", "observation", columns) == (concept, "408512008", concept, "2026-02-03")


def test_a_procedure_that_is_a_measurement(export: Export) -> None:
    ((domain, concept),) = export.vocabulary.standard("SNOMED", "117010004")
    assert domain == "Measurement"
    assert made(export, "Procedure", "urine-culture") == [("measurement", concept)]
    columns = "measurement_concept_id, measurement_source_value, measurement_date::text, measurement_time"
    expected = (concept, "117010004", "2026-02-03", "09:00:00")
    assert row(export, "Procedure", "urine-culture", "measurement", columns) == expected


def test_an_observation_that_is_a_procedure(export: Export) -> None:
    ((domain, concept),) = export.vocabulary.standard("LOINC", "46288-7")
    assert domain == "Procedure"
    assert made(export, "Observation", "guided-biopsy") == [("procedure_occurrence", concept)]


def test_one_code_to_two_standard_concepts(export: Export) -> None:
    targets = export.vocabulary.standard("ICD10CM", "E11.22")
    assert [domain for domain, _ in targets] == ["Condition", "Condition"]
    expected = [("condition_occurrence", concept) for _, concept in targets]
    assert made(export, "Condition", "diabetic-kidney") == expected
    found = export.rows(
        "SELECT condition_concept_id, condition_source_value, condition_source_concept_id "
        "FROM omop.condition_occurrence WHERE condition_source_value = 'E11.22' ORDER BY 1"
    )
    source = export.vocabulary.concept("ICD10CM", "E11.22")
    assert found == [(concept, "E11.22", source) for _, concept in targets]


def test_a_maps_to_value_becomes_value_as_concept_id(export: Export) -> None:
    ((domain, concept),) = export.vocabulary.standard("ICD10CM", "I25.2")
    assert domain == "Observation"
    value = export.vocabulary.concept("SNOMED", "22298006")
    columns = "observation_concept_id, value_as_concept_id, observation_source_value"
    assert row(export, "Condition", "old-infarction", "observation", columns) == (concept, value, "I25.2")


def test_a_deprecated_code_that_follows_its_replacement(export: Export) -> None:
    vocabulary = export.vocabulary
    ((_, concept),) = vocabulary.standard("SNOMED", "275272006")
    assert made(export, "Condition", "injured-brain") == [("condition_occurrence", concept)]
    # It has no Maps to: the vocabulary only says what replaced it.
    assert vocabulary.standard("SNOMED", "65588006") == []
    concept = vocabulary.concept("SNOMED", "395507008")
    assert made(export, "Condition", "premature") == [("condition_occurrence", concept)]
    columns = "condition_source_value, condition_source_concept_id"
    expected = ("65588006", vocabulary.concept("SNOMED", "65588006"))
    assert row(export, "Condition", "premature", "condition_occurrence", columns) == expected
    # The vocabulary says nothing of what replaced it; the starter does.
    assert vocabulary.standard("LOINC", "33914-3") == []
    ((_, concept),) = routing_records.read(routing_records.STARTER).standard("LOINC", "33914-3")
    assert made(export, "Observation", "filtration") == [("measurement", concept)]
    deprecated = [("SNOMED", "275272006"), ("SNOMED", "65588006"), ("LOINC", "33914-3")]
    assert all(vocabulary.is_deprecated(*code) for code in deprecated)


def test_an_unmapped_code_is_concept_0_on_the_list_ordered_by_rows(export: Export) -> None:
    for code, rows in UNMAPPED.items():
        for number in range(rows):
            name = f"{code.lower()}-{number}"
            assert made(export, "Condition", name) == [("condition_occurrence", 0)]
            columns = "condition_concept_id, condition_source_value, condition_source_concept_id"
            assert row(export, "Condition", name, "condition_occurrence", columns) == (0, code, 0)
    # As the table has them, in no other order.
    query = "SELECT code, rows, persons FROM omop.unmapped_code WHERE system = %s AND bronze_table = %s"
    found = export.rows(query, LOCAL, "condition_occurrence")
    assert found == [("OFTEN", 3, 1), ("SOMETIMES", 2, 1), ("RARE", 1, 1)]
    costs = [rows for (rows,) in export.rows("SELECT rows FROM omop.unmapped_code")]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 100


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_mapped(export: Export, name: str) -> None:
    given, code = UNITS[name]
    columns = "unit_concept_id, measurement.unit_source_value, value_as_number::int"
    expected = None
    if code:
        expected = export.vocabulary.concept("UCUM", code)
        assert export.vocabulary.is_standard("UCUM", code)
    elif given:
        expected = 0
        query = "SELECT rows FROM omop.unmapped_code WHERE system = 'http://unitsofmeasure.org' AND code = %s"
        assert export.rows(query, given["code"]) == [(1,)]
    found = row(export, "Observation", f"unit-{name}", "measurement", columns)
    assert found == (expected, given.get("unit"), 9)


def test_a_qualitative_value_is_mapped(export: Export) -> None:
    ((_, smokes),) = export.vocabulary.standard("SNOMED", "449868002")
    columns = "value_as_concept_id, value_source_value, value_as_number"
    assert row(export, "Observation", "smoker", "observation", columns) == (smokes, "449868002", None)
    assert row(export, "Observation", "protein", "measurement", columns) == (0, "PLUS-PLUS", None)
    query = "SELECT cdm_table, rows FROM omop.unmapped_code WHERE system = %s AND code = 'PLUS-PLUS'"
    assert export.rows(query, LOCAL) == [("measurement", 1)]


@pytest.mark.parametrize("name", SEVERAL)
def test_the_best_of_several_codings_counts_and_the_others_stay_reachable(export: Export, name: str) -> None:
    given, best = SEVERAL[name]
    ((_, concept),) = export.vocabulary.standard(*best)
    columns = "condition_concept_id, condition_source_value, condition_occurrence_id"
    *found, number = row(export, "Condition", name, "condition_occurrence", columns)
    assert found == [concept, best[1]]
    query = "SELECT system, code FROM omop.event_coding WHERE cdm_table = 'condition_occurrence' AND cdm_id = %s"
    assert set(export.rows(query, number)) == {(coding["system"], coding["code"]) for coding in given["coding"]}


@pytest.mark.parametrize("table", ["measurement", "observation"])
def test_ninety_nine_of_a_hundred_rows_have_a_standard_concept(export: Export, table: str) -> None:
    """Of the 100 patients: rows of both tables, and those of the one that Observations became."""
    both = (
        "(SELECT 'measurement' AS cdm_table, measurement_id AS cdm_id, measurement_concept_id AS concept_id "
        "FROM omop.measurement UNION ALL SELECT 'observation', observation_id, observation_concept_id "
        "FROM omop.observation) AS made INNER JOIN omop.event_source AS source USING (cdm_table, cdm_id)"
    )
    counted = f"SELECT count(*), count(*) FILTER (WHERE made.concept_id > 0) FROM {both} WHERE source_system = 'ehr' "
    ((rows, mapped),) = export.rows(counted)
    assert rows > 18_000
    assert mapped >= SHARE * rows
    ((rows, mapped),) = export.rows(f"{counted} AND bronze_table = 'measurement' AND cdm_table = %s", table)
    assert rows > 1_000
    assert mapped >= SHARE * rows


def test_every_table_of_bronze_is_in_the_account_or_has_no_rows_of_its_own(export: Export) -> None:
    assert accounts.tables(export.rows) == accounts.PLACED.keys() | accounts.NO_ROWS_OF_THEIR_OWN.keys()
    assert accounts.PLACED.keys().isdisjoint(accounts.NO_ROWS_OF_THEIR_OWN)


@pytest.mark.parametrize("table", accounts.PLACED)
def test_no_row_is_lost_between_bronze_and_omop(export: Export, table: str) -> None:
    found = accounts.tally(export.rows, table)
    assert found.closes, found
    # What Synthea has none of, test_golden has.
    absent = {"note", "specimen", "payer_plan_period", "device_exposure", "visit_detail"}
    assert (found.rows == 0) == (table in absent)


def test_no_row_of_omop_is_made_of_nothing(export: Export) -> None:
    query = (
        "SELECT cdm_table, count(DISTINCT cdm_id) FROM omop.event_source "
        "INNER JOIN bronze.resource USING (resource_key) WHERE outcome = 'loaded' GROUP BY 1"
    )
    found = dict(export.rows(query))
    assert found.keys() >= {"condition_occurrence", "measurement", "observation", "procedure_occurrence"}
    for table, rows in found.items():
        assert export.rows(f"SELECT count(*) FROM omop.{table}") == [(rows,)], table
