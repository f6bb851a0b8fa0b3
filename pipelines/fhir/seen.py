"""What a load has read so far, packed: it remembers every resource, and there can be hundreds of thousands."""

import struct
from dataclasses import dataclass

_HEAD = struct.Struct(">qI32s")


@dataclass(frozen=True)
class Seen:
    """The newest version of a resource that a load has read, and what became of it.

    Attributes:
        order: its place among the versions of the resource.
        content_sha256: hash of content and mapping, 64 hexadecimal digits.
        file_id: where it was read.
        outcome: as ``bronze.resource`` has it.
    """

    order: str
    content_sha256: str
    file_id: int
    resource_type: str
    outcome: str


class SeenResources:
    """``Seen`` by ``resource_key``, in a third of the memory."""

    def __init__(self) -> None:
        self._packed: dict[int, bytes] = {}
        self._words: dict[tuple[str, str], int] = {}
        self._pairs: list[tuple[str, str]] = []

    def __contains__(self, key: int) -> bool:
        return key in self._packed

    def get(self, key: int) -> Seen | None:
        """What was put last under a key, None if nothing was."""
        packed = self._packed.get(key)
        if packed is None:
            return None
        file_id, number, digest = _HEAD.unpack_from(packed)
        return Seen(packed[_HEAD.size :].decode(), digest.hex(), file_id, *self._pairs[number])

    def put(self, key: int, seen: Seen) -> None:
        """Remember in place of what was there."""
        pair = seen.resource_type, seen.outcome
        number = self._words.setdefault(pair, len(self._pairs))
        if number == len(self._pairs):
            self._pairs.append(pair)
        self._packed[key] = _HEAD.pack(seen.file_id, number, bytes.fromhex(seen.content_sha256)) + seen.order.encode()
