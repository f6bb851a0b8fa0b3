"""REST searches: pages, filters, what servers leave out and what they add."""

import time
from dataclasses import replace
from typing import Any

import orjson
import pytest

from pipelines.fhir.reading import records
from pipelines.fhir_server.client import Client, Request
from pipelines.fhir_server.errors import FhirServerError
from tests.pipelines.fhir.synthetic import observation, patient, updated
from tests.pipelines.fhir_server.conftest import Home, Make
from tests.pipelines.fhir_server.hospital import Hospital, Reply, as_json, outcome

OBSERVATIONS = [f"Observation/o{n}" for n in range(7)]
ONE_BY_ONE = [{"type": "Patient"}, {"type": "Observation", "per_patient": "patient"}]


@pytest.fixture(autouse=True)
def _fill(site: Hospital) -> None:
    site.add(patient(), *(updated(observation(f"o{n}", valueInteger=n), 1 + n) for n in range(7)))


def with_bundle(reply: Reply, **parts: Any) -> Reply:
    bundle = orjson.loads(reply.body)
    entries = bundle["entry"] + parts.pop("more", [])
    return replace(reply, body=orjson.dumps({**bundle, "entry": entries, **parts}))


def test_pages_are_followed_as_they_are_linked(site: Hospital, make: Make, home: Home) -> None:
    given = home.gather(make(searches=[{"type": "Observation", "parameters": {"code": ["a", "b"]}, "count": 2}]))
    assert (given.names, given.findings, given.held) == (OBSERVATIONS, {}, {})
    first, *others = [one for one in site.requests if one.path != "/fhir/metadata" and one.bearer]
    assert (first.query["code"], first.query["_count"]) == (["a", "b"], ["2"])
    # Opaque: an encoded slash and equals sign come back as they were.
    assert [one.query["from"] for one in others] == [["2"], ["4"], ["6"]]
    assert {tuple(one.query["opaque"]) for one in others} == {("/=",)}
    assert home.watermarks["Observation"]["0"][0] == "2026-03-01T12:00:00+00:00"


def test_decimals_keep_their_digits(site: Hospital, make: Make, home: Home) -> None:
    """FHIR R4, decimal: 1.10 is not 1.1, and parsers that use binary numbers don't know."""
    site.resources.clear()
    site.add({**observation(), "valueQuantity": {"value": "PLACE"}})
    site.mistakes["Observation"] = [lambda reply: replace(reply, body=reply.body.replace(b'"PLACE"', b"1.10"))]
    (line,) = home.gather(make(searches=[{"type": "Observation"}])).raw
    assert b'"value":1.10}' in line


@pytest.mark.parametrize("place", ["id", "name"])
def test_half_a_surrogate_costs_one_record(site: Hospital, make: Make, home: Home, place: str) -> None:
    """It comes as it was sent, so that the loader refuses it, and the others come too."""
    site.add(patient("p2"), patient("p3"))
    site.resources["Patient/p2"][place] = "PLACE"
    site.page_size = 5
    site.mistakes["Patient"] = [lambda reply: replace(reply, body=reply.body.replace(b"PLACE", b"\\ud800"))]
    raw = home.gather(make(searches=ONE_BY_ONE)).raw
    refused = [line for line in raw if [record.problem for record in records((1, line))] == ["not_json"]]
    assert len(refused) == 1
    assert b"\\ud800" in refused[0]
    assert len(raw) == 3 + len(OBSERVATIONS)


def test_a_link_with_half_a_surrogate_leads_nowhere(site: Hospital, make: Make, home: Home) -> None:
    link = [{"relation": "next", "url": f"{site.base}/pages?from=PLACE"}]
    site.mistakes["Observation"] = [
        lambda reply: replace(
            with_bundle(reply, link=link), body=with_bundle(reply, link=link).body.replace(b"PLACE", b"\\ud800")
        )
    ]
    with pytest.raises(FhirServerError, match="leads to another host"):
        home.gather(make(searches=[{"type": "Observation"}]))


def test_what_changed_is_asked_for_with_overlap(site: Hospital, make: Make, home: Home) -> None:
    server = make(searches=[{"type": "Observation"}], overlap_seconds=60)
    home.gather(server)
    site.add(updated(observation("o2", valueInteger=9), 1, meta={"lastUpdated": "2026-03-01T11:59:30Z"}))
    assert home.gather(server).names == ["Observation/o2"]
    assert site.asked("Observation")[-1].query["_lastUpdated"] == ["ge2026-03-01T11:59:00.000Z"]


def test_without_last_updated_by_date_or_whole(site: Hospital, make: Make, home: Home) -> None:
    site.tracks_updates = False
    site.parameters = {"Condition": ["recorded-date"]}
    server = make(searches=[{"type": "Condition"}, {"type": "Observation"}])
    for _run in range(2):
        home.gather(server)
    assert site.asked("Condition")[1].query["recorded-date"] == ["ge2026-03-01T11:50:00.000Z"]
    assert set(site.asked("Observation")[-1].query) == {"_count"}


def test_a_session_that_expires_is_begun_again(site: Hospital, make: Make, home: Home) -> None:
    expired = as_json(outcome("processing", number="4113"), 400)
    site.mistakes["pages"] = [None, expired]
    given = home.gather(make(searches=[{"type": "Observation"}]))
    assert (given.names, given.findings) == (OBSERVATIONS, {"search_restarted": 1})
    assert site.counted()["Observation"] == 2
    site.mistakes["pages"] = [expired] * 9
    with pytest.raises(FhirServerError, match="processing/4113"):
        home.gather(make(searches=[{"type": "Observation"}], modes={"Observation": "full"}))
    assert site.counted()["Observation"] == 5


def test_a_page_that_fails_half_way_or_is_throttled_is_asked_for_again(site: Hospital, make: Make, home: Home) -> None:
    site.mistakes["pages"] = [
        Reply(500),
        lambda reply: replace(reply, cut=30),
        Reply(429, headers={"Retry-After": "x"}),
    ]
    given = home.gather(make(searches=[{"type": "Observation"}]))
    assert (given.names, site.counted()["Observation"], site.counted()["pages"]) == (OBSERVATIONS, 1, 6)


def test_a_page_that_comes_twice_is_taken_once(site: Hospital, make: Make, home: Home) -> None:
    """The server repeats its second page under another address, and goes on."""

    def again(reply: Reply) -> Reply:
        bundle = orjson.loads(reply.body)
        here = f"{site.base}/pages?from=2&q=Observation%3F&again=1"
        return with_bundle(reply, link=[bundle["link"][0], {"relation": "next", "url": here}])

    site.mistakes["pages"] = [again]
    given = home.gather(make(searches=[{"type": "Observation"}]))
    assert (given.names, given.findings, given.held) == (OBSERVATIONS, {"page_repeated": 1}, {})


@pytest.mark.parametrize("varies", [True, False])
def test_pages_that_go_round_in_a_circle_end(site: Hospital, make: Make, home: Home, varies: bool) -> None:
    """What came is kept, and the watermark is held, since there may be more."""
    numbers = iter(range(10**6))

    def circle(reply: Reply) -> Reply:
        here = f"{site.base}/pages?from=2&q=Observation%3F" + (f"&x={next(numbers)}" if varies else "")
        return with_bundle(reply, link=[{"relation": "next", "url": here}])

    site.mistakes["pages"] = [circle] * 1000
    given = home.gather(make(searches=[{"type": "Observation"}]))
    assert given.names == OBSERVATIONS[:4]
    assert given.held == {"Observation": "pages repeat without end"}
    assert home.watermarks == {}
    assert site.counted()["Observation"] == 3
    assert site.counted()["pages"] < 20


def test_included_resources_come_along_and_outcomes_do_not(site: Hospital, make: Make, home: Home) -> None:
    more = [
        {"resource": patient("p9"), "search": {"mode": "include"}},
        {"resource": outcome("informational", "warning", number="59133"), "search": {"mode": "outcome"}},
        {"search": {"mode": "match"}},
    ]
    site.mistakes["Observation"] = [lambda reply: with_bundle(reply, more=more)]
    search = {"type": "Observation", "parameters": {"_include": "Observation:patient"}}
    given = home.gather(make(searches=[search]))
    assert given.names == [*OBSERVATIONS, "Patient/p9"]
    assert given.findings == {"search_warning:informational/59133": 1, "entry_without_resource": 1}
    assert site.asked("Observation")[0].query["_include"] == ["Observation:patient"]
    assert given.held == {}


@pytest.mark.parametrize(
    ("severity", "code"), [("error", "processing"), ("warning", "incomplete"), ("information", "too-costly")]
)
def test_an_outcome_that_says_something_is_missing_holds_the_watermark(
    site: Hospital, make: Make, home: Home, severity: str, code: str
) -> None:
    more = [{"resource": outcome(code, severity)}]
    site.mistakes["Observation"] = [lambda reply: with_bundle(reply, more=more)]
    given = home.gather(make(searches=[{"type": "Observation"}]))
    assert given.names == OBSERVATIONS
    assert list(given.held) == ["Observation"]
    assert home.watermarks == {}


def test_filters_that_a_lenient_server_drops_are_noticed(site: Hospital, make: Make, home: Home) -> None:
    """Rule 12: the self link says what was used, and matches of other types were not asked for."""

    def lenient(reply: Reply) -> Reply:
        link = {"relation": "self", "url": f"{site.base}/Observation?_count=200"}
        more = [{"resource": patient("p9"), "search": {"mode": "match"}}]
        return with_bundle(reply, link=[link], more=more)

    site.page_size = 10
    site.mistakes["Observation"] = [lenient]
    search = {"type": "Observation", "parameters": {"category:in": "x", "_include": "y"}}
    given = home.gather(make(searches=[search]))
    assert given.names == OBSERVATIONS
    assert given.findings == {"filter_ignored:category:in": 1, "type_not_asked": 1}


def test_a_server_that_ignores_whose_data_was_asked_for_is_not_listened_to(
    site: Hospital, make: Make, home: Home
) -> None:
    link = {"relation": "self", "url": f"{site.base}/Observation?_count=200"}
    site.mistakes["Observation"] = [lambda reply: with_bundle(reply, link=[link])]
    with pytest.raises(FhirServerError, match="ignores the search parameter patient"):
        home.gather(make(searches=ONE_BY_ONE))


def test_patients_of_the_same_run_are_searched(site: Hospital, make: Make, home: Home) -> None:
    site.add(patient("p2"), observation("x1", subject={"reference": "Patient/p2"}))
    given = home.gather(make(searches=ONE_BY_ONE))
    assert given.names == sorted([*OBSERVATIONS, "Observation/x1", "Patient/p1", "Patient/p2"])
    assert [one.query["patient"] for one in site.asked("Observation")] == [["p1"], ["p2"]]


def test_the_servers_clock_is_taken_from_the_answer_where_the_bundle_is_silent(
    site: Hospital, make: Make, home: Home
) -> None:
    date = "Sun, 01 Mar 2026 09:00:00 GMT"
    site.mistakes["Observation"] = [lambda reply: with_bundle(replace(reply, headers={"Date": date}), meta={})]
    home.gather(make(searches=[{"type": "Observation"}]))
    assert home.watermarks["Observation"]["0"][0] == "2026-03-01T09:00:00+00:00"
    site.mistakes["Observation"] = [lambda reply: with_bundle(replace(reply, headers={"Date": ""}), meta={})]
    assert list(home.gather(make(searches=[{"type": "Observation"}])).held) == ["Observation"]


def test_a_next_link_to_another_host_is_not_followed(site: Hospital, make: Make, home: Home) -> None:
    link = [{"relation": "next", "url": "http://127.0.0.1:9/steal"}]
    site.mistakes["Observation"] = [lambda reply: with_bundle(reply, link=link)]
    with pytest.raises(FhirServerError, match="leads to another host"):
        home.gather(make(searches=[{"type": "Observation"}]))


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"resourceType":"Patient"}', b"\xff", b"[" * 10**5])
def test_an_answer_that_is_no_bundle_is_an_error(site: Hospital, make: Make, home: Home, body: bytes) -> None:
    site.mistakes["Observation"] = [Reply(200, body)]
    with pytest.raises(FhirServerError, match="search of Observation"):
        home.gather(make(searches=[{"type": "Observation"}]))


def test_requests_come_no_faster_than_allowed(site: Hospital, make: Make) -> None:
    with Client(make("Patient", requests_per_second=50.0)) as client:
        began = time.monotonic()
        for _request in range(6):
            client.send(Request(client.url("metadata"), "capability statement", bearer=False))
        assert time.monotonic() - began >= 0.1
