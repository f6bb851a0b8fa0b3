"""A deck: test patients of one measure as bundles, and the populations each is expected in.

A deck is a folder whose name begins with the measure's CMS id. ``bundles.ndjson.gz`` (or without ``.gz``) has a FHIR
Bundle a line, of one patient each. ``expected.json`` has under ``patients`` for each Patient's id the title of the
case, its measurement period and its populations as 0 or 1, or as many ``groups`` of them as the measure has.
"""

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

POPULATIONS = (
    "initial_population",
    "denominator",
    "denominator_exclusion",
    "numerator",
    "denominator_exception",
    "numerator_exclusion",
)
"""Populations of a measure, as ``expected.json`` and ``measures.measure_population`` call them."""
_BUNDLES = ("bundles.ndjson.gz", "bundles.ndjson")
_EXPECTED = "expected.json"
_MEASURE = re.compile(r"CMS0*([1-9]\d*)", re.IGNORECASE)
_TRAILING_NUMBER = re.compile(r"(\d+)$")
_GZIP = b"\x1f\x8b"


class DeckError(ValueError):
    """A deck can't be read; the text names the deck and what is wrong with it."""


@dataclass(frozen=True)
class Expectation:
    """Whether a case is in a population; ``name`` is as the deck has it, with its group where it has groups."""

    name: str
    group_number: int
    population: str
    value: int


@dataclass(frozen=True)
class Case:
    """A test patient: id, title, measurement period (both days included), and what is expected of it."""

    patient: str
    title: str | None
    period: tuple[date, date]
    expectations: tuple[Expectation, ...]


@dataclass(frozen=True)
class Deck:
    """A deck that was read.

    Attributes:
        measure_id: as in ``measures.measure_population``, such as ``CMS122``.
        folder: where it lies.
        bundles: file of its bundles.
        cases: in the order of ``expected.json``.
        patients: ids of the Patients in the bundles.
    """

    measure_id: str
    folder: Path
    bundles: Path
    cases: tuple[Case, ...]
    patients: frozenset[str]

    @property
    def unexpected(self) -> list[str]:
        """Patients of the bundles of whom nothing is expected."""
        return sorted(self.patients - {case.patient for case in self.cases})


def read_decks(folders: Sequence[Path]) -> list[Deck]:
    """Read decks, each of another measure.

    Raises:
        DeckError: a deck can't be read, or two are of one measure.
    """
    decks = [_read_deck(folder) for folder in folders]
    repeated = [measure for measure, count in Counter(deck.measure_id for deck in decks).items() if count > 1]
    if repeated:
        raise DeckError(f"more than one deck of {', '.join(repeated)}: score them one after the other")
    return decks


def _read_deck(folder: Path) -> Deck:
    name = folder.resolve().name
    found = _MEASURE.match(name)
    if not found:
        raise DeckError(f"{name}: the name of a deck's folder begins with the measure's id, such as CMS122")
    bundles = next((folder / one for one in _BUNDLES if (folder / one).is_file()), None)
    if bundles is None:
        raise DeckError(f"{name}: it has no {_BUNDLES[0]}")
    return Deck(f"CMS{found[1]}", folder, bundles, _cases(folder / _EXPECTED, name), _patients(bundles, name))


def _patients(bundles: Path, name: str) -> frozenset[str]:
    found: Counter[str] = Counter()
    for number, line in enumerate(_content(bundles, name).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            entries = orjson.loads(line)["entry"]
            resources = [entry["resource"] for entry in entries]
            ids = [str(one["id"]) for one in resources if one["resourceType"] == "Patient"]
        except (KeyError, TypeError, ValueError):
            raise DeckError(
                f"{name}: line {number} of {bundles.name} is no FHIR Bundle with a patient's records"
            ) from None
        if len(ids) != 1:
            raise DeckError(f"{name}: line {number} of {bundles.name} has {len(ids)} Patients, and should have one")
        found.update(ids)
    repeated = sum(count > 1 for count in found.values())
    if repeated:
        raise DeckError(f"{name}: {repeated} patients of {bundles.name} are there more than once")
    return frozenset(found)


def _cases(path: Path, name: str) -> tuple[Case, ...]:
    try:
        patients = orjson.loads(_content(path, name))["patients"]
        cases = tuple(_case(patient, told) for patient, told in patients.items())
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, DeckError):
            raise
        raise DeckError(
            f"{name}: {path.name} has not the form of a deck's ({type(error).__name__}): patients, each with a period "
            "of two ISO dates and populations as 0 or 1"
        ) from None
    if not cases:
        raise DeckError(f"{name}: {path.name} expects nothing of anybody")
    return cases


def _case(patient: str, told: Mapping[str, Any]) -> Case:
    groups = told.get("groups")
    if groups is None:
        expectations = _expectations(told, 1, "")
    else:
        expectations = tuple(
            one
            for position, group in enumerate(groups, start=1)
            for one in _expectations(group, _number(group["group"], position), f"{group['group']}.")
        )
    if not expectations:
        raise ValueError("no populations")
    start, end = (date.fromisoformat(str(told["period"][edge])[:10]) for edge in ("start", "end"))
    title = told.get("title")
    return Case(patient, None if title is None else str(title), (start, end), expectations)


def _expectations(told: Mapping[str, Any], group_number: int, prefix: str) -> tuple[Expectation, ...]:
    return tuple(
        Expectation(f"{prefix}{name}", group_number, name, int(told[name])) for name in POPULATIONS if name in told
    )


def _number(group: str, position: int) -> int:
    found = _TRAILING_NUMBER.search(group)
    return int(found[1]) if found else position


def _content(path: Path, name: str) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content.startswith(_GZIP) else content
    except (OSError, EOFError, zlib.error) as error:
        raise DeckError(f"{name}: {path.name} can't be read ({type(error).__name__})") from None
