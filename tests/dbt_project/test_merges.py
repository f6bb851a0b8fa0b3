"""Who is one person as sources merge and unmerge patients: ``Patient.link`` and HL7 v2 A40 through the crosswalk."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.fhir import ingest_fhir
from pipelines.fhir.mapping import Mapped, map_resource
from pipelines.hl7 import ingest_hl7
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role, database
from resources.settings import Settings
from tests.conftest import superuser
from tests.dbt_project.population import ICD10, MRN, coded, condition, visit
from tests.dbt_project.population import patient as with_identifier

Resource = dict[str, Any]
BORN = {"gender": "female", "birthDate": "1960-04-12"}


def key(name: str, kind: str = "Patient") -> int:
    return resource_key("ehr", kind, name)


def patient(name: str, *links: tuple[str, str], **parts: Any) -> Resource:
    """A patient with links (type, reference)."""
    linked = [{"type": kind, "other": {"reference": other}} for kind, other in links]
    return {"resourceType": "Patient", "id": name, **(parts or BORN)} | ({"link": linked} if linked else {})


def at(day: int, resource: Resource) -> Resource:
    return {**resource, "meta": {"lastUpdated": f"2026-01-{day:02d}T00:00:00Z"}}


def events(name: str) -> list[Resource]:
    """A visit and a diagnosis of a patient."""
    return [
        visit(name, f"{name}-visit", "2026-02-03T09:00:00-05:00", "2026-02-03T09:30:00-05:00"),
        condition(name, f"{name}-diagnosis", coded(ICD10, "E11.9"), "problem-list-item"),
    ]


def gone(name: str) -> Resource:
    request = {"method": "DELETE", "url": f"Patient/{name}"}
    return {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}


# The one whose key is less would name the person if nothing else decided.
RETIRED, KEPT = sorted(("adt-1", "adt-2"), key=key)
LINKED = {"type": "replaced-by", "other": {"reference": f"Patient/{KEPT}"}}
A40 = (
    "MSH|^~\\&|ADT|WEST|SANCTUM|HUB|20260301101500||ADT^A40|M1|P|2.5\r"
    "EVN|A40|20260301101500\r"
    "PID|1||KEPT^^^WEST&1.2.3.4.5&ISO^MR||DOE^JANE||19600412|F\r"
    "MRG|RETIRED^^^WEST&1.2.3.4.5&ISO^MR\r"
)

MERGED: list[Resource] = [
    patient("old", ("replaced-by", "Patient/new")),
    patient("new"),
    # Of a record that was merged away a server may leave next to nothing.
    patient("empty", ("replaced-by", "Patient/whole"), active=False),
    patient("whole"),
    patient("survivor", ("replaces", "Patient/quiet"), ("replaces", "Patient/never-there")),
    patient("quiet"),
    patient("chain-1", ("replaced-by", "Patient/chain-2")),
    patient("chain-2", ("replaced-by", "Patient/chain-3")),
    patient("chain-3"),
    patient("circle-1", ("replaced-by", "Patient/circle-2")),
    patient("circle-2", ("replaced-by", "Patient/circle-1")),
    patient("waiting", ("replaced-by", "Patient/late")),
    patient("left", ("replaced-by", "Patient/deleted")),
    patient("deleted"),
    patient("alike", ("seealso", "Patient/other"), ("refer", "Patient/other")),
    patient("other"),
    patient("mother", ("replaced-by", "RelatedPerson/relative")),
    patient("sister", ("replaced-by", "RelatedPerson/relative")),
    patient("myself", ("replaced-by", "Patient/myself")),
    {
        **patient("by-number"),
        "link": [{"type": "replaced-by", "other": {"identifier": {"system": MRN, "value": "numbered"}}}],
    },
    with_identifier("numbered", "1960-04-12", "numbered"),
    with_identifier(RETIRED, "1960-04-12", "RETIRED"),
    with_identifier(KEPT, "1960-04-12", "KEPT"),
]
PEOPLE = {
    "old": "new",
    "empty": "whole",
    "quiet": "survivor",
    "never-there": "survivor",
    "chain-1": "chain-3",
    "chain-2": "chain-3",
    "circle-1": min("circle-1", "circle-2", key=key),
    "circle-2": min("circle-1", "circle-2", key=key),
    "late": "waiting",
    "deleted": "left",
    "by-number": "numbered",
    RETIRED: KEPT,
}
NAMES = sorted({resource["id"] for resource in MERGED} | PEOPLE.keys())
WAITING = "waiting"


def _load(settings: Settings, warehouse: Database, folder: Path, name: str, found: Iterable[Resource]) -> None:
    path = folder / f"{name}.ndjson"
    path.write_text("".join(json.dumps(resource) + "\n" for resource in found))
    account = ingest_fhir(settings, warehouse, [path])
    assert (account.closes, dict(account.quarantined)) == (True, {})


def _people(warehouse: Database) -> dict[str, tuple[Any, ...]]:
    """By name: whose the source person is, and of which persons their visit and diagnosis are."""
    with warehouse.connect(Role.TRANSFORM) as connection:
        tables = {
            "crosswalk": "SELECT person_key, person_id FROM omop.person_crosswalk",
            "visit": "SELECT visit_occurrence_id, person_id FROM omop.visit_occurrence",
            "diagnosis": "SELECT condition_occurrence_id, person_id FROM omop.condition_occurrence",
            "person": "SELECT person_id, year_of_birth FROM omop.person",
        }
        found = {name: dict(connection.execute(query.encode()).fetchall()) for name, query in tables.items()}
    assert set(found["crosswalk"].values()) == set(found["person"])
    return {
        name: (
            found["crosswalk"].get(key(name)),
            found["visit"].get(key(f"{name}-visit", "Encounter")),
            found["diagnosis"].get(key(f"{name}-diagnosis", "Condition")),
        )
        for name in NAMES
    }


@pytest.fixture(scope="module")
def built(module_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Database, Path]:
    """A warehouse in which everybody who can be is merged."""
    warehouse, folder = database(module_settings), tmp_path_factory.mktemp("input")
    ensure_starter(warehouse)
    _load(module_settings, warehouse, folder, "events", [event for name in NAMES for event in events(name)])
    _load(module_settings, warehouse, folder, "merged", [at(2, resource) for resource in MERGED])
    _load(module_settings, warehouse, folder, "deleted", [{**gone("deleted"), "meta": {"lastUpdated": "2026-01-03"}}])
    # What was before comes last: it changes nothing.
    _load(module_settings, warehouse, folder, "before", [at(1, patient(resource["id"])) for resource in MERGED])
    adt = folder / "feed.hl7"
    adt.write_bytes(A40.encode())
    assert ingest_hl7(module_settings, warehouse, [adt]).loaded == {"ADT^A40": 1}
    _build(module_settings, warehouse)
    return module_settings, warehouse, folder


def _build(settings: Settings, warehouse: Database) -> None:
    select = ("+person", "+visit_occurrence", "+condition_occurrence")
    assert set(dbt.build(settings, warehouse, select=select, tests=False).counts) == {"success"}


def test_merged_patients_are_one_person_and_their_rows_are_theirs(built: tuple[Settings, Database, Path]) -> None:
    assert _people(built[1]) == {name: (key(PEOPLE.get(name, name)),) * 3 for name in NAMES}


# --- any links among a few patients, against a model ---------------------------------------------------------------

FEW = [f"x{number}" for number in range(6)]
KINDS = st.sampled_from(["replaced-by", "replaces", "seealso", "refer"])
LINKS = st.lists(st.tuples(st.sampled_from(FEW), KINDS, st.sampled_from(FEW)), max_size=6)
POPULATE = "INSERT INTO bronze.{0} SELECT * FROM jsonb_populate_record(NULL::bronze.{0}, %s)"


def _groups(present: set[str], links: Iterable[tuple[str, str, str]]) -> dict[str, str | None]:
    """By name the one who stands for all they are linked to: not merged away, then of the least key."""
    stated = [link for link in links if link[0] in present and link[0] != link[2]]
    replaced_by = {own: other for own, kind, other in reversed(stated) if kind == "replaced-by"}
    merges = [*replaced_by.items(), *((other, own) for own, kind, other in stated if kind == "replaces")]
    group = {name: {name} for name in FEW}
    for pair in merges:
        joined = group[pair[0]] | group[pair[1]]
        group |= dict.fromkeys(joined, joined)
    retired = {name for name, _ in merges}
    best = {name: sorted(group[name] & present, key=lambda one: (one in retired, key(one))) for name in FEW}
    return {name: found[0] if found else None for name, found in best.items()}


@hypothesis_settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(present=st.sets(st.sampled_from(FEW)), links=LINKS)
def test_any_links_give_the_persons_that_the_model_gives(
    built: tuple[Settings, Database, Path], present: set[str], links: Sequence[tuple[str, str, str]]
) -> None:
    settings, warehouse, _ = built
    compiled = next((settings.dbt_directory / "target" / "compiled").rglob("person_crosswalk.sql")).read_bytes()
    with superuser(warehouse, str(dict(warehouse.parameters)["dbname"])) as connection:
        connection.autocommit = False
        for name in present:
            stated = [(kind, f"Patient/{to}") for own, kind, to in links if own == name]
            found = map_resource(patient(name, *stated), "ehr", "us-core")
            assert isinstance(found, Mapped)
            for table in ("person", "person_link"):
                query: Any = POPULATE.format(table)
                connection.cursor().executemany(
                    query, [(json.dumps(row, default=str),) for row in found.rows.get(table, ())]
                )
        crosswalk = dict(connection.execute(compiled).fetchall())
        connection.rollback()
    expected = _groups(present, links)
    named = present | {to for own, kind, to in links if own in present and kind.startswith("replace")}
    assert {name: crosswalk.get(key(name)) for name in named} == {
        name: None if (survivor := expected[name]) is None else key(survivor) for name in named
    }


# --- and back, last, since it changes the warehouse ------------------------------------------------------------------


def test_unmerged_patients_are_again_who_they_were(built: tuple[Settings, Database, Path]) -> None:
    settings, warehouse, folder = built
    back = [at(5, patient(name)) for name in NAMES if name not in ("never-there", RETIRED, KEPT, WAITING)]
    _load(settings, warehouse, folder, "back", back)
    # Of two who were merged by number the messages still say so; with the link of FHIR it is the same person.
    linked = [{**with_identifier(RETIRED, "1960-04-12", "RETIRED"), "link": [LINKED]}]
    _load(settings, warehouse, folder, "linked", [at(5, resource) for resource in linked])
    _build(settings, warehouse)
    expected = {name: (key(name),) * 3 for name in NAMES} | {
        # Nobody names this one any more, and nobody ever was there by that name.
        "never-there": (None, None, None),
        WAITING: (key("late"),) * 3,
        RETIRED: (key(KEPT),) * 3,
    }
    assert _people(warehouse) == expected
