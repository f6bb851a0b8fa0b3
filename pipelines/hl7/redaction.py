"""Finding one person's messages in an HL7 v2 file; line ends are written over them, which splitting skips."""

import io
import re
from pathlib import Path

from pipelines.hl7.ownership import Whose, whose_bytes
from pipelines.hl7.splitting import split
from pipelines.landing import is_whole, open_content
from pipelines.redaction import Edit, Found, Place, Wanted, readable_blocks

_PATIENT = re.compile(rb"(?:^|[\r\n])PID\|[^|\r\n]*\|([^|\r\n]*)\|?([^|\r\n]*)")


def search(path: Path, wanted: Wanted) -> Found:
    """Every message in a file that is to be overwritten, and stray text that holds one of their words."""
    found = Found()
    with open_content(path) as content:
        # Of a gzip file that was cut off, what can be read.
        stream = content if is_whole(path) else io.BytesIO(b"".join(readable_blocks(path)))
        for piece in split(stream):
            # One backslash is MSH-2's; more are escapes, which may stand for any letter.
            is_escaped = piece.body.count(b"\\") > 1
            likely = wanted.likely is None or wanted.likely.search(piece.body) or is_escaped
            if not likely:
                continue
            named = is_named(piece.body, wanted.words)
            whose = whose_bytes(piece.body)
            is_known = whose is not None and bool(whose.people or whose.identities)
            if (whose is not None and _is_theirs(whose, wanted)) or (named and not is_known):
                found.edits.append(Edit(piece.byte_offset, b"\r" * len(piece.body)))
                found.places.append(Place(byte_offset=piece.byte_offset))
                if whose is None or not _is_under_another_number(whose, wanted):
                    found.messages.append(piece.body)
                continue
            mentions = wanted.words is not None and wanted.words.search(piece.body) is not None
            found.mentions += mentions
            if (is_known or mentions) and wanted.names is not None:
                found.shared.update(word.lower() for word in wanted.names.findall(piece.body))
    return found


def search_landed(path: Path, _: str, wanted: Wanted) -> Found:
    """As ``search``, for any kind of landed file that holds messages."""
    return search(path, wanted)


def _is_theirs(whose: Whose, wanted: Wanted) -> bool:
    """By key, or by identifier unless the key is that of somebody whom the warehouse knows."""
    if not whose.keys.isdisjoint(wanted.tombstones.people):
        return True
    return wanted.tombstones.names(whose.identities) and not any(map(wanted.is_somebody, whose.people))


def _is_under_another_number(whose: Whose, wanted: Wanted) -> bool:
    """Whether it is theirs by a visit that was moved to them alone: what it calls its patient is another's."""
    theirs = wanted.tombstones.people
    return whose.people.isdisjoint(theirs) and not whose.stays.isdisjoint(theirs)


def is_named(body: bytes, words: re.Pattern[bytes] | None) -> bool:
    """Whether one of the words is in bytes that name no other patient: what PID-2 and PID-3 give has a word in it."""
    if words is None or words.search(body) is None:
        return False
    numbers = (
        number for patient in _PATIENT.finditer(body) for field in patient.groups() for number in field.split(b"~")
    )
    return all(words.search(number) is not None for number in numbers if number.partition(b"^")[0].strip())
