"""From hand-written input to omop and features, through the loaders and dbt as they are."""

import re
from datetime import date
from typing import Any

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.hl7 import ingest_hl7
from pipelines.keys import resource_key
from pipelines.lineage import trace
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import assert_built, superuser
from tests.dbt_project import population
from tests.identities import all_labels, identity
from tests.pipelines.lineage.walk import walk

AS_OF = date(2026, 10, 31)
JANE = resource_key("ehr", "Patient", "jane")
ADT_BODY = population.ADT.encode().rstrip(b"\r")


@pytest.fixture(scope="module")
def warehouse(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Database:
    found = database(module_settings)
    ensure_starter(found)
    fhir, hl7 = population.write(tmp_path_factory.mktemp("input"))
    account = ingest_fhir(module_settings, found, [fhir])
    assert (account.closes, dict(account.quarantined)) == (True, {})
    assert sum(ingest_hl7(module_settings, found, [hl7]).loaded.values()) == 1
    result = dbt.build(module_settings, found, as_of=AS_OF)
    assert_built(result)
    return found


def rows(warehouse: Database, query: str, *parameters: Any) -> list[tuple]:
    with warehouse.connect(Role.TRANSFORM) as connection:
        return connection.execute(query, parameters).fetchall()


def key(kind: str, name: str) -> int:
    return resource_key("ehr", kind, name)


def test_one_person_for_fhir_hl7_and_a_merged_record(warehouse: Database) -> None:
    query = (
        "SELECT person.source_system, count(*)::int FROM omop.person_crosswalk AS crosswalk "
        "INNER JOIN bronze.person AS person USING (person_key) WHERE crosswalk.person_id = %s GROUP BY 1 ORDER BY 1"
    )
    assert rows(warehouse, query, JANE) == [("ehr", 2), ("hl7v2", 1)]
    query = "SELECT gender_concept_id, year_of_birth, person_source_value FROM omop.person WHERE person_id = %s"
    assert rows(warehouse, query, JANE) == [(8532, 1960, str(JANE))]
    # The HL7 v2 admission is a visit of the FHIR person.
    query = "SELECT count(*) FROM omop.visit_occurrence WHERE person_id = %s AND visit_concept_id = 9201"
    assert rows(warehouse, query, JANE) == [(2,)]


def test_one_identifier_with_two_birth_dates_joins_nobody(warehouse: Database) -> None:
    twins = (key("Patient", "twin-a"), key("Patient", "twin-b"))
    query = "SELECT count(*) FROM omop.person WHERE person_id = ANY(%s)"
    assert rows(warehouse, query, list(twins)) == [(2,)]
    assert {row[0] for row in rows(warehouse, "SELECT person_key FROM omop.identity_conflict")} == set(twins)


def test_diabetes_is_one_problem(warehouse: Database) -> None:
    query = "SELECT condition_concept_id, records FROM features.problem_list WHERE person_id = %s ORDER BY 1, 2"
    # 201826: type 2 diabetes, of two codes; 316139: heart failure; 320128: hypertension; 0: the local code.
    assert rows(warehouse, query, JANE) == [(0, 1), (201826, 2), (316139, 1), (320128, 1)]
    query = "SELECT problem_name FROM features.problem_list WHERE condition_concept_id = 0"
    assert rows(warehouse, query) == [("Local problem",)]


def test_an_unmapped_code_is_kept_and_counted(warehouse: Database) -> None:
    query = "SELECT bronze_table, system, code, rows FROM omop.unmapped_code ORDER BY 1, 2, 3"
    assert rows(warehouse, query) == [
        ("condition_occurrence", "urn:local", "X-1", 1),
        ("measurement", "http://loinc.org", "00000-0", 1),
        ("measurement", "http://unitsofmeasure.org", "{nonsense}", 1),
        ("measurement", "http://unitsofmeasure.org", "{units}", 1),
        ("observation", "", "", 1),
    ]


def test_the_concept_decides_the_table(warehouse: Database) -> None:
    query = "SELECT cdm_table FROM omop.event_source WHERE bronze_key = %s"
    # A Z code is an Observation in the vocabulary; a provisional diagnosis is no condition.
    assert rows(warehouse, query, key("Condition", "jane-fall")) == [("observation",)]
    assert rows(warehouse, query, key("Condition", "jane-maybe")) == [("observation",)]
    query = "SELECT qualifier_source_value FROM omop.observation WHERE observation_id = %s"
    assert rows(warehouse, query, key("Condition", "jane-maybe")) == [("provisional",)]


def test_blood_pressure_components_are_measurements_of_their_own(warehouse: Database) -> None:
    query = (
        "SELECT measurement_concept_id, value_as_number, unit_concept_id FROM omop.measurement "
        "WHERE person_id = %s AND unit_source_value = 'mm[Hg]' AND measurement_date = '2026-02-03' ORDER BY 1, 2"
    )
    assert rows(warehouse, query, JANE) == [
        (3004249, 138, 8876),
        (3004249, 150, 8876),
        (3012888, 92, 8876),
        (3012888, 95, 8876),
    ]


def test_an_unknown_unit_is_zero(warehouse: Database) -> None:
    query = "SELECT unit_concept_id, unit_source_value FROM omop.measurement WHERE measurement_concept_id = 0"
    assert rows(warehouse, query) == [(0, "{nonsense}")]


def test_a_supply_ends_on_its_last_day(warehouse: Database) -> None:
    query = "SELECT drug_exposure_start_date, drug_exposure_end_date FROM omop.drug_exposure"
    assert rows(warehouse, query) == [(date(2026, 2, 3), date(2026, 3, 4))]


def test_a_patient_in_house_is_still_a_patient(warehouse: Database) -> None:
    query = "SELECT visit_end_date, visit_type_concept_id FROM omop.visit_occurrence WHERE visit_occurrence_id = %s"
    assert rows(warehouse, query, key("Encounter", "jane-stay")) == [(AS_OF, 32220)]


def test_dates_are_local_as_written(warehouse: Database) -> None:
    query = "SELECT visit_start_datetime::text FROM omop.visit_occurrence WHERE visit_occurrence_id = %s"
    assert rows(warehouse, query, key("Encounter", "jane-visit")) == [("2026-02-03 09:00:00",)]


def test_what_has_no_row_is_named_with_its_reason(warehouse: Database) -> None:
    query = "SELECT bronze_table, reason, count(*)::int FROM omop.dropped_row GROUP BY 1, 2 ORDER BY 1, 2"
    assert rows(warehouse, query) == [
        ("condition_occurrence", "no_person", 1),
        ("note", "duplicate_text", 1),
    ]


def test_measures_name_the_rows_that_decide(warehouse: Database) -> None:
    query = (
        "SELECT measure_id, status, reason FROM features.care_gap WHERE person_id = %s "
        "AND measure_id IN ('CMS117', 'CMS122', 'CMS130', 'CMS165') ORDER BY 1"
    )
    assert rows(warehouse, query, JANE) == [
        ("CMS117", "not_eligible", "age 66 is not 2"),
        ("CMS122", "closed", "diabetes by E11.9 on 2020-05-01; HbA1c not above 9 % on 2026-02-03"),
        ("CMS130", "open", "age 66; no colorectal screening within its look-back"),
        # The lowest of each on the day, 138 and 92; the reading of the stay does not count.
        (
            "CMS165",
            "open",
            "essential hypertension by I10 on 2020-05-01; blood pressure not below 140/90 on 2026-02-03",
        ),
    ]
    measures = "SELECT count(*)::int, count(DISTINCT measure_id)::int FROM features.care_gap WHERE person_id = %s"
    assert rows(warehouse, measures, JANE) == [(15, 15)]
    query = (
        "SELECT decided ->> 'cdm_table', (decided ->> 'cdm_id')::bigint FROM features.care_gap, "
        "jsonb_array_elements(deciding_rows) AS decided WHERE person_id = %s AND measure_id = 'CMS122'"
    )
    assert set(rows(warehouse, query, JANE)) == {
        ("condition_occurrence", key("Condition", "jane-t2dm-1")),
        ("visit_occurrence", key("Encounter", "jane-visit")),
        ("measurement", key("Observation", "jane-a1c")),
    }


def test_latest_measurement_and_timeline(warehouse: Database) -> None:
    query = (
        "SELECT value_as_number, measurement_date FROM features.latest_measurement "
        "WHERE person_id = %s AND measurement_name = 'Hemoglobin A1c'"
    )
    assert [(float(value), day) for value, day in rows(warehouse, query, JANE)] == [(8.1, date(2026, 2, 3))]
    timeline = "SELECT cdm_table, cdm_id FROM features.patient_timeline WHERE person_id = %s ORDER BY 1, 2"
    known = "SELECT cdm_table, cdm_id FROM omop.event_source WHERE person_id = %s AND start_date <= %s ORDER BY 1, 2"
    assert rows(warehouse, timeline, JANE) == rows(warehouse, known, JANE, AS_OF) != []


def test_a_circle_of_encounters_loses_none_and_a_part_is_a_detail(warehouse: Database) -> None:
    query = "SELECT cdm_table FROM omop.event_source WHERE bronze_table = 'visit_occurrence' AND bronze_key = %s"
    circle = [rows(warehouse, query, key("Encounter", name)) for name in ("joan-a", "joan-b")]
    assert circle == [[("visit_occurrence",)], [("visit_occurrence",)]]
    assert rows(warehouse, query, key("Encounter", "joan-part")) == [("visit_detail",)]
    query = "SELECT visit_occurrence_id FROM omop.visit_detail WHERE visit_detail_id = %s"
    assert rows(warehouse, query, key("Encounter", "joan-part")) == [(key("Encounter", "joan-whole"),)]


def test_a_value_in_an_unknown_unit_leaves_the_gap_open(warehouse: Database) -> None:
    query = "SELECT status, reason FROM features.care_gap WHERE person_id = %s AND measure_id = 'CMS122'"
    found = rows(warehouse, query, key("Patient", "joan"))
    reason = "diabetes by E11.9 on 2020-05-01; HbA1c on 2026-03-01 can not be compared with 9 %"
    assert found == [("open", reason)]


def test_no_known_allergy_is_no_allergy(warehouse: Database) -> None:
    query = "SELECT observation_concept_id, value_as_concept_id FROM omop.observation WHERE observation_id = %s"
    assert rows(warehouse, query, key("AllergyIntolerance", "jane-none")) == [(0, None)]


def test_charlson_counts_what_icd_10_reaches(warehouse: Database) -> None:
    query = (
        "SELECT score, components, diagnoses_not_judged FROM features.risk_score "
        "WHERE person_id = %s AND risk_score_id = 'charlson'"
    )
    # A provisional chronic lung disease does not count; diabetes without complication and hypertension weigh nothing.
    assert rows(warehouse, query, JANE) == [(2, {"congestive heart failure": 2}, 1)]


def test_documents_are_read_by_the_embedder_alone(warehouse: Database) -> None:
    query = (
        "SELECT role, table_schema || '.' || table_name FROM information_schema.tables, "
        "unnest(%s::text[]) AS role WHERE table_schema IN ('omop', 'omop_intermediate', 'features', 'measures') "
        "AND has_table_privilege(role, format('%%I.%%I', table_schema, table_name), 'SELECT')"
    )
    readers = [Role.EMBED, Role.INFER, Role.REVIEWER, Role.INGEST, Role.DAGSTER, Role.AUDITOR]
    readable: dict[str, set[str]] = {}
    for role, table in rows(warehouse, query, [role.value for role in readers]):
        readable.setdefault(role, set()).add(table)
    reviewed = readable.pop(Role.REVIEWER)
    assert readable == {Role.EMBED: {"omop.note"}, Role.INFER: {"features.care_gap"}}
    assert {"omop.measurement", "features.patient_timeline", "features.care_gap"} <= reviewed
    assert "omop.note" not in reviewed


def test_building_again_changes_no_row(module_settings: Settings, warehouse: Database) -> None:
    tables = ("omop.event_source", "omop.person", "features.care_gap", "features.patient_timeline")
    queries = [f"SELECT * FROM {table} ORDER BY 1, 2, 3" for table in tables]
    before = [rows(warehouse, query) for query in queries]
    dbt.build(module_settings, warehouse, as_of=AS_OF, tests=False)
    assert [rows(warehouse, query) for query in queries] == before


def test_dbt_artefacts_hold_no_content(module_settings: Settings, warehouse: Database) -> None:
    content = re.compile(rb"Colonoscopy in 2021|DOE|A-1\b|19600412|1960-04-12")
    artefacts = [path for path in module_settings.dbt_directory.rglob("*") if path.is_file()]
    assert len(artefacts) > 5
    assert [path for path in artefacts if content.search(path.read_bytes())] == []


def test_every_row_leads_back_to_the_records_it_came_from(module_settings: Settings, warehouse: Database) -> None:
    reader = identity(everyone=True, sensitivities=all_labels(warehouse))
    traced = walk(module_settings, warehouse, reader, population.resources(), [ADT_BODY])
    assert traced.keys() >= {"person", "observation_period", "visit_occurrence", "condition_occurrence", "note"}
    assert traced.keys() >= {"person_crosswalk", "measurement", "observation", "drug_exposure", "visit_detail"}


def test_a_person_of_several_sources_has_them_all(module_settings: Settings, warehouse: Database) -> None:
    reader = identity(everyone=True)
    found = trace(module_settings, warehouse, reader, "person", JANE).sources
    assert [(s.about["source_system"], s.about["record_type"], s.person_id) for s in found if s.content is None]
    assert {(s.about["record_type"], str(s.about["record_id"])) for s in found} == {
        ("Patient", "jane"), ("Patient", "old-record"), ("ADT^A01", "1"),
    }  # fmt: skip


def test_a_message_that_tells_of_what_is_labelled_is_left_out(
    module_settings: Settings, warehouse: Database, server: Database
) -> None:
    with superuser(server, dict(warehouse.parameters)["dbname"]) as connection:
        connection.execute(
            'UPDATE bronze.resource SET security_labels = \'[{"code": "PSY"}]\' '
            "WHERE source_system = 'hl7v2' AND resource_type = 'Visit'"
        )
        for labels, expected in (((), {"Patient"}), (("PSY",), {"Patient", "ADT^A01"})):
            reader = identity(everyone=True, sensitivities=labels)
            found = trace(module_settings, warehouse, reader, "person", JANE, content=True).sources
            assert {source.about["record_type"] for source in found} == expected
        connection.execute("UPDATE bronze.resource SET security_labels = NULL WHERE source_system = 'hl7v2'")
