"""Section 1 of the checklist, merges, moves, swaps and links: one test a line."""

from datetime import datetime
from itertools import permutations
from pathlib import Path

import pytest

from pipelines.fhir import ingest_fhir
from pipelines.keys import resource_key
from pipelines.vocabulary import ensure_starter
from resources import dbt
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.hl7.adt.fold import fold, merged, outcomes, patient, person, places, stay, visit_key, visits
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import message, rows, visit

T = datetime
A, B, C = patient("100"), patient("200"), patient("300")
ADMIT = message("ADT^A01", "20260301100000", visit(location="3E^1"), patient=A)
OTHER = message("ADT^A01", "20260301110000", visit(location="4W^2", f19="V2^^^HOSP"), patient=B)
THIRD = message("ADT^A01", "20260301120000", visit(location="5N^3", f19="V3^^^HOSP"), patient=B)


def merge(trigger: str, at: str, survivor: str, *retired: str) -> bytes:
    named = [f"MRG|{number}^^^HOSP&urn:oid:1.2.3&ISO^MR" for number in retired]
    return message(f"ADT^{trigger}", at, *named, patient=patient(survivor))


def owners(*messages: bytes) -> dict[int, int]:
    return {row["visit_occurrence_key"]: row["person_key"] for row in fold(*messages)["visit_occurrence"]}


def test_1_15_a_swap_exchanges_both_places() -> None:
    swap = message(
        "ADT^A17", "20260302100000", visit(location="4W^2"), B, visit(location="3E^1", f19="V2^^^HOSP"), patient=A
    )
    tables = fold(ADMIT, OTHER, swap)
    at = T(2026, 3, 2, 10)
    assert places(tables, visit_key("V1")) == [("3E^1", T(2026, 3, 1, 10), at), ("4W^2", at, None)]
    assert places(tables, visit_key("V2")) == [("4W^2", T(2026, 3, 1, 11), at), ("3E^1", at, None)]
    assert owners(ADMIT, OTHER, swap) == {visit_key("V1"): person("100"), visit_key("V2"): person("200")}


def _crosswalk(settings: Settings, db: Database) -> dict[int, int]:
    assert set(dbt.build(settings, db, select=("+person", "+visit_occurrence"), tests=False).counts) == {"success"}
    with db.connect(Role.TRANSFORM) as connection:
        found = connection.execute("SELECT visit_occurrence_id, person_id FROM omop.visit_occurrence").fetchall()
    return dict(found)


def test_1_16_visits_of_the_retired_are_the_survivors_also_when_they_come_late(
    settings: Settings, db: Database, ingest: Ingest, tmp_path: Path
) -> None:
    ensure_starter(db)
    known = tmp_path / "known.ndjson"
    known.write_text(
        '{"resourceType": "Patient", "id": "f", "gender": "female", "birthDate": "1960-02-03", "identifier": '
        '[{"system": "urn:oid:1.2.3", "value": "100", "type": {"coding": [{"code": "MR", '
        '"system": "http://terminology.hl7.org/CodeSystem/v2-0203"}]}}]}\n'
    )
    assert ingest_fhir(settings, db, [known]).loaded == {"Patient": 1}
    ingest(ADMIT, OTHER, merge("A40", "20260302100000", "100", "200"))
    late = message("ADT^A04", "20260401100000", visit("O", f19="V9^^^HOSP"), patient=B)
    ingest(late)
    key = resource_key("ehr", "Patient", "f")
    assert _crosswalk(settings, db) == {visit_key(number): key for number in ("V1", "V2", "V9")}


@pytest.mark.parametrize("trigger", ["A40", "A39", "A36", "A34"])
def test_1_16_every_kind_of_merge_retires_mrg_1(trigger: str) -> None:
    tables = fold(ADMIT, OTHER, merge(trigger, "20260302100000", "100", "200"))
    assert merged(tables) == {person("100"): None, person("200"): person("100")}


def test_1_17_all_merges_of_one_message_are_applied() -> None:
    both = merge("A40", "20260302100000", "100", "200", "300")
    assert merged(fold(both)) == {person("100"): None, person("200"): person("100"), person("300"): person("100")}
    repeated = message(
        "ADT^A40", "20260302100000", "MRG|200^^^HOSP&urn:oid:1.2.3", patient("400"), "MRG|300^^^HOSP&urn:oid:1.2.3"
    )
    assert merged(fold(repeated)) == {
        person("100"): None,
        person("200"): person("100"),
        person("300"): person("400"),
        person("400"): None,
    }


def test_1_18_chains_resolve_and_a_cycle_is_quarantined(db: Database, ingest: Ingest) -> None:
    chain = [merge("A40", "20260302100000", "200", "100"), merge("A40", "20260303100000", "300", "200")]
    cycle = merge("A40", "20260304100000", "100", "300")
    known = message("ADT^A28", "20260301100000", patient=C)
    for order in permutations((*chain, cycle)):
        assert merged(fold(*order)) == {
            person("100"): person("200"),
            person("200"): person("300"),
            person("300"): None,
        }
    # The cycle comes before what makes it one: then that it is one shows later, and it is taken out again.
    assert ingest(cycle, known, ADMIT).quarantined == {}
    assert ingest(chain[0]).quarantined == {}
    assert ingest(chain[1]).quarantined == {}
    with db.connect(Role.INGEST) as connection:
        query = "SELECT reason, detail FROM quarantine.record WHERE released_at IS NULL"
        assert connection.execute(query).fetchall() == [("merge_cycle", "MRG-1")]
    assert {row["person_key"]: row["merged_into_person_key"] for row in rows(db, "person")} == {
        person("100"): person("200"),
        person("200"): person("300"),
        person("300"): None,
    }


@pytest.mark.parametrize(
    ("trigger", "merge_segment"),
    [("A35", "MRG|100^^^HOSP||||V2^^^HOSP"), ("A41", "MRG|||V2^^^HOSP"), ("A42", "MRG|100^^^HOSP||||V2^^^HOSP")],
)
def test_1_19_a_retired_visit_is_folded_into_the_other_with_all_its_places(trigger: str, merge_segment: str) -> None:
    second = message(
        "ADT^A01", "20260228110000", visit(location="4W^2", f19="V2^^^HOSP"), "DG1|1||I10^H^I10C", patient=A
    )
    joined = message(f"ADT^{trigger}", "20260302100000", merge_segment, visit(location="3E^1"), patient=A)
    tables = fold(ADMIT, second, joined)
    assert visits(tables, "visit_occurrence_key", "visit_start_datetime") == [(visit_key("V1"), T(2026, 2, 28, 11))]
    assert places(tables, visit_key("V1")) == [("4W^2", T(2026, 2, 28, 11), None), ("3E^1", T(2026, 3, 1, 10), None)]
    assert [row["visit_occurrence_key"] for row in tables["condition_occurrence"]] == [visit_key("V1")]
    assert outcomes(tables, "Visit") == {visit_key("V1"): "loaded", visit_key("V2"): "merged"}


@pytest.mark.parametrize("trigger", ["A43", "A44", "A45"])
def test_1_20_only_the_visits_that_are_named_move(trigger: str) -> None:
    result = message(
        "ORU^R01",
        "20260301130000",
        "PV1|1|I|||||||||||||||||V2^^^HOSP",
        "OBR|1||F1",
        "OBX|1|NM|1^A^LN||7||||||F",
        patient=B,
    )
    named = "MRG|200^^^HOSP&urn:oid:1.2.3^MR||||V2^^^HOSP"
    move = message(f"ADT^{trigger}", "20260302100000", named, visit(f19="V2^^^HOSP"), patient=A)
    assert owners(ADMIT, OTHER, THIRD, move) == {
        visit_key("V1"): person("100"),
        visit_key("V2"): person("100"),
        visit_key("V3"): person("200"),
    }
    tables = fold(OTHER, THIRD, result, move)
    assert [row["person_key"] for row in tables["measurement"]] == [person("100")]
    # What the old patient's number still says of the visit is about the one whose it is.
    late = message("ADT^A03", "20260303100000", visit(location="4W^2", f19="V2^^^HOSP"), patient=B)
    assert owners(OTHER, move, late) == {visit_key("V2"): person("100")}
    both = message(
        f"ADT^{trigger}",
        "20260302100000",
        named,
        visit(f19="V2^^^HOSP"),
        named.replace("V2", "V3"),
        visit(f19="V3^^^HOSP"),
        patient=A,
    )
    assert set(owners(OTHER, THIRD, both).values()) == {person("100")}


def test_1_21_deprecated_merges_merge_and_changes_of_number_alias() -> None:
    for trigger in ("A18", "A30"):
        tables = fold(ADMIT, OTHER, merge(trigger, "20260302100000", "100", "200"))
        assert merged(tables) == {person("100"): None, person("200"): person("100")}
    before = message(
        "ADT^A28", "20260228100000", "AL1|1|DA|7980^Penicillin^RXNORM", patient=patient("200", "||19610405|M")
    )
    after = message("ADT^A31", "20260303100000", patient=patient("200", "|||O"))
    for trigger in ("A47", "A49"):
        change = message(
            f"ADT^{trigger}", "20260302100000", "MRG|200^^^HOSP&urn:oid:1.2.3^MR", patient=patient("100", "")
        )
        tables = fold(before, change, after)
        assert merged(tables) == {person("100"): None, person("200"): person("100")}
        (one,) = (row for row in tables["person"] if row["person_key"] == person("100"))
        # One record: what was told under the old number is told of the new.
        assert (one["year_of_birth"], one["gender_source_value"]) == (1961, "other")
        assert [row["person_key"] for row in tables["observation"]] == [person("100")]


def test_1_22_a_link_is_no_merge_and_can_be_undone() -> None:
    link = message("ADT^A24", "20260302100000", B, patient=A)
    tables = fold(ADMIT, OTHER, link)
    assert merged(tables) == {person("100"): None, person("200"): None}
    assert [(row["person_key"], row["linked_to_person_key"]) for row in tables["linked_person"]] == [
        (person("100"), person("200"))
    ]
    unlink = message("ADT^A37", "20260303100000", A, patient=B)
    assert fold(ADMIT, OTHER, link, unlink)["linked_person"] == []


def test_1_23_allergies_by_action_and_a_new_visit_number_with_its_history(db: Database, ingest: Ingest) -> None:
    add = message(
        "ADT^A60", "20260302100000", "IAM|1|DA|7980^Penicillin^RXNORM|SV||A", "IAM|2|FA|^Peanut|MO||A", patient=A
    )
    tables = fold(add)
    assert sorted(row["code_text"] for row in tables["observation"]) == ["Peanut", "Penicillin"]
    remove = message("ADT^A60", "20260303100000", "IAM|1|FA|^Peanut|||D", patient=A)
    assert [row["code_text"] for row in fold(add, remove)["observation"]] == ["Penicillin"]
    moved = message("ADT^A02", "20260301120000", visit(location="4W^2"), patient=A)
    for trigger in ("A50", "A51"):
        rename = message(
            f"ADT^{trigger}", "20260302100000", "MRG|100^^^HOSP||||V1^^^HOSP", visit(f19="V8^^^HOSP"), patient=A
        )
        late = message("ADT^A03", "20260303100000", visit(location="4W^2"), patient=A)
        tables = fold(ADMIT, moved, rename, late)
        assert visits(tables, "visit_occurrence_key") == [(visit_key("V8"),)]
        assert stay(tables) == (T(2026, 3, 1, 10), T(2026, 3, 3, 10), None)
        assert [place[0] for place in places(tables, visit_key("V8"))] == ["3E^1", "4W^2"]
    ingest(ADMIT, moved)
    assert [row["visit_occurrence_key"] for row in rows(db, "visit_occurrence")] == [visit_key("V1")]
    ingest(rename)
    assert [row["visit_occurrence_key"] for row in rows(db, "visit_occurrence")] == [visit_key("V8")]
