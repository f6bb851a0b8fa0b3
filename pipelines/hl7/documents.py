"""Documents: TXA of MDM messages with the text of their OBX, and encapsulated data anywhere.

Sources: HL7 v2.5.1 §9.6.1 TXA, §9.5 MDM, §2.A.24 ED; tables 0271 (completion) and 0273 (availability).
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.fhir.mapping.attachment_text import attachment_text
from pipelines.hl7.clinical import Coding, coded
from pipelines.hl7.message import Message, Segment
from pipelines.hl7.values import Timestamp

_SUBTYPES = {
    "PDF": "application/pdf",
    "RTF": "application/rtf",
    "HTML": "text/html",
    "XHTML": "application/xhtml+xml",
    "XML": "text/xml",
    "CDA": "text/xml",
    "X-HL7-CDA-LEVEL-ONE": "text/xml",
    "PLAIN": "text/plain",
    "TEXT": "text/plain",
    "TXT": "text/plain",
}
"""ED.3 (HL7 table 0291) to media types."""

_CONTENT = frozenset({"T02", "T04", "T06", "T08", "T10"})
_REPLACES = frozenset({"T09", "T10"})
_UNFINISHED = frozenset({"DI", "IP", "IN"})
_UNAVAILABLE = frozenset({"CA", "OB"})
_RTF = "{\\rtf"


@dataclass(frozen=True, slots=True)
class Document:
    """What one MDM message says of a document.

    Attributes:
        number: TXA-12 with who gave it.
        replaced: TXA-13 of a replacement: the document that this one stands for.
        status: TXA-17; empty is no change.
        withdrawn: it is cancelled, or its availability (TXA-19) says deleted or obsolete.
        columns: of ``bronze.note``; None: the message has no text.
    """

    number: str
    replaced: str | None
    status: str
    withdrawn: bool
    at: Timestamp | None
    columns: dict[str, Any] | None

    @property
    def is_unfinished(self) -> bool:
        """Dictated or in progress, and not yet what its author means."""
        return self.status in _UNFINISHED


def document(message: Message, trigger: str) -> Document | None:
    """The document of an MDM message; None without TXA."""
    about = message.first("TXA")
    if about is None:
        return None
    number = _number(about, 12) or f"message|{message.header.text(10)}"
    # TXA-2 is an IS or, since 2.6, a CWE.
    kind = about.composite(2)
    codes, title = coded(about, 2) if kind.text(2) or kind.text(3) else (_local(about.text(2)), about.text(2))
    text = _text(message) if trigger in _CONTENT else None
    return Document(
        number=number,
        replaced=_number(about, 13) or None if trigger in _REPLACES else None,
        status=about.text(17).upper(),
        withdrawn=trigger == "T11" or about.text(19).upper() in _UNAVAILABLE,
        at=about.time(4) or about.time(6) or about.time(7) or message.header.time(7),
        columns=note_columns(text, codes, title) if text else None,
    )


def _number(about: Segment, number: int) -> str:
    """EI: the id with its namespace; some senders give the id as the third component, as a universal id."""
    part = about.composite(number)
    return "|".join((part.text(2), part.text(1) or part.text(3))) if part.text(1) or part.text(3) else ""


def _local(code: str) -> list[Coding]:
    return [{"system": "urn:hl7v2:HL70270", "code": code}] if code else []


def _text(message: Message) -> str:
    """The text of every OBX, in their order."""
    parts = []
    for segment in message.all("OBX"):
        found = encapsulated_text(segment) if segment.text(2).upper() == "ED" else segment.whole(5)
        if found and found != '""':
            parts.append(found)
    return "\n".join(parts)


def note_columns(text: str, codes: Sequence[Coding], title: str | None) -> dict[str, Any]:
    """Columns of ``bronze.note`` beside the person's, the visit's and the date; RTF becomes plain text."""
    if text.lstrip().startswith(_RTF):
        text = _plain(text.encode(), "application/rtf") or text
    return {
        "type_codings": list(codes) or None,
        "note_title": title or None,
        "note_text": text,
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "content_type": "text/plain",
    }


def encapsulated_text(segment: Segment) -> str | None:
    """The text of OBX-5 of type ED: ED.2 and ED.3 say what it is, ED.4 how it is written; None where there is none."""
    part = segment.composite(5)
    subtype = part.text(3).upper()
    written = part.text(2).lower() or "text"
    kind = _SUBTYPES.get(subtype) or (f"{written}/{subtype.lower()}" if subtype else "text/plain")
    encoding, data = part.text(4).upper(), part.whole(5)
    try:
        if encoding == "BASE64":
            content = base64.b64decode(data)
        else:
            content = bytes.fromhex(data) if encoding == "HEX" else data.encode()
    except (binascii.Error, ValueError):
        return None
    return _plain(content, kind)


def _plain(content: bytes, kind: str) -> str | None:
    return attachment_text({"data": base64.b64encode(content).decode(), "contentType": kind})
