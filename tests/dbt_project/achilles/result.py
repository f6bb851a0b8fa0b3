"""What an analysis gives, and when two answers to it are the same."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_STRATA = 5
_NUMBERS = 9
_WHOLE = re.compile(r"(-?\d+)\.0+")
_FRACTION = re.compile(r"-?\d+\.\d+(e-?\d+)?")
_RELATIVE = 1e-6
"""Achilles keeps distributions in single precision, which has seven digits."""


@dataclass(frozen=True)
class Result:
    """One row of ``achilles_results`` or ``achilles_results_dist``.

    Attributes:
        strata: the five strata; numbers as whole numbers or with six digits, however a database writes them.
        count: the count.
        numbers: minimum, maximum, mean, standard deviation, median and percentiles 10, 25, 75 and 90 of a distribution.
    """

    strata: tuple[str | None, ...]
    count: int
    numbers: tuple[float | None, ...] | None = None


def result(strata: Iterable[str | None], count: int, numbers: Iterable[float | None] | None = None) -> Result:
    """A result of as many strata as there are."""
    found = [_written(stratum) for stratum in strata]
    distribution = None if numbers is None else tuple(numbers)
    if distribution is not None and len(distribution) != _NUMBERS:
        raise ValueError(f"a distribution has {_NUMBERS} numbers, not {len(distribution)}")
    return Result((*found, *[None] * (_STRATA - len(found))), count, distribution)


def differences(ours: Iterable[Result], theirs: Iterable[Result]) -> list[str]:
    """What two answers to one analysis don't share: counts and strata exactly, numbers to single precision."""
    by_kind: dict[bool, tuple[list[Result], list[Result]]] = {False: ([], []), True: ([], [])}
    for side, found in enumerate((ours, theirs)):
        for one in found:
            by_kind[one.numbers is not None][side].append(one)
    left, right = (Counter((one.strata, one.count) for one in found) for found in by_kind[False])
    told = [f"ours alone: {one}" for one in (left - right).elements()]
    told += [f"theirs alone: {one}" for one in (right - left).elements()]
    return told + _distribution_differences(*by_kind[True])


def pair_differences(ours: Iterable[Result], theirs: Iterable[Result]) -> list[str]:
    """The same for pairs of concepts, of which Achilles keeps the ten most frequent of each first concept.

    Ours are all pairs, without a rank. Pairs of the same persons and cases have any order, so the ranks are compared by
    the persons and cases they stand for, and each pair by its own.
    """
    every: dict[str | None, list[Result]] = defaultdict(list)
    for one in ours:
        every[one.strata[0]].append(one)
    expected: list[Result] = []
    for first, pairs in every.items():
        pairs.sort(key=lambda pair: (-pair.count, -int(pair.strata[4] or 0)))
        expected += [
            result((first, None, str(rank), *pair.strata[3:]), pair.count) for rank, pair in enumerate(pairs[:10], 1)
        ]
    found = list(theirs)
    known = {(*pair.strata[:2], *pair.strata[3:], pair.count) for pairs in every.values() for pair in pairs}
    named = Counter((*pair.strata[:2], *pair.strata[3:], pair.count) for pair in found)
    told = [f"theirs alone: {pair}" for pair, times in named.items() if pair not in known or times > 1]
    ranks = [Result((pair.strata[0], None, *pair.strata[2:]), pair.count) for pair in found]
    return told + differences(expected, ranks)


def _distribution_differences(ours: list[Result], theirs: list[Result]) -> list[str]:
    left, right = ({one.strata: one for one in found} for found in (ours, theirs))
    if len(left) != len(ours) or len(right) != len(theirs):
        return ["two distributions of the same strata"]
    told = [f"one side alone: {strata}" for strata in left.keys() ^ right.keys()]
    told += [
        f"ours {left[strata]}, theirs {right[strata]}"
        for strata in left.keys() & right.keys()
        if left[strata].count != right[strata].count or not _close(left[strata], right[strata])
    ]
    return told


def _close(one: Result, other: Result) -> bool:
    ours, theirs = one.numbers or (), other.numbers or ()
    # A standard deviation has no more exact digits than the values it is made of.
    size = max((abs(number) for number in ours if number is not None), default=0.0)
    return all(
        (left is None) == (right is None)
        and (left is None or right is None or math.isclose(left, right, rel_tol=_RELATIVE, abs_tol=_RELATIVE * size))
        for left, right in zip(ours, theirs, strict=True)
    )


def _written(stratum: Any) -> str | None:
    """A stratum as both write it: 5.0 of a database that divides into fractions is 5, and a share has six digits."""
    if stratum is None:
        return None
    text = str(stratum)
    if whole := _WHOLE.fullmatch(text):
        return whole[1]
    return f"{float(text):.6g}" if _FRACTION.fullmatch(text) else text
