"""Each case's person is in the populations the case says, and the reason tells why."""

import csv
import json
from dataclasses import replace
from datetime import date

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.dbt import PROJECT_DIRECTORY
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.dbt_project.measures import adults, blocks, children, medications, screenings, status
from tests.dbt_project.measures.cases import MET, SYSTEM, Case, case, encounter, procedure

ATTESTED = case("CMS130", "screened by a note", MET, encounter("office_visit", "2026-02-03"))
EVIDENCE = replace(ATTESTED, resources=(procedure("colonoscopy", "2020-05-01"),))
"""What a reviewer attested of the same person, whom the identifier names."""
CASES: list[Case] = [
    *blocks.CASES,
    *adults.CASES,
    *children.CASES,
    *medications.CASES,
    *screenings.CASES,
    *status.CASES,
    ATTESTED,
]
_PERSON = "person_id = (SELECT person_id FROM omop.person_crosswalk WHERE person_key = %s)"
_POPULATIONS = (
    "initial_population", "denominator", "denominator_exclusion", "denominator_exception", "numerator",
    "numerator_exclusion",
)  # fmt: skip


@pytest.fixture(scope="module")
def measured(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """All cases in one build; every value set has one code, its own name."""
    found = database(module_settings)
    ensure_starter(found)
    with (PROJECT_DIRECTORY / "seeds" / "measures" / "measure_value_set.csv").open() as file:
        oids = {row["name"]: row["oid"] for row in csv.DictReader(file)}
    members = [(name, SYSTEM, name) for name in oids] + medications.PRODUCTS
    with found.connect(Role.INGEST) as connection:
        connection.cursor().executemany(
            "INSERT INTO vocab.value_set_member (oid, value_set_name, system, code) VALUES (%s, %s, %s, %s)",
            [(oids[name], name, system, code) for name, system, code in members],
        )
    file = tmp_path_factory.mktemp("cases") / "cases.ndjson"
    file.write_text("".join(json.dumps(resource) + "\n" for one in CASES for resource in one.bundle()))
    account = ingest_fhir(module_settings, found, [file])
    assert (account.closes, dict(account.quarantined)) == (True, {})
    attested = module_settings.model_copy(update={"source_system": "attested"})
    evidence = file.with_name("attested.ndjson")
    evidence.write_text("".join(json.dumps(resource) + "\n" for resource in EVIDENCE.bundle()))
    assert ingest_fhir(attested, found, [evidence]).closes
    result = dbt.build(
        module_settings,
        found,
        as_of=date(2026, 12, 31),
        period=(date(2026, 1, 1), date(2026, 12, 31)),
        select=["+care_gap"],
        tests=False,
    )
    assert set(result.counts) == {"success"}
    return found


def test_names_are_unique() -> None:
    assert len({one.key for one in CASES}) == len(CASES)


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.key)
def test_populations(measured: Database, one: Case) -> None:
    with measured.connect(Role.TRANSFORM) as connection:
        rows = connection.execute(
            f"SELECT group_number, reason, {', '.join(_POPULATIONS)} FROM measures.measure_population "
            f"WHERE measure_id = %s AND {_PERSON}",
            (one.measure, resource_key("ehr", "Patient", one.key)),
        ).fetchall()
    got = {
        number: (frozenset(name for name, is_in in zip(_POPULATIONS, said, strict=True) if is_in), reason)
        for number, reason, *said in rows
    }
    assert {number: got[number][0] for number in one.expected} == dict(one.expected), got
    assert all(reason for _, reason in got.values())


def test_attested_evidence_counts_and_is_marked(measured: Database) -> None:
    query = f"SELECT status, is_attested FROM features.care_gap WHERE measure_id = 'CMS130' AND {_PERSON}"
    with measured.connect(Role.TRANSFORM) as connection:
        found = [
            connection.execute(query, (resource_key("ehr", "Patient", one),)).fetchall()
            for one in (ATTESTED.key, "cms130-colonoscopy-nine-years-before")
        ]
        attested = connection.execute("SELECT count(*) FROM features.care_gap WHERE is_attested").fetchone()
    assert found == [[("closed", True)], [("closed", False)]]
    assert attested == (1,)


def test_each_status_of_a_care_gap(measured: Database) -> None:
    with measured.connect(Role.TRANSFORM) as connection:
        rows = connection.execute(
            "SELECT status, count(open_since), count(due_date), count(closes_with), count(*) "
            "FROM features.care_gap GROUP BY 1"
        ).fetchall()
    filled = {status: set(counts) for status, *counts, _ in rows}
    totals = {status: total for status, *_, total in rows}
    assert {status: counts for status, counts in filled.items() if status != "open"} == {
        status: {0} for status in ("closed", "excluded", "exception", "not_eligible")
    }
    assert filled["open"] == {totals["open"]}
