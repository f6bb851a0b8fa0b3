"""Planted texts in every form that a program may write them in, and the search for them in bytes."""

import base64
import contextlib
import gzip
import io
import json
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

_LETTERS = "bcdfghjklmnpqrstvwxz"
_MARK_LENGTH = 10
_OWN_LENGTH = 6
_DIGITS = 15
_LARGEST_UNPACKED = 256 << 20


def new_mark() -> str:
    """Ten random consonants that begin every planted word of a run: chance makes them once in 10^13 places."""
    return _random_letters(_MARK_LENGTH)


def new_word(mark: str) -> str:
    """A capitalised word that no other text holds; it begins with the run's mark."""
    return (mark + _random_letters(_OWN_LENGTH)).capitalize()


def new_number() -> str:
    """Fifteen random digits, as many as a telephone number may have (ITU-T E.164)."""
    return "9" + "".join(secrets.choice("0123456789") for _ in range(_DIGITS - 1))


def _random_letters(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


@dataclass(frozen=True)
class Needles:
    """The planted texts of a run.

    Attributes:
        mark: what begins every planted word; a word cut short is found by it.
        kinds: planted word or number to what it stands for, such as ``family name``.
    """

    mark: str
    kinds: Mapping[str, str]

    @cached_property
    def _quick(self) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Forms to look for first, of the mark and of what does not begin with it: any case, and exact."""
        words = [self.mark, *(text for text in self.kinds if not text.lower().startswith(self.mark))]
        any_case = [form for word in words for form in _any_case_forms(word)]
        exact = [form for word in words for case in _cases(word) for form in _exact_forms(case)]
        return tuple(dict.fromkeys(any_case)), tuple(dict.fromkeys(exact))

    def kinds_in(self, content: bytes) -> frozenset[str]:
        """Which kinds of planted text the bytes hold, raw or inside gzip, zlib or zip.

        ``part of a planted text`` is one that was cut short.
        """
        found: set[str] = set()
        for layer in _layers(content):
            found |= self._kinds_in_layer(layer)
        return frozenset(found)

    def _kinds_in_layer(self, content: bytes) -> frozenset[str]:
        lowered = content.lower()
        any_case, exact = self._quick
        if not any(form in lowered for form in any_case) and not any(form in content for form in exact):
            return frozenset()
        whole = {
            kind
            for text, kind in self.kinds.items()
            if any(form in lowered for form in _any_case_forms(text))
            or any(form in content for case in _cases(text) for form in _exact_forms(case))
        }
        return frozenset(whole or {"part of a planted text"})


def _cases(text: str) -> tuple[str, ...]:
    """What programs make of a word; its digits in hexadecimal and base64 depend on that."""
    return tuple(dict.fromkeys((text.lower(), text.capitalize(), text.upper())))


def _any_case_forms(text: str) -> Sequence[bytes]:
    """As encodings, percent-encoding, JSON escapes and hexadecimal digits write it, all in lower case."""
    lower = text.lower()
    forms = [lower.encode(code) for code in ("utf-8", "utf-16-le", "utf-16-be")]
    forms += [case.encode().hex().encode() for case in _cases(text)]
    forms += [quote(lower).lower().encode(), json.dumps(lower)[1:-1].encode()]
    return tuple(dict.fromkeys(forms))


def _exact_forms(text: str) -> Sequence[bytes]:
    """Base64 at each of the three alignments, without the characters that depend on what stands beside it."""
    forms = []
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + text.encode())
        first = (0, 2, 3)[before]
        last = (before + len(text.encode())) * 8 // 6
        forms.append(encoded[first:last])
    return tuple(dict.fromkeys([*forms, *(form.translate(bytes.maketrans(b"+/", b"-_")) for form in forms)]))


def _layers(content: bytes) -> Iterator[bytes]:
    yield content
    if content.startswith(b"\x1f\x8b"):
        with gzip.open(io.BytesIO(content)) as stream:
            yield from _readable(stream)
    elif content[:1] == b"\x78" and len(content) > 1 and int.from_bytes(content[:2], "big") % 31 == 0:
        unpacker = zlib.decompressobj()
        try:
            yield unpacker.decompress(content, _LARGEST_UNPACKED)
        except zlib.error:
            # Two bytes that look like a zlib header and are none.
            return
    elif content.startswith(b"PK\x03\x04"):
        yield from _members(content)


def _readable(stream: gzip.GzipFile) -> Iterator[bytes]:
    """What a gzip stream gives up to its end or to where it breaks off."""
    content = bytearray()
    with contextlib.suppress(EOFError, OSError, zlib.error):
        while len(content) < _LARGEST_UNPACKED and (block := stream.read1(1 << 20)):
            content += block
    yield bytes(content)


def _members(content: bytes) -> Iterator[bytes]:
    """Names and content of a zip archive's members; of one that is cut short or locked, what can be read."""
    unreadable = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
    with contextlib.suppress(*unreadable), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in archive.namelist():
            yield name.encode()
            with archive.open(name) as member:
                yield member.read(_LARGEST_UNPACKED)
