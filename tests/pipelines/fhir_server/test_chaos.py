"""Servers that err at random, in ways that were each seen: every resource arrives once, from one export."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from pipelines.fhir_server.errors import FhirServerError
from tests.pipelines.fhir.synthetic import encounter, observation, patient, updated
from tests.pipelines.fhir_server.conftest import Given, Home, Make
from tests.pipelines.fhir_server.hospital import Hospital, Reply, as_json, outcome

RUNS_AT_MOST = 40


def mistake(dice: random.Random) -> Reply | Callable[[Reply], Reply] | None:
    return dice.choice(
        [
            None,
            Reply(500),
            Reply(503, headers={"Retry-After": "99999"}),
            as_json(outcome("throttled"), 429, Retry_After="soon"),
            as_json(outcome("expired"), 401),
            Reply(200, b"<html>maintenance</html>", {"Content-Type": "text/html"}),
            lambda reply: replace(reply, cut=dice.randint(0, len(reply.body))),
            lambda reply: replace(reply, body=reply.body[: dice.randint(0, len(reply.body))]),
        ]
    )


def until_it_succeeds(home: Home, make: Make, *types: str, **parts: object) -> Given:
    for _run in range(RUNS_AT_MOST):
        try:
            return home.gather(make(*types, attempts=2, **parts))
        except FhirServerError:
            assert home.watermarks == {}
    raise AssertionError("it never succeeds")


@pytest.mark.parametrize("seed", range(6))
def test_an_export_from_a_server_that_errs(site: Hospital, make: Make, home: Home, seed: int) -> None:
    dice = random.Random(seed)
    site.add(patient(), encounter(), *(updated(observation(f"o{n}", valueInteger=n), 1 + n) for n in range(12)))
    paths = ["status/1", "metadata", "token", "files/1/Patient-0", "files/1/Encounter-0"]
    for path in [*paths, *(f"files/1/Observation-{n}" for n in range(0, 12, 3))]:
        site.mistakes[path] = [mistake(dice) for _mistake in range(dice.randint(0, 5))]
    given = until_it_succeeds(home, make, "Patient", "Encounter", "Observation")
    assert given.names == sorted(site.resources)
    assert len(site.exports) == 1
    assert site.exports["1"]["deleted"]


@pytest.mark.parametrize("seed", range(6))
def test_a_search_at_a_server_that_errs(site: Hospital, make: Make, home: Home, seed: int) -> None:
    dice = random.Random(seed)
    site.add(*(updated(observation(f"o{n}", valueInteger=n), 1 + n) for n in range(12)))
    gone = as_json(outcome("processing", number="4113"), 400)
    for path in ("Observation", "pages", "metadata"):
        site.mistakes[path] = [dice.choice([mistake(dice), gone]) for _mistake in range(dice.randint(0, 8))]
    given = until_it_succeeds(home, make, searches=[{"type": "Observation"}])
    assert given.names == sorted(site.resources)
