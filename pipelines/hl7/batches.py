"""Pieces of long sequences."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

_Item = TypeVar("_Item")


def batched(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Lists of up to ``size`` items, in order."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
