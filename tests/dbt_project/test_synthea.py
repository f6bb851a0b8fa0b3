"""What a public export that nobody here wrote becomes in omop, and what became of the rest."""

from collections import Counter

from pipelines.keys import resource_key
from tests.dbt_project.export import Export

EVENTS = ("Condition", "Observation", "Procedure", "Immunization", "MedicationRequest", "DiagnosticReport")
"""Types of which every record names its encounter."""
TABLES = ("condition_occurrence", "measurement", "observation", "drug_exposure", "procedure_occurrence")
BLOOD_PRESSURE, SYSTOLIC, DIASTOLIC = "85354-9", 3004249, 3012888


def test_the_account_explains_every_resource(export: Export) -> None:
    account = export.account
    assert account.closes
    assert dict(account.read) == {kind: len(export.lines(kind)) for kind in export.files}
    assert not account.quarantined
    query = "SELECT {}, count(*) FROM bronze.resource WHERE source_system = 'ehr' AND outcome {} 'loaded' GROUP BY 1"
    assert Counter(dict(export.rows(query.format("outcome", "<>")))) == account.excluded
    assert dict(export.rows(query.format("resource_type", "="))) == dict(account.loaded)


def test_of_a_hundred_encounters_ninety_nine_are_visits_and_the_rest_is_explained(export: Export) -> None:
    encounters = len(export.lines("Encounter"))
    kept = export.rows(
        "SELECT (SELECT count(*) FROM omop.visit_occurrence) "
        "+ (SELECT count(*) FROM omop.event_source WHERE cdm_table = 'visit_detail')"
    )[0][0]
    assert kept >= 0.99 * encounters
    left = export.rows(
        "SELECT count(*) FROM bronze.resource WHERE resource_type = 'Encounter' AND outcome <> 'loaded'"
    )[0][0]
    dropped = export.rows("SELECT count(*) FROM omop.dropped_row WHERE bronze_table = 'visit_occurrence'")[0][0]
    assert encounters == kept + left + dropped > 0


def test_no_visit_is_an_orphan(export: Export) -> None:
    """What names an encounter has its visit, and that visit is there."""
    named = sum("encounter" in found for kind in EVENTS for found in export.resources(kind))
    assert named > 0
    of_export = (
        "omop.event_source AS source INNER JOIN bronze.resource AS resource "
        "ON source.resource_key = resource.resource_key AND resource.source_system = 'ehr' "
        "AND resource.resource_type = ANY(%s)"
    )
    events = export.rows(
        "SELECT count(DISTINCT source.resource_key), count(*) FILTER (WHERE visit.visit_occurrence_id IS NULL), "
        f"count(*) FILTER (WHERE visit.person_id <> source.person_id) FROM {of_export} "
        "LEFT JOIN omop.visit_occurrence AS visit USING (visit_occurrence_id)",
        list(EVENTS),
    )
    assert events == [(named, 0, 0)]
    assert export.rows("SELECT count(*) FROM omop.dropped_row WHERE bronze_table = ANY(%s)", list(TABLES)) == [(0,)]
    for table in TABLES:
        query = (
            f"SELECT count(*) > 0, count(*) FILTER (WHERE visit.visit_occurrence_id IS NULL) FROM {of_export} "
            f"INNER JOIN omop.{table} AS event ON source.cdm_table = '{table}' AND source.cdm_id = event.{table}_id "
            "LEFT JOIN omop.visit_occurrence AS visit ON event.visit_occurrence_id = visit.visit_occurrence_id"
        )
        assert export.rows(query, list(EVENTS)) == [(True, 0)], table


def test_each_blood_pressure_is_two_measurements(export: Export) -> None:
    panels = {
        resource_key("ehr", "Observation", found["id"])
        for found in export.resources("Observation")
        if any(coding["code"] == BLOOD_PRESSURE for coding in found["code"]["coding"])
    }
    found = export.rows(
        "SELECT source.resource_key, array_agg(measurement_concept_id ORDER BY measurement_concept_id), "
        "bool_and(value_as_number > 0 AND unit_concept_id = 8876) FROM omop.measurement "
        "INNER JOIN omop.event_source AS source ON measurement_id = cdm_id AND cdm_table = 'measurement' "
        "WHERE source.resource_key = ANY(%s) GROUP BY 1",
        sorted(panels),
    )
    assert {key for key, _, _ in found} == panels != set()
    assert {(tuple(concepts), usual) for _, concepts, usual in found} == {((SYSTOLIC, DIASTOLIC), True)}
