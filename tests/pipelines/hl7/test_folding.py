"""Events of patient administration end in the right state, in whatever order and however often they arrive."""

import itertools
import random
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipelines.hl7 import fold_messages, ingest_hl7
from pipelines.hl7.backlog import backlog
from pipelines.hl7.events import read_event
from pipelines.hl7.in_memory import folded
from pipelines.hl7.landing import land_hl7
from pipelines.hl7.policy import Policy
from pipelines.hl7.rows import Folded
from pipelines.keys import derived_key
from resources.postgres import Database, Role
from resources.settings import Settings
from tests.pipelines.hl7.conftest import Ingest
from tests.pipelines.hl7.messages import PATIENT, message, rows, snapshot, visit

PERSON = derived_key("hl7v2", "1.2.3", "100")
OTHER = PATIENT.replace("|100^", "|200^")
MERGE = "MRG|200^^^HOSP&urn:oid:1.2.3&ISO^MR"
PNEUMONIA = "DG1|1||J18.9^Pneumonia^I10C||20260301|A"
HYPERTENSION = "DG1|1||I10^Hypertension^ICD-10-CM||||F"
PENICILLIN = "AL1|1|DA|7980^Penicillin G^RXNORM"
LEFT = "20260303100000-0500"
STAY = (
    message("ADT^A01", "20260301100000-0500", visit(location="3E^301", f14="7", f44="20260301093000-0500"), PNEUMONIA),
    message("ADT^A08", "20260301110000-0500", visit(location="3E^302"), PENICILLIN),
    message("ADT^A02", "20260302100000-0500", visit(location="4W^1")),
    message("ADT^A02", "20260302110000-0500", visit(location="5W^1")),
    message("ADT^A12", "20260302113000-0500", visit(location="4W^1")),
    message("ADT^A03", LEFT, visit(location="4W^1", f36="01", f45=LEFT)),
    message("ADT^A13", "20260303120000-0500", visit(location="4W^1", f36="01", f45=LEFT)),
    message("ADT^A31", "20260303130000-0500", patient=PATIENT.replace("|F|", "|O|")),
    message("ADT^A03", "20260304100000-0500", visit(location="4W^1", f36="02"), HYPERTENSION),
)
ORDER = "OBR|1||F1^LAB|24323-8^CMP^LN|||20260308"


def glucose(value: int, status: str) -> str:
    return f"OBX|1|NM|2345-7^Glucose^LN||{value}|mg/dL^^UCUM|70-99|N|||{status}"


OTHERS = (
    message("ADT^A04", "20260305100000", visit("E", "ED^1", f19="V2^^^HOSP"), patient=OTHER),
    message("ADT^A11", "20260305110000", visit("E", "ED^1", f19="V2^^^HOSP"), patient=OTHER),
    message("ADT^A40", "20260306100000", MERGE),
    message("ADT^A05", "20260307100000", visit("P", f19="V3^^^HOSP")),
    message("ORU^R01", "20260308100000", ORDER, glucose(99, "P")),
    message("ORU^R01", "20260308110000", ORDER, glucose(95, "F")),
    message("ORU^R01", "20260308120000", ORDER, glucose(96, "C")),
)


def state(contents: list[bytes]) -> list[Folded]:
    """What folding gives for messages received in this order, without a database."""
    zone = datetime.now().astimezone().tzinfo
    assert zone is not None
    events = [read_event(number, content, zone) for number, content in enumerate(contents)]
    return sorted(folded(events, Policy(zone)), key=lambda item: item.key)


def test_a_protected_visit_is_labelled_until_a_message_says_otherwise(ingest: Ingest, db: Database) -> None:
    def labels() -> dict[str, Any]:
        return {row["resource_type"]: row["security_labels"] for row in rows(db, "resource")}

    def protection(value: str) -> str:
        return "PV2|" + "|" * 21 + value

    restricted = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]
    ingest(message("ADT^A01", "20260301100000-0500", visit(location="3E"), protection("Y")))
    assert labels() == {"Person": None, "Visit": restricted}
    ingest(message("ADT^A08", "20260301110000-0500", visit(location="3E"), "PV2|||"))
    assert labels()["Visit"] == restricted
    ingest(message("ADT^A08", "20260301120000-0500", visit(location="3E"), protection("N")))
    assert labels()["Visit"] is None
    ingest(message("ADT^A08", "20260301130000-0500", visit(location="3E"), protection("perhaps")))
    assert labels()["Visit"] == restricted
    ingest(message("ADT^A08", "20260301140000-0500", visit(location="3E"), protection('""')))
    assert labels()["Visit"] is None


def test_a_stay_with_corrections_and_cancellations(ingest: Ingest, db: Database) -> None:
    ingest(*STAY)
    (stay,) = rows(db, "visit_occurrence")
    assert (stay["person_key"], stay["class_code"], stay["status"]) == (PERSON, "IMP", "finished")
    assert stay["visit_start_datetime"] == datetime(2026, 3, 1, 9, 30)
    assert stay["visit_end_datetime"] == datetime(2026, 3, 4, 10)
    assert (stay["admitted_from_source_value"], stay["discharged_to_source_value"]) == ("7", "02")
    places = rows(db, "visit_detail", order="visit_detail_start_datetime")
    assert [
        (p["visit_detail_source_value"], p["visit_detail_start_datetime"], p["visit_detail_end_datetime"])
        for p in places
    ] == [
        ("3E^302", datetime(2026, 3, 1, 9, 30), datetime(2026, 3, 2, 10)),
        ("4W^1", datetime(2026, 3, 2, 10), datetime(2026, 3, 4, 10)),
    ]
    conditions = rows(db, "condition_occurrence", order="condition_start_date")
    system = "http://hl7.org/fhir/sid/icd-10-cm"
    assert [(c["codings"], c["condition_start_date"], c["visit_occurrence_key"]) for c in conditions] == [
        (
            [{"system": system, "code": "J18.9", "display": "Pneumonia"}],
            date(2026, 3, 1),
            stay["visit_occurrence_key"],
        ),
        (
            [{"system": system, "code": "I10", "display": "Hypertension"}],
            date(2026, 3, 4),
            stay["visit_occurrence_key"],
        ),
    ]
    (allergy,) = rows(db, "observation")
    assert (allergy["kind"], allergy["category"], allergy["codings"][0]["code"]) == ("allergy", "medication", "7980")


def test_a_person_keeps_what_is_empty_and_loses_what_is_deleted(ingest: Ingest, db: Database) -> None:
    without = PATIENT.replace("|F|", '|""|').replace("|19600203|", "||").partition("|||1 Way")[0]
    ingest(*STAY, message("ADT^A31", "20260401", patient=without))
    (person,) = rows(db, "person")
    assert person["person_key"] == PERSON
    assert (person["year_of_birth"], person["month_of_birth"], person["day_of_birth"]) == (1960, 2, 3)
    assert person["gender_source_value"] is None
    (home,) = rows(db, "location")
    assert (home["city"], home["state"], home["zip"]) == ("Boston", "MA", "02101")
    assert home["location_key"] == person["location_key"]
    found = rows(db, "person_identifier", order="identifier_type")
    assert [(i["assigning_authority"], i["identifier_value"], i["identifier_type"]) for i in found] == [
        ("1.2.3", "100", "MR"),
        ("SSA", "999-00", "SS"),
    ]


def test_a_merged_person_stays_and_points_at_the_survivor(ingest: Ingest, db: Database) -> None:
    ingest(OTHERS[2])
    ingest(message("ADT^A28", "20260101", patient=OTHER))
    retired = derived_key("hl7v2", "1.2.3", "200")
    assert {p["person_key"]: p["merged_into_person_key"] for p in rows(db, "person")} == {PERSON: None, retired: PERSON}
    back = message("ADT^A40", "20260310", MERGE.replace("200", "100"), patient=OTHER)
    assert ingest(back).quarantined == {"merge_cycle": 1}
    assert {p["person_key"]: p["merged_into_person_key"] for p in rows(db, "person")} == {PERSON: None, retired: PERSON}


def test_a_cancelled_admission_and_a_planned_one_are_no_visits(ingest: Ingest, db: Database) -> None:
    ingest(*OTHERS[:2], OTHERS[3])
    assert rows(db, "visit_occurrence") == rows(db, "visit_detail") == []
    assert {r["outcome"] for r in rows(db, "resource") if r["resource_type"] == "Visit"} == {"cancelled", "planned"}
    ingest(message("ADT^A01", "20260308", visit(f19="V3^^^HOSP")))
    assert [v["class_code"] for v in rows(db, "visit_occurrence")] == ["IMP"]


def test_a_deleted_person_leaves_nothing_behind(ingest: Ingest, db: Database) -> None:
    ingest(*STAY, *OTHERS[4:])
    ingest(message("ADT^A29", "20260401"))
    assert all(
        not rows(db, table)
        for table in ("person", "person_identifier", "location", "visit_occurrence", "measurement", "observation")
    )


def test_an_outpatient_who_is_admitted_has_one_visit(ingest: Ingest, db: Database) -> None:
    ingest(
        message("ADT^A04", "20260301080000", visit("E", "ED^1")),
        message("ADT^A06", "20260301120000", visit("I", "3E^1")),
        message("ADT^A08", "20260301130000", "PV1|1|N"),
    )
    (stay,) = rows(db, "visit_occurrence")
    assert (stay["class_code"], stay["visit_start_datetime"]) == ("IMP", datetime(2026, 3, 1, 8))
    assert (stay["status"], stay["visit_end_date"]) == ("in-progress", None)
    assert [p["visit_detail_source_value"] for p in rows(db, "visit_detail", order="visit_detail_start_datetime")] == [
        "ED^1",
        "3E^1",
    ]


def test_every_order_of_a_stay_gives_the_same_state() -> None:
    expected = state(list(STAY[:7]))
    for shuffled in itertools.permutations(STAY[:7]):
        assert state(list(shuffled)) == expected


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.permutations((*STAY, *OTHERS)), st.lists(st.sampled_from((*STAY, *OTHERS)), max_size=6))
def test_any_order_and_repetition_gives_the_same_state(shuffled: list[bytes], repeated: list[bytes]) -> None:
    assert state([*shuffled, *repeated]) == state([*STAY, *OTHERS])


@pytest.mark.parametrize("seed", range(3))
def test_any_order_in_several_ingests_gives_the_same_rows(
    settings: Settings, db: Database, ingest: Ingest, seed: int, tmp_path: Path
) -> None:
    generator = random.Random(seed)
    feed = [*STAY, *OTHERS, *generator.sample(STAY + OTHERS, 4)]
    generator.shuffle(feed)
    cuts = sorted(generator.sample(range(1, len(feed)), 4))
    for start, end in itertools.pairwise([0, *cuts, len(feed)]):
        ingest(b"".join(feed[start:end]))
    incremental = snapshot(db)
    with db.connect(Role.INGEST) as connection:
        for table in incremental:
            query: Any = f"DELETE FROM bronze.{table}"
            connection.execute(query)
        connection.execute("UPDATE landing.hl7_message SET folded_at = NULL")
    fold_messages(settings, db)
    assert snapshot(db) == incremental
    assert len(incremental["visit_occurrence"]) == 1
    assert [float(m["value_number"]) for m in incremental["measurement"]] == [96]


def test_the_same_message_in_another_file_is_known_and_changes_nothing(ingest: Ingest, db: Database) -> None:
    ingest(*STAY)
    before = snapshot(db), rows(db, "resource", "resource_key, changed_at")
    again = ingest(STAY[0] + STAY[1])
    assert (again.read.total(), again.excluded) == (2, {"already_loaded": 2})
    assert (snapshot(db), rows(db, "resource", "resource_key, changed_at")) == before


def test_a_fold_reports_whose_rows_changed(settings: Settings, db: Database, ingest: Ingest, tmp_path: Path) -> None:
    ingest(*STAY)
    path = tmp_path / "late.hl7"
    path.write_bytes(message("ADT^A08", "20260304160000", visit(location="9Z")))
    land_hl7(settings, db, [path])
    assert backlog(db).messages == 1
    report = fold_messages(settings, db)
    assert (report.account.loaded, report.person_keys) == ({"ADT^A08": 1}, (PERSON,))
    assert backlog(db).messages == 0
    assert fold_messages(settings, db).person_keys == ()


def test_a_run_that_died_between_its_steps_is_taken_up(settings: Settings, db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.hl7"
    path.write_bytes(b"".join(STAY))
    land_hl7(settings, db, [path])
    account = ingest_hl7(settings, db, [path, path])
    assert account.closes
    assert account.loaded.total() == len(STAY)
    assert account.excluded == {"already_loaded": len(STAY)}
    assert len(rows(db, "visit_occurrence")) == 1


def test_a_landed_file_that_was_not_split_is_split_by_the_next_run(
    settings: Settings, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "a.hl7", tmp_path / "b.hl7"
    first.write_bytes(STAY[0])
    second.write_bytes(STAY[1])
    with monkeypatch.context() as patched:
        patched.setattr("pipelines.hl7.landing._store", _interrupt)
        with pytest.raises(KeyboardInterrupt):
            land_hl7(settings, db, [first])
    assert backlog(db).messages == 0
    land_hl7(settings, db, [second])
    assert backlog(db).messages == 2


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_no_name_reaches_audit_or_logs(ingest: Ingest, db: Database) -> None:
    ingest(*STAY, *OTHERS)
    with db.connect(Role.AUDITOR) as connection:
        found = connection.execute("SELECT e::text FROM audit.event AS e").fetchall()
    assert found
    assert not [text for (text,) in found if "CANARY" in text or "999-00" in text]


def test_times_without_offset_are_in_the_configured_zone(settings: Settings, db: Database, tmp_path: Path) -> None:
    path = tmp_path / "a.hl7"
    path.write_bytes(message("ADT^A28", "20260101233000", occurred="2026"))
    ingest_hl7(settings.model_copy(update={"time_zone": "America/New_York"}), db, [path])
    with db.connect(Role.INGEST) as connection:
        row = connection.execute(
            "SELECT message_at AT TIME ZONE 'UTC', event_at AT TIME ZONE 'UTC' FROM landing.hl7_message"
        ).fetchone()
    assert row == (datetime(2026, 1, 2, 4, 30), datetime(2026, 1, 1, 5))


def test_errors_carry_no_text_of_the_message() -> None:
    with pytest.raises(ValueError, match="no_visit_number") as caught:
        read_event(1, message("ADT^A01", "20260101"), UTC)
    assert "CANARYNAME" not in str(caught.value)
