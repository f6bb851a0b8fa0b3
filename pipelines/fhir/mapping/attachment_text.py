"""The text of an inline attachment: plain, Markdown, HTML, RTF, CDA XML or PDF. Source: FHIR R4 Attachment."""

import base64
import binascii
import io
import logging
import struct
import warnings
import zlib
from collections.abc import Mapping
from email.message import Message
from typing import Any

from bs4 import BeautifulSoup, MarkupResemblesLocatorWarning, Tag
from bs4.exceptions import ParserRejectedMarkup
from pypdf import PdfReader
from pypdf.errors import DependencyError, DeprecationError, PyPdfError
from striprtf.striprtf import rtf_to_text

_PLAIN = ("text/plain", "text/markdown")
_HTML = ("text/html", "application/xhtml+xml")
_CDA = ("text/xml", "application/xml", "application/hl7-cda+xml", "application/cda+xml")
_RTF = ("text/rtf", "application/rtf", "application/x-rtf")
_PDF = ("application/pdf",)
TEXT_FORMATS = (*_PLAIN, *_HTML, *_CDA, *_RTF, *_PDF)
"""Media types whose text can be read, those first that keep it best."""

_DEEPEST = 3
"""Documents within documents, as a PDF in a CDA document without structure."""

# What parsers raise on damaged input beside their own errors.
_DAMAGED = (ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)

# pypdf checks itself by assertions, refuses old names, asks for programs that are not here, and lets the errors of what
# it unpacks with through. Found by fuzzing.
_DAMAGED_PDF = (
    *_DAMAGED,
    AssertionError,
    DependencyError,
    DeprecationError,
    EOFError,
    MemoryError,
    PyPdfError,
    RuntimeError,
    struct.error,
    zlib.error,
)

# It tells of faults in files with pieces of them.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)


def attachment_text(attachment: Mapping[str, Any]) -> str | None:
    """The text of an inline attachment; None for other types, undecodable, encrypted, damaged or blank content."""
    if not attachment.get("data"):
        return None
    kind, charset = content_type(str(attachment.get("contentType") or "text/plain"))
    try:
        content = base64.b64decode(attachment["data"], validate=False)
    except binascii.Error:
        return None
    return _text(content, kind, charset, 0)


def content_type(value: str) -> tuple[str, str | None]:
    """Media type and charset of a ``Content-Type``."""
    message = Message()
    message["content-type"] = value
    charset = message.get_content_charset()
    return message.get_content_type(), None if charset is None else str(charset)


def _text(content: bytes, kind: str, charset: str | None, depth: int) -> str | None:
    if kind in _PDF:
        found = _pdf_text(content)
    elif kind in TEXT_FORMATS:
        try:
            found = _of_characters(content.decode(charset or "utf-8", errors="replace"), kind, depth)
        except (LookupError, ValueError):
            # A charset that is none, or none of texts such as idna.
            return None
    else:
        return None
    # RTF writes a character beyond the first plane as the halves of a pair, and other charsets may leave one half out.
    found = (found or "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    # PostgreSQL's text holds no NUL.
    found = found.replace("\x00", "")
    return found if found.strip() else None


def _of_characters(content: str, kind: str, depth: int) -> str | None:
    if kind in _HTML:
        return html_text(content)
    if kind in _CDA:
        return _cda_text(content, depth)
    return _rtf_text(content) if kind in _RTF else content


def _parsed(markup: str) -> BeautifulSoup:
    with warnings.catch_warnings():
        # A note may well look like a file's name or an address, and CDA is read as it stands: nobody's concern.
        warnings.simplefilter("ignore", MarkupResemblesLocatorWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            return BeautifulSoup(markup, "html.parser")
        except ParserRejectedMarkup:
            # html.parser refuses sections it doesn't know; a browser shows them as text.
            return BeautifulSoup(markup.replace("<![", "&lt;!["), "html.parser")


def html_text(markup: str) -> str:
    """The text of HTML, a line for each piece of it."""
    return _parsed(markup).get_text("\n", strip=True)


def _cda_text(markup: str, depth: int) -> str | None:
    """Titles and narratives of a clinical document's sections, or the document it wraps; None for other XML.

    html.parser knows neither entities of a document's own nor anything outside it. It writes names in lower case.
    Source: HL7 CDA R2, section.title, section.text and nonXMLBody.
    """
    document = _parsed(markup).find(lambda tag: _local(tag) == "clinicaldocument")
    if not isinstance(document, Tag):
        return None
    wrapped = document.find(lambda tag: _local(tag) == "nonxmlbody")
    if isinstance(wrapped, Tag):
        return _wrapped_text(wrapped, depth)
    parts = []
    for tag in document.find_all(lambda tag: _local(tag) in ("title", "text")):
        if tag.parent is not None and _local(tag.parent) in ("section", "clinicaldocument"):
            parts.append(tag.get_text("\n", strip=True))
    return "\n".join(part for part in parts if part)


def _wrapped_text(body: Tag, depth: int) -> str | None:
    found = body.find(lambda tag: _local(tag) == "text")
    if not isinstance(found, Tag) or depth >= _DEEPEST:
        return None
    kind, charset = content_type(str(found.get("mediatype") or "text/plain"))
    if str(found.get("representation") or "TXT").upper() != "B64":
        return _of_characters(found.get_text(), kind, depth + 1) if kind in TEXT_FORMATS and kind not in _PDF else None
    try:
        return _text(base64.b64decode(found.get_text()), kind, charset, depth + 1)
    except (binascii.Error, ValueError):
        return None


def _local(tag: Tag) -> str:
    """A tag's name without its prefix."""
    return tag.name.rpartition(":")[2].lower()


def _rtf_text(content: str) -> str | None:
    if not content.lstrip().startswith("{\\rtf"):
        return None
    try:
        return str(rtf_to_text(content, errors="replace"))
    except _DAMAGED:
        return None


def _pdf_text(content: bytes) -> str | None:
    """The text layer of a PDF, page by page; None for a scan, and for one that needs a password."""
    try:
        reader = PdfReader(io.BytesIO(content))
        return "\n".join(page.extract_text() for page in reader.pages)
    except _DAMAGED_PDF:
        return None
