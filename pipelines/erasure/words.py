"""What one person is called: words by which their records are found where no key leads, and by which a sweep proves.

A word that other people's records hold too (a family name, a shared telephone, a street) can't prove anything; such
words are left out of the sweep and counted.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.hl7.message import MessageError, parse

_SEPARATOR = "\x1f"
_SHORTEST_NAME = 4
"""Letters that each part of a name needs to be told from words of every text: "Li, An" is in most sentences."""
_NEAR = "[^{}A-Za-z0-9](?:[^{}]{0,38}[^{}A-Za-z0-9])?"
"""Up to 40 characters, other words too, that may stand between a family and a given name."""
_NEXT = "[^{}A-Za-z0-9](?:(?:[^{}A-Za-z]|family|given){0,38}[^{}A-Za-z0-9])?"
"""The same without other words than FHIR's own: ``","given":["``."""


@dataclass(frozen=True, order=True)
class Word:
    """One word.

    Attributes:
        kind: ``id``, ``identifier``, ``short`` (an id or identifier that only leads to records), ``contact``,
            ``street``, ``sentence``, ``name`` (family and given, in any order, near each other) or ``lone name``
            (one of them).
        text: the word; of a name both with U+001F between them. It holds no NUL, which PostgreSQL's texts can't.
    """

    kind: str
    text: str

    def __post_init__(self) -> None:
        """Leave NUL out."""
        object.__setattr__(self, "text", self.text.replace("\0", ""))

    @property
    def is_proof(self) -> bool:
        """Whether a sweep looks for it."""
        return self.kind != "short"

    @property
    def is_strong(self) -> bool:
        """Whether it decides by itself that bytes without structure are the person's; a household shares telephones."""
        return self.kind in ("id", "identifier") or (self.kind == "name" and self._is_long)

    @property
    def _is_long(self) -> bool:
        return all(len(part) >= _SHORTEST_NAME for part in self.text.split(_SEPARATOR))

    def patterns(self, *, deciding: bool = False) -> Iterator[str]:
        """Regular expressions for both Python and PostgreSQL, in each form in which texts are stored.

        Args:
            deciding: a name is only what stands next to each other, as that of a short name always is.
        """
        forms = [set(_forms(part)) for part in self.text.split(_SEPARATOR)]
        if len(forms) == 1:
            yield from (_escaped(form) for form in sorted(forms[0]))
            return
        gap = _NEXT if deciding or not self._is_long else _NEAR
        for family in sorted(forms[0]):
            for given in sorted(forms[1]):
                yield f"{_escaped(family)}{gap}{_escaped(given)}"
                yield f"{_escaped(given)}{gap}{_escaped(family)}"


def _forms(text: str) -> Iterator[str]:
    """As it is, and as JSON and PostgreSQL's ``escape`` write letters beyond ASCII."""
    yield text
    if not text.isascii():
        yield "".join(letter if letter.isascii() else f"\\u{ord(letter):04x}" for letter in text)
        for encoding in ("utf-8", "latin-1"):
            octets = text.encode(encoding, "ignore")
            yield "".join(chr(octet) if octet < 128 else f"\\{octet:03o}" for octet in octets)


def _escaped(text: str) -> str:
    return "".join(letter if letter.isalnum() or not letter.isascii() else f"\\{letter}" for letter in text)


def _is_telling(text: str) -> bool:
    """Long enough to be nobody else's by chance: numbers need more characters than words."""
    return len(text) >= (7 if text.isdecimal() else 5)


def of_patient(resource: Mapping[str, Any]) -> Iterator[Word]:
    """Words of a FHIR Patient as it was landed, valid or not."""
    yield from resource_id(str(resource.get("id") or ""))
    for part in _objects(resource.get("identifier")):
        yield from identifier(str(part.get("value") or ""))
    for part in _objects(resource.get("name")):
        givens = [str(given) for given in part.get("given") or () if given]
        yield from names(str(part.get("family") or ""), givens)
    for part in _objects(resource.get("telecom")):
        yield from _contact(str(part.get("value") or ""))
    for part in _objects(resource.get("address")):
        for line in part.get("line") or ():
            yield from _street(str(line))


def of_message(body: bytes) -> Iterator[Word]:
    """Words of an HL7 v2 message's PID; none of bytes that are no message."""
    try:
        patient = parse(body).first("PID")
        if patient is None:
            return
        for number in (2, 3, 4, 18, 19, 20):
            for part in patient.composites(number):
                yield from identifier(part.text(1))
        for part in patient.composites(5):
            yield from names(part.text(1), [part.text(2)])
        for part in patient.composites(11):
            yield from _street(part.text(1))
        for number in (13, 14):
            for part in patient.composites(number):
                for position in (1, 4, 12):
                    yield from _contact(part.text(position))
    except MessageError:
        return


def names(family: str, givens: Iterable[str]) -> Iterator[Word]:
    """A name: its parts together, and each alone if it is long enough."""
    found = [given for given in givens if len(given) > 1]
    if len(family) > 1:
        yield from (Word("name", f"{family}{_SEPARATOR}{given}") for given in found)
    yield from (Word("lone name", part) for part in (family, *found) if len(part) >= 5)


def identifier(value: str) -> Iterator[Word]:
    """A business identifier."""
    if value:
        yield Word("identifier" if _is_telling(value) else "short", value)


def resource_id(value: str) -> Iterator[Word]:
    """The id of a Patient."""
    if value:
        yield Word("id" if _is_telling(value) else "short", value)


def sentences(texts: Iterable[str], of_one: int = 20, of_all: int = 200) -> Iterator[Word]:
    """The longest sentences of notes, and of these the longest of all.

    A line end ends a sentence too, and what rows and JSON write in another way: a quotation mark and a backslash.
    """
    found: set[str] = set()
    for text in texts:
        parts = {part.strip() for part in re.split(r'(?<=[.!?])\s|[\n"\\]', text)}
        found.update(sorted((part for part in parts if len(part) >= 40), key=_by_length)[:of_one])
    yield from (Word("sentence", sentence) for sentence in sorted(found, key=_by_length)[:of_all])


def _by_length(text: str) -> tuple[int, str]:
    return -len(text), text


def _contact(value: str) -> Iterator[Word]:
    digits = re.sub(r"\D", "", value)
    if "@" in value or len(digits) >= 7:
        yield Word("contact", value)
    if len(digits) >= 10 and digits != value:
        yield Word("contact", digits)


def _street(line: str) -> Iterator[Word]:
    if len(line) >= 8:
        yield Word("street", line)


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


def stored_forms(word: Word) -> list[str]:
    """The forms in which a word of one part is stored: see ``Word.patterns``."""
    return sorted(set(_forms(word.text)))


def sql_pattern(words: Iterable[Word]) -> str:
    """A case-insensitive regular expression for PostgreSQL: any of the words, whole; of some hundred words at most."""
    alternatives = "|".join(pattern for word in sorted(words) for pattern in word.patterns())
    return f"(^|[^[:alnum:]])({alternatives})($|[^[:alnum:]])"


def deciding_pattern(words: Iterable[Word]) -> re.Pattern[bytes] | None:
    """A pattern of the words that decide by themselves whose bytes without structure are; None without such words."""
    return byte_pattern((word for word in words if word.is_strong), deciding=True)


def is_shared(word: Word, texts: Iterable[bytes]) -> bool:
    """Whether texts found in records of others hold the word."""
    pattern = byte_pattern([word])
    return pattern is not None and any(pattern.search(text) for text in texts)


def byte_pattern(
    words: Iterable[Word], *, also_base64: bool = False, deciding: bool = False
) -> re.Pattern[bytes] | None:
    """The same for bytes, in UTF-8 and Latin-1; optionally words that lie within Base64, None without words."""
    found = sorted(set(words))
    if not found:
        return None
    texts = {pattern for word in found for pattern in word.patterns(deciding=deciding)}
    plain = {text.encode("utf-8") for text in texts} | {text.encode("latin-1", "ignore") for text in texts}
    # A name comes before its first part alone, so that who finds all words finds it.
    expression = rb"(?<![A-Za-z0-9])(?:" + b"|".join(sorted(plain, reverse=True)) + rb")(?![A-Za-z0-9])"
    if also_base64:
        coded = {form for word in found if _SEPARATOR not in word.text for form in _base64_forms(word.text)}
        if coded:
            expression += b"|" + b"|".join(sorted(b"(?-i:" + re.escape(form) + b")" for form in coded))
    return re.compile(expression, re.IGNORECASE)


def _base64_forms(text: str) -> Iterator[bytes]:
    """What Base64 (RFC 4648 §4) makes of the text at each of three positions, without what neighbours change."""
    octets = text.encode()
    if len(octets) < 9:
        return
    for before in range(3):
        kept = octets[(3 - before) % 3 :]
        kept = kept[: len(kept) - len(kept) % 3]
        yield base64.b64encode(kept)
