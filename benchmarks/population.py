"""A population made larger: its files repeated with other ids, so that every copy is other people's whole record."""

import functools
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import simplejson

from pipelines.fhir.reading import SUFFIXES
from pipelines.landing import find_files, open_content

_ID = re.compile(rb'"id"\s*:\s*"([A-Za-z0-9.-]{1,64})"')
# Type/id, its absolute and versioned forms, and urn:uuid:; a reference to a contained resource keeps what it names.
_REFERENCE = re.compile(rb'"reference"\s*:\s*"(?:urn:uuid:|(?:[^"?#]*/)?[A-Z][A-Za-z]+/)([A-Za-z0-9.-]{1,64})(?=[/"])')
# Of a reference by search, the empty place after the identifier's value.
_SEARCH = re.compile(rb'"reference"\s*:\s*"[A-Z][A-Za-z]+\?identifier=[^"]*()(?=")')


@dataclass(frozen=True)
class Population:
    """NDJSON files in a folder; ``types`` counts resources, ``bytes`` are as they lie there."""

    directory: Path
    types: Counter[str]
    bytes: int

    @property
    def patients(self) -> int:
        """Patient resources."""
        return self.types["Patient"]

    @property
    def resources(self) -> int:
        """All of them."""
        return self.types.total()


def repeat(source: Path, target: Path, times: int) -> Population:
    """Write every NDJSON file of ``source`` to ``target``, not compressed, once as it is and then with other ids.

    A file holds the whole first copy, then the whole second one: people's records lie as far apart as they would. One
    file's lines of ``source`` are held in memory at a time.

    Raises:
        ValueError: a line is no resource with an id.
    """
    target.mkdir(parents=True)
    types: Counter[str] = Counter()
    size = 0
    for number, path in enumerate(find_files([source], SUFFIXES)):
        with open_content(path) as stream:
            lines = [_Line.read(line.rstrip(b"\n")) for line in stream if line.strip()]
        # The content may be the same in two folders of the source: their names would be too.
        written = target / f"{number:03}-{path.name.removesuffix('.gz')}"
        with written.open("wb") as stream:
            for copy in range(times):
                stream.writelines(line.of_copy(copy) for line in lines)
        for line in lines:
            types[line.type] += times
        size += written.stat().st_size
    return Population(target, types, size)


@dataclass(frozen=True)
class _Line:
    """A resource as its bytes between ids, and those ids.

    Attributes:
        content: the whole line of a resource with identifiers, which every copy has others of.
    """

    pieces: tuple[bytes, ...]
    ids: tuple[bytes, ...]
    type: str
    content: bytes | None

    @classmethod
    def read(cls, content: bytes) -> "_Line":
        resource = orjson.loads(content)
        own = str(resource["id"]).encode()
        # A contained resource may stand before the id of what contains it.
        places = [next(match.span(1) for match in _ID.finditer(content) if match[1] == own)]
        places += [match.span(1) for pattern in (_REFERENCE, _SEARCH) for match in pattern.finditer(content)]
        pieces, ids, end = [], [], 0
        for begin, stop in sorted(places):
            pieces.append(content[end:begin])
            ids.append(content[begin:stop])
            end = stop
        pieces.append(content[end:] + b"\n")
        kept = content if resource.get("identifier") else None
        return cls(tuple(pieces), tuple(ids), str(resource["resourceType"]), kept)

    def of_copy(self, copy: int) -> bytes:
        line = self.read(_with_identifiers_of(self.content, copy)) if copy and self.content else self
        return b"".join(line._parts(copy))

    def _parts(self, copy: int) -> Iterator[bytes]:
        for piece, found in zip(self.pieces, self.ids, strict=False):
            yield piece
            yield identifier_of_copy(copy, found)
        yield self.pieces[-1]


@functools.lru_cache(maxsize=1 << 18)
def identifier_of_copy(copy: int, identifier: bytes) -> bytes:
    """The id that stands for another in a copy, in the form of a UUID; copy 0 is the source itself.

    In place of nothing it is what the value of an identifier ends in.
    """
    if not copy:
        return identifier
    if not identifier:
        return _ending(copy).encode()
    digest = hashlib.blake2b(identifier, digest_size=16, salt=copy.to_bytes(8, "big")).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}".encode()


def _ending(copy: int) -> str:
    return f"-{copy}"


def _with_identifiers_of(content: bytes, copy: int) -> bytes:
    """A resource with identifiers of its own: with those of the source all copies of a patient would be one person."""
    # Decimals as they are written: FHIR R4 §2.24.0.1 has their precision count.
    resource = simplejson.loads(content, use_decimal=True)
    found = resource["identifier"]
    for one in found if isinstance(found, list) else [found]:
        if "value" in one:
            one["value"] += _ending(copy)
    written = simplejson.dumps(resource, use_decimal=True, ensure_ascii=False, separators=(",", ":"))
    return bytes(written.encode())
