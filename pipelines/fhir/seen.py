"""What a load has read so far, packed: it remembers every resource, and there can be hundreds of thousands."""

import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_HEAD = struct.Struct(">qqI32s")


@dataclass(frozen=True)
class Seen:
    """The newest version of a resource that a load has read, and what became of it.

    Attributes:
        order: its place among the versions of the resource.
        content_sha256: hash of content and mapping, 64 hexadecimal digits.
        file_id: where it was read.
        outcome: as ``bronze.resource`` has it.
        person: key of the source person it is about; None if that is nobody, or more than one.
    """

    order: str
    content_sha256: str
    file_id: int
    resource_type: str
    outcome: str
    person: int | None


class SeenResources:
    """``Seen`` by ``resource_key``, in a third of the memory."""

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._pairs: list[tuple[str, str]] = []

    def __contains__(self, key: int) -> bool:
        return key in self._packed

    def get(self, key: int) -> Seen | None:
        """What was put last under a key, None if nothing was."""
        packed = self._packed.get(key)
        if packed is None:
            return None
        file_id, person, number, digest = _HEAD.unpack_from(packed)
        kind, outcome = self._pairs[number]
        return Seen(packed[_HEAD.size :].decode(), digest.hex(), file_id, kind, outcome, person or None)

    def of(self, people: Collection[int]) -> Iterator[tuple[int, Seen]]:
        """Keys and resources that are about these source persons."""
        for key, packed in self._packed.items():
            if _HEAD.unpack_from(packed)[1] in people and (seen := self.get(key)) is not None:
                yield key, seen

    def put(self, key: int, seen: Seen) -> None:
        """Remember in place of what was there."""
        pair = seen.resource_type, seen.outcome
        number = self._numbers.setdefault(pair, len(self._pairs))
        if number == len(self._pairs):
            self._pairs.append(pair)
        head = _HEAD.pack(seen.file_id, seen.person or 0, number, bytes.fromhex(seen.content_sha256))
        self._packed[key] = head + seen.order.encode()
