"""Bulk Data exports: kick-off, polls, files and watermarks, with what vendors really do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipelines.fhir_server.errors import FhirServerError
from pipelines.fhir_server.waiting import RateLimit
from tests.pipelines.fhir.synthetic import encounter, observation, patient, updated
from tests.pipelines.fhir_server.conftest import Home, Make
from tests.pipelines.fhir_server.hospital import Hospital, Reply, as_json, outcome

FILE = "files/1/Observation-0"
KICK_OFF = "Group/g1/$export"


def broken(length: int) -> Callable[[Reply], Reply]:
    return lambda reply: replace(reply, cut=length)


@pytest.fixture(autouse=True)
def _fill(site: Hospital) -> None:
    site.add(updated(patient(), 1), updated(encounter(), 1))
    site.add(*(updated(observation(f"o{n}", valueInteger=n), 1 + n) for n in range(5)))


def leave_export(site: Hospital, home: Home, server: Any) -> None:
    """A run that breaks off while it waits for the export."""
    site.mistakes["status/1"] = [Reply(500)] * server.attempts
    with pytest.raises(FhirServerError, match="status of the export: HTTP 500"):
        home.gather(server)
    assert home.state["export"]["status_url"] == f"{site.base}/status/1"


def test_an_export_gives_everything_once_and_is_deleted(site: Hospital, make: Make, home: Home) -> None:
    given = home.gather(make("Patient", "Encounter", "Observation"))
    assert given.names == sorted(site.resources)
    assert (given.held, given.findings) == ({}, {})
    (kick_off,) = site.asked(KICK_OFF)
    assert kick_off.query == {"_type": ["Patient,Encounter,Observation"]}
    # Rule 2: the server's time, not ours, is the watermark.
    assert {mark["0"][0] for mark in home.watermarks.values()} == {"2026-03-01T12:00:00+00:00"}
    assert site.exports["1"]["deleted"]


def test_files_do_not_count_against_the_rate_and_all_else_does(
    site: Hospital, make: Make, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited, wait = [], RateLimit.wait

    def count(rate: RateLimit) -> None:
        waited.append(rate)
        wait(rate)

    monkeypatch.setattr(RateLimit, "wait", count)
    site.add({"resourceType": "DocumentReference", "id": "d", "status": "current", "content": [
        {"attachment": {"contentType": "text/plain", "url": "Binary/b"}}]})  # fmt: skip
    site.binaries["Binary/b"] = Reply(200, b"text", {"Content-Type": "text/plain"})
    given = home.gather(make("Patient", "Encounter", "Observation", "DocumentReference"))
    assert given.findings == {"attachment_fetched": 1}
    files = sum(path.startswith("files/") for path in site.counted().elements())
    assert (files, len(waited)) == (5, len(site.requests) - 5)


def test_the_status_address_is_kept_before_the_first_poll(site: Hospital, make: Make, home: Home) -> None:
    """Rule 9: what breaks off goes on, and no second export is asked for."""
    server = make("Patient", "Observation", "Encounter")
    leave_export(site, home, server)
    site.mistakes[FILE] = [broken(40)] * server.attempts
    with pytest.raises(FhirServerError, match="download of a file of Observation: no whole answer"):
        home.gather(server)
    assert home.watermarks == {}
    given = home.gather(server)
    assert given.findings == {"export_resumed": 1}
    assert len(site.exports) == 1
    assert given.names == sorted(site.resources)
    # What came whole before the download broke off is not fetched again.
    assert site.counted()["files/1/Patient-0"] == 1
    assert site.asked(FILE)[-1].headers["Range"] == "bytes=160-"


def test_an_export_that_the_server_forgot_is_asked_for_anew(site: Hospital, make: Make, home: Home) -> None:
    server = make("Patient")
    leave_export(site, home, server)
    site.exports["1"]["deleted"] = True
    given = home.gather(server)
    assert given.findings == {"export_resumed": 1, "export_gone": 1}
    assert (given.names, len(site.exports)) == (["Patient/p1"], 2)


def test_an_export_can_be_given_up(site: Hospital, make: Make, home: Home) -> None:
    server = make("Patient")
    leave_export(site, home, server)
    assert home.gather(server, restart=True).findings == {}
    assert site.exports["1"]["deleted"]
    assert len(site.exports) == 2


def test_an_export_that_takes_too_long_goes_on_at_the_server(site: Hospital, make: Make, home: Home) -> None:
    site.polls = 10_000
    with pytest.raises(FhirServerError, match="the next run takes it up"):
        home.gather(make("Patient", export={"give_up_hours": 0.00001}))
    site.exports["1"]["polls"] = 0
    assert home.gather(make("Patient")).names == ["Patient/p1"]


def test_errors_of_the_export_are_reported_and_hold_the_watermark(site: Hospital, make: Make, home: Home) -> None:
    """Rule 4."""
    server = make("Patient", "Encounter", "Observation")
    site.errors = [outcome("processing", number="59133"), outcome("informational", "information")]
    given = home.gather(server)
    assert given.names == sorted(site.resources)
    assert given.findings == {"export_error:processing/59133": 1, "export_information:informational": 1}
    assert set(given.held) == {"Patient", "Encounter", "Observation"}
    assert (home.watermarks, home.state["last_export"]["state"]) == ({}, "partial")
    site.errors = [outcome("informational", "information")]
    assert home.gather(server).held == {}
    assert "_since" not in site.asked(KICK_OFF)[1].query
    assert set(home.watermarks) == {"Patient", "Encounter", "Observation"}


@pytest.mark.parametrize("count", [0, 1, 99, None, "many"])
def test_a_wrong_count_is_no_reason_to_stop(site: Hospital, make: Make, home: Home, count: Any) -> None:
    """Rule 5: lines are counted; a file that should be longer is fetched once more."""
    site.lines_each = 10
    site.output = {"count": count}
    given = home.gather(make("Observation"))
    assert len(given.lines) == 5
    assert given.findings == ({"count_differs": 1} if isinstance(count, int) else {})
    assert site.counted()[FILE] == (2 if count == 99 else 1)


@pytest.mark.parametrize("ends", [lambda body: body[:-9], lambda body: body + b'{"resourceType":"Obs'])
def test_a_file_with_its_end_cut_off_is_fetched_again(
    site: Hospital, make: Make, home: Home, ends: Callable[[bytes], bytes]
) -> None:
    """Rule 6: the file, not the job. The length that the server tells is that of what it sent."""
    site.mistakes[FILE] = [lambda reply: replace(reply, body=ends(reply.body))]
    given = home.gather(make("Observation"))
    assert given.findings == {"file_truncated": 1}
    assert len(given.lines) == 5
    assert (site.counted()[FILE], site.counted()["files/1/Observation-3"], len(site.exports)) == (2, 1, 1)
    site.time = "2026-03-02T00:00:00Z"
    site.add(updated(observation(), 1, meta={"lastUpdated": site.time}))
    site.mistakes["files/2/Observation-0"] = [lambda reply: replace(reply, body=ends(reply.body))] * 3
    with pytest.raises(FhirServerError, match="3 times, and never whole"):
        home.gather(make("Observation"))
    assert home.watermarks["Observation"]["0"][0].startswith("2026-03-01")


def test_a_download_that_breaks_goes_on_where_it_broke(site: Hospital, make: Make, home: Home) -> None:
    site.mistakes[FILE] = [broken(100), Reply(503), broken(50)]
    given = home.gather(make("Observation"))
    assert given.findings == {"download_broken": 2}
    assert [one.headers.get("Range") for one in site.asked(FILE)] == [None, "bytes=100-", "bytes=100-", "bytes=150-"]
    assert given.names == [f"Observation/o{n}" for n in range(5)]


@pytest.mark.parametrize(
    "answer",
    [
        # All of it as a part: appended, it would lose the line in which the file broke off, and still have its lines.
        lambda site: Reply(206, site.exports["1"]["Observation-0"], {"Content-Range": "bytes 0-999/999"}),
        lambda site: Reply(206, site.exports["1"]["Observation-0"]),
        lambda site: Reply(416),
        lambda site: Reply(200, site.exports["1"]["Observation-0"]),
    ],
)
def test_a_server_that_does_not_resume_gives_the_whole_file(
    site: Hospital, make: Make, home: Home, answer: Callable[[Hospital], Reply]
) -> None:
    site.mistakes[FILE] = [broken(100), lambda reply: answer(site)]
    assert home.gather(make("Observation")).names == [f"Observation/o{n}" for n in range(5)]


def test_types_that_were_not_asked_for_stay_where_they_are(site: Hospital, make: Make, home: Home) -> None:
    """Rule 12."""
    files = [("Observation", f"{site.base}/{FILE}"), ("Patient", f"{site.base}/files/1/Patient-0")]
    site.manifest = {"output": [*({"type": kind, "url": url} for kind, url in files), {"type": "Observation"}, 5]}
    given = home.gather(make("Observation"))
    assert given.findings == {"type_not_asked": 1, "manifest_entry_unusable": 2}
    assert site.counted()["files/1/Patient-0"] == 0
    assert given.names == ["Observation/o0", "Observation/o1", "Observation/o2"]


@pytest.mark.parametrize("time", [None, "yesterday", 5])
def test_without_the_servers_time_no_watermark(site: Hospital, make: Make, home: Home, time: object) -> None:
    site.manifest = {"transactionTime": time}
    given = home.gather(make("Patient"))
    assert (given.names, list(given.held), home.watermarks) == (["Patient/p1"], ["Patient"], {})


@pytest.mark.parametrize("wait", ["18000", "Wed, 21 Oct 2065 07:28:00 GMT", "soon", "-1", "0", "9" * 500])
def test_a_poll_waits_as_asked_but_never_long(site: Hospital, make: Make, home: Home, wait: str) -> None:
    """Rule 3: Oracle Health was seen to ask for five hours."""
    waits: list[float] = []
    site.mistakes["status/1"] = [Reply(202, headers={"Retry-After": wait}), Reply(429, headers={"Retry-After": wait})]
    server = make("Patient")
    assert home.gather(server, waits.append).names == ["Patient/p1"]
    expected = server.maximum_wait_seconds if wait[:2] in ("18", "We", "99") else server.export.poll_seconds
    assert waits[0] == pytest.approx(expected)


def test_a_throttled_kick_off_is_repeated_and_a_failed_one_is_not(site: Hospital, make: Make, home: Home) -> None:
    """A kick-off that met another error may have begun an export."""
    site.mistakes[KICK_OFF] = [as_json(outcome("throttled"), 429, Retry_After="1")]
    home.gather(make("Patient"))
    assert site.counted()[KICK_OFF] == 2
    site.mistakes[KICK_OFF] = [as_json(outcome("exception"), 500)]
    with pytest.raises(FhirServerError, match=r"kick-off of the export: HTTP 500 \(exception\)") as caught:
        home.gather(make("Patient"))
    assert site.counted()[KICK_OFF] == 3
    assert "Doe" not in str(caught.value)
    site.mistakes[KICK_OFF] = [Reply(202)]
    with pytest.raises(FhirServerError, match="its status has no address"):
        home.gather(make("Patient"))


def test_filters_are_joined_so_that_their_commas_stay(site: Hospital, make: Make, home: Home) -> None:
    filters = {"Observation": ["category=laboratory,vital-signs", "status=final"], "Patient": "active=true"}
    home.gather(make("Patient", "Observation", export={"type_filters": filters}))
    assert site.asked(KICK_OFF)[0].query["_typeFilter"] == [
        "Patient?active=true,Observation?category=laboratory%2Cvital-signs,Observation?status=final"
    ]


def test_what_changed_is_asked_for_by_since(site: Hospital, make: Make, home: Home) -> None:
    home.gather(make("Patient"))
    site.time = "2026-03-02T12:00:00Z"
    site.add(updated(patient("p2"), 1, meta={"lastUpdated": "2026-03-01T11:59:00Z"}))
    given = home.gather(make("Patient", "Observation"))
    # A type that is new is read whole, and the overlap makes up for clocks that differ.
    assert [one.query for one in site.asked(KICK_OFF)[1:]] == [
        {"_type": ["Patient"], "_since": ["2026-03-01T11:50:00.000Z"]},
        {"_type": ["Observation"]},
    ]
    assert given.names == [*(f"Observation/o{n}" for n in range(5)), "Patient/p2"]


def test_a_server_that_tracks_no_updates_is_asked_by_date_or_for_everything(
    site: Hospital, make: Make, home: Home
) -> None:
    """Rule 1: Epic declares no _lastUpdated."""
    site.tracks_updates = False
    site.parameters = {"Condition": ["recorded-date"]}
    server = make("Patient", "Condition", export={"filters_are_supported": True, "type_filters": {"Condition": "a=b"}})
    home.gather(server)
    site.time = "2026-04-15T00:00:00Z"
    for _run in range(2):
        home.gather(server)
    asked = [one.query for one in site.asked(KICK_OFF)]
    assert all("_since" not in query for query in asked)
    # More than thirty days after it was read whole, an older record may have changed.
    assert [query["_typeFilter"] for query in asked] == [
        ["Condition?a=b"],
        ["Condition?a=b&recorded-date=ge2026-03-01T11:50:00.000Z"],
        ["Condition?a=b"],
    ]


@pytest.mark.parametrize(
    ("mode", "filters", "since", "window"),
    [
        (None, False, False, False),
        ("full", True, False, False),
        ("created", True, False, True),
        ("since", True, True, False),
        ("lastUpdated", True, True, False),
    ],
)
def test_the_settings_have_the_last_word_on_how_to_ask(
    site: Hospital, make: Make, home: Home, mode: str | None, filters: bool, since: bool, window: bool
) -> None:
    site.tracks_updates = False
    site.parameters = {"Condition": ["recorded-date"]}
    modes = {} if mode is None else {"Condition": mode}
    for _run in range(2):
        home.gather(make("Condition", export={"filters_are_supported": filters}, modes=modes))
    query = site.asked(KICK_OFF)[1].query
    assert ("_since" in query, "_typeFilter" in query) == (since, window)


@pytest.mark.parametrize(("of", "path"), [("system", "$export"), ("patient", "Patient/$export")])
def test_the_whole_system_and_all_patients(site: Hospital, make: Make, home: Home, of: str, path: str) -> None:
    home.gather(make("Patient", export={"of": of, "group": None}))
    assert len(site.asked(path)) == 1


def test_an_export_that_can_not_be_deleted_is_loaded_all_the_same(site: Hospital, make: Make, home: Home) -> None:
    server = make("Patient")
    site.polls = 0
    site.mistakes["status/1"] = [None, Reply(500)]
    given = home.gather(server)
    assert (given.names, given.findings) == (["Patient/p1"], {"export_not_deleted": 1})
    assert set(home.watermarks) == {"Patient"}
