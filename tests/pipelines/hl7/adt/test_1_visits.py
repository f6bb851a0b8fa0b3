"""Section 1 of the checklist, what events do to a visit: one test a line."""

from datetime import datetime

import pytest

from tests.pipelines.hl7.adt.fold import doubts, fold, outcomes, person, places, stay, visit_key, visits
from tests.pipelines.hl7.messages import message, visit

T = datetime
ADMIT = message("ADT^A01", "20260301100000", visit(location="3E^301^A"))
TRANSFER = message("ADT^A02", "20260302100000", visit(location="4W^1^B", f6="3E^301^A"))
LEAVE = message("ADT^A03", "20260303100000", visit(location="4W^1^B", f36="01"))


@pytest.mark.parametrize(
    ("begins", "occurred", "expected"),
    [
        ("20260301080000", "20260301090000", T(2026, 3, 1, 8)),
        ("", "20260301090000", T(2026, 3, 1, 9)),
        ("", "", T(2026, 3, 1, 10)),
    ],
)
def test_1_01_admission_starts_the_visit_at_pv1_44_else_evn_6_else_evn_2(
    begins: str, occurred: str, expected: datetime
) -> None:
    admission = message("ADT^A01", "20260301100000", visit(location="3E^301^A", f44=begins))
    admission = admission.replace(b"|20260301100000||||20260301100000\r", f"|20260301100000||||{occurred}\r".encode())
    tables = fold(admission)
    assert visits(tables, "visit_occurrence_key", "person_key", "class_code", "status", "visit_start_datetime") == [
        (visit_key(), person(), "IMP", "in-progress", expected)
    ]
    assert places(tables) == [("3E^301^A", expected, None)]


def test_1_02_registration_makes_an_outpatient_or_emergency_visit_without_a_bed() -> None:
    tables = fold(
        message("ADT^A04", "20260301100000", visit("O")),
        message("ADT^A04", "20260302100000", visit("E", f19="V2^^^HOSP")),
    )
    assert visits(tables, "class_code", "visit_start_datetime") == [
        ("AMB", T(2026, 3, 1, 10)),
        ("EMER", T(2026, 3, 2, 10)),
    ]
    assert places(tables) == []


@pytest.mark.parametrize("comes", ["A01", "A04", "A06"])
def test_1_03_a_planned_visit_is_no_row_until_the_patient_comes(comes: str) -> None:
    planned = message("ADT^A05", "20260301100000", visit("I", "3E"))
    updated = message("ADT^A08", "20260301110000", visit("I", "3E", f44="20260310080000"))
    tables = fold(planned, updated)
    assert (visits(tables, "class_code"), outcomes(tables, "Visit")) == ([], {visit_key(): "planned"})
    tables = fold(planned, updated, message(f"ADT^{comes}", "20260310090000", visit("I", "3E^1")))
    assert visits(tables, "class_code", "visit_start_datetime") == [("IMP", T(2026, 3, 10, 8))]


def test_1_04_a_transfer_closes_one_detail_and_opens_the_next() -> None:
    tables = fold(ADMIT, TRANSFER)
    assert places(tables) == [
        ("3E^301^A", T(2026, 3, 1, 10), T(2026, 3, 2, 10)),
        ("4W^1^B", T(2026, 3, 2, 10), None),
    ]
    assert doubts(tables) == []
    other = message("ADT^A02", "20260302100000", visit(location="4W^1^B", f6="9Z^9^C"))
    tables = fold(ADMIT, other)
    assert doubts(tables) == [("prior_location_differs", "PV1-6", "9Z^9^C")]
    assert [place[0] for place in places(tables)] == ["3E^301^A", "4W^1^B"]


@pytest.mark.parametrize(
    ("ends", "occurred", "expected"),
    [
        ("20260303080000", "20260303090000", T(2026, 3, 3, 8)),
        ("", "20260303090000", T(2026, 3, 3, 9)),
        ("", "", T(2026, 3, 3, 10)),
    ],
)
def test_1_05_a_discharge_ends_the_visit_and_its_detail(ends: str, occurred: str, expected: datetime) -> None:
    leave = message("ADT^A03", "20260303100000", visit(location="4W^1^B", f36="01", f45=ends))
    leave = leave.replace(b"|20260303100000||||20260303100000\r", f"|20260303100000||||{occurred}\r".encode())
    tables = fold(ADMIT, TRANSFER, leave)
    assert stay(tables) == (T(2026, 3, 1, 10), expected, "01")
    assert places(tables)[-1] == ("4W^1^B", T(2026, 3, 2, 10), expected)


@pytest.mark.parametrize(
    ("trigger", "before", "after", "expected"), [("A06", "O", "I", "IMP"), ("A07", "I", "O", "AMB")]
)
def test_1_06_a_change_of_class_keeps_one_visit_also_under_a_new_number(
    trigger: str, before: str, after: str, expected: str
) -> None:
    start = message("ADT^A04", "20260301100000", visit(before, "ED^1"))
    same = message(f"ADT^{trigger}", "20260301120000", visit(after, "3E^1"))
    new = visit(after, "3E^1", f19="V2^^^HOSP")
    by_merge = message(f"ADT^{trigger}", "20260301120000", "MRG|100^^^HOSP||||V1^^^HOSP", new)
    by_alternate = message(f"ADT^{trigger}", "20260301120000", visit(after, "3E^1", f19="V2^^^HOSP", f50="V1^^^HOSP"))
    for change, key in ((same, "V1"), (by_merge, "V2"), (by_alternate, "V2")):
        tables = fold(start, change)
        assert visits(tables, "visit_occurrence_key", "class_code", "visit_start_datetime") == [
            (visit_key(key), expected, T(2026, 3, 1, 10))
        ]
        assert [place[0] for place in places(tables)] == ["ED^1", "3E^1"]
    # What still comes under the old number is the same visit's.
    tables = fold(start, by_merge, message("ADT^A03", "20260302100000", visit(after, "3E^1")))
    assert visits(tables, "visit_occurrence_key", "visit_end_datetime") == [(visit_key("V2"), T(2026, 3, 2, 10))]


def test_1_07_an_update_corrects_where_the_patient_is_unless_the_policy_says_it_moves() -> None:
    update = message("ADT^A08", "20260301110000", visit("O", "3E^302^A"))
    tables = fold(ADMIT, update)
    assert places(tables) == [("3E^302^A", T(2026, 3, 1, 10), None)]
    assert visits(tables, "class_code") == [("AMB",)]
    assert places(fold(ADMIT, update, updates_move=True)) == [
        ("3E^301^A", T(2026, 3, 1, 10), T(2026, 3, 1, 11)),
        ("3E^302^A", T(2026, 3, 1, 11), None),
    ]


def test_1_08_a_cancelled_admission_is_no_visit_and_one_of_an_unknown_visit_waits() -> None:
    cancel = message("ADT^A11", "20260301110000", visit(location="3E^301^A"))
    for tables in (fold(ADMIT, cancel), fold(cancel), fold(cancel, ADMIT)):
        assert visits(tables, "class_code") == []
        assert outcomes(tables, "Visit") == {visit_key(): "cancelled"}
    again = message("ADT^A01", "20260301120000", visit(location="4W"))
    assert stay(fold(ADMIT, cancel, again)) == (T(2026, 3, 1, 12), None, None)


def test_1_09_a_cancelled_transfer_reopens_the_detail_before() -> None:
    back = message("ADT^A12", "20260302110000", visit(location="3E^301^A"))
    assert places(fold(ADMIT, TRANSFER, back)) == [("3E^301^A", T(2026, 3, 1, 10), None)]
    elsewhere = message("ADT^A12", "20260302110000", visit(location="3E^309^A"))
    assert places(fold(ADMIT, TRANSFER, elsewhere)) == [("3E^309^A", T(2026, 3, 1, 10), None)]


def test_1_10_a_cancelled_discharge_goes_on_and_ends_once() -> None:
    cancel = message("ADT^A13", "20260303110000", visit(location="4W^1^B", f36="01", f45="20260303100000"))
    tables = fold(ADMIT, TRANSFER, LEAVE, cancel)
    assert stay(tables) == (T(2026, 3, 1, 10), None, None)
    assert places(tables)[-1] == ("4W^1^B", T(2026, 3, 2, 10), None)
    again = message("ADT^A03", "20260304100000", visit(location="4W^1^B", f36="02"))
    tables = fold(ADMIT, TRANSFER, LEAVE, cancel, again)
    assert stay(tables) == (T(2026, 3, 1, 10), T(2026, 3, 4, 10), "02")
    assert places(tables)[-1] == ("4W^1^B", T(2026, 3, 2, 10), T(2026, 3, 4, 10))


def test_1_11_pending_events_and_their_cancellations_change_no_visit() -> None:
    before = fold(ADMIT)
    for trigger in ("A14", "A15", "A16", "A25", "A26", "A27"):
        pending = message(f"ADT^{trigger}", "20260302100000", visit("O", "9Z^9^C"))
        tables = fold(ADMIT, pending)
        assert tables["visit_occurrence"] == before["visit_occurrence"]
        assert tables["visit_detail"] == before["visit_detail"]
        assert "visit_occurrence" not in fold(pending)
    planned = message("ADT^A05", "20260228100000", visit())
    cancel = message("ADT^A38", "20260228110000", visit())
    assert outcomes(fold(planned, cancel), "Visit") == {visit_key(): "cancelled"}
    assert stay(fold(planned, ADMIT, cancel.replace(b"20260228110000", b"20260302110000")))[0] == T(2026, 3, 1, 10)


@pytest.mark.parametrize("trigger", ["A28", "A31"])
@pytest.mark.parametrize("patient_class", ["N", "", "I"])
def test_1_12_a_person_is_added_or_updated_and_no_visit_is_made(trigger: str, patient_class: str) -> None:
    tables = fold(message(f"ADT^{trigger}", "20260301100000", visit(patient_class, "3E")))
    assert (outcomes(tables, "Visit"), [row["year_of_birth"] for row in tables["person"]]) == ({}, [1960])


def test_1_13_deleting_a_person_or_a_visit_leaves_no_row() -> None:
    tables = fold(ADMIT, message("ADT^A23", "20260302100000", visit()))
    assert outcomes(tables, "Visit") == {visit_key(): "deleted"}
    assert len(tables["person"]) == 1
    tables = fold(ADMIT, message("ADT^A29", "20260302100000"))
    assert outcomes(tables, "Visit") == {visit_key(): "deleted"}
    assert outcomes(tables, "Person") == {person(): "deleted"}
    assert set(tables) == {"_outcomes"}


def test_1_14_a_leave_of_absence_is_a_detail_and_no_discharge() -> None:
    leave = message("ADT^A21", "20260302100000", visit(location="3E^301^A"))
    back = message("ADT^A22", "20260302180000", visit(location="3E^301^A"))
    gap = ("leave of absence", T(2026, 3, 2, 10), T(2026, 3, 2, 18))
    tables = fold(ADMIT, leave, back)
    assert stay(tables) == (T(2026, 3, 1, 10), None, None)
    assert places(tables) == [
        ("3E^301^A", T(2026, 3, 1, 10), T(2026, 3, 2, 10)),
        gap,
        ("3E^301^A", T(2026, 3, 2, 18), None),
    ]
    away = fold(ADMIT, leave)
    assert visits(away, "status") == [("in-progress",)]
    no_leave = message("ADT^A52", "20260302110000", visit(location="3E^301^A"))
    assert places(fold(ADMIT, leave, no_leave)) == places(fold(ADMIT))
    no_return = message("ADT^A53", "20260302190000", visit(location="3E^301^A"))
    assert places(fold(ADMIT, leave, back, no_return)) == places(away)


def test_1_24_arriving_sets_a_status_and_leaving_closes_only_for_a_tracked_place() -> None:
    arriving = message("ADT^A10", "20260301103000", visit(location="3E^301^A"))
    tables = fold(ADMIT, arriving)
    assert visits(tables, "visit_occurrence_key", "status") == [(visit_key(), "arrived")]
    assert visits(fold(ADMIT, arriving, TRANSFER), "status") == [("in-progress",)]
    leaving = message("ADT^A09", "20260301110000", visit(location="3E^301^A"))
    assert places(fold(ADMIT, leaving)) == [("3E^301^A", T(2026, 3, 1, 10), None)]
    tracked = message("ADT^A09", "20260301110000", visit(location="3E^301^A", f11="XRAY"))
    away = [("3E^301^A", T(2026, 3, 1, 10), T(2026, 3, 1, 11)), ("XRAY", T(2026, 3, 1, 11), None)]
    assert places(fold(ADMIT, tracked)) == away
    back = message("ADT^A10", "20260301120000", visit(location="3E^301^A"))
    assert places(fold(ADMIT, tracked, back))[1:] == [
        ("XRAY", T(2026, 3, 1, 11), T(2026, 3, 1, 12)),
        ("3E^301^A", T(2026, 3, 1, 12), None),
    ]
    cancelled = message("ADT^A33", "20260301113000", visit(location="3E^301^A"))
    assert places(fold(ADMIT, tracked, cancelled)) == places(fold(ADMIT))
    unset = message("ADT^A32", "20260301104000", visit(location="3E^301^A"))
    assert visits(fold(ADMIT, arriving, unset), "status") == [("in-progress",)]


def test_1_25_the_trigger_routes_whatever_the_structure_is_called() -> None:
    def typed(trigger: str, written: str, event: str) -> bytes:
        body = message(f"ADT^{trigger}", "20260301100000", visit("O", "3E"))
        body = body.replace(f"||ADT^{trigger}|".encode(), f"||{written}|".encode())
        return body.replace(f"EVN|{trigger}|".encode(), f"EVN|{event}|".encode())

    for written, event in (("ADT^A04^ADT_A01", "A04"), ("ADT", "A04"), ("ADT^A04", "")):
        tables = fold(typed("A04", written, event))
        assert (visits(tables, "class_code"), doubts(tables)) == ([("AMB",)], [])
    tables = fold(ADMIT, typed("A08", "ADT^A08^ADT_A01", "A08"))
    assert places(tables) == [("3E", T(2026, 3, 1, 10), None)]
    tables = fold(typed("A28", "ADT^A28", "A01"))
    assert (visits(tables, "class_code"), doubts(tables)) == ([], [("trigger_conflict", "EVN-1", "A01")])
