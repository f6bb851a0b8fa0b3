"""A planted text is found in every form that programs write, and nothing else is."""

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from resources.egress.needles import Needles, new_mark, new_number, new_word

MARK = new_mark()
WORD, NUMBER = new_word(MARK), new_number()
NEEDLES = Needles(MARK, {WORD: "family name", NUMBER: "telephone number"})


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.log", content)
    return target.getvalue()


FORMS: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "upper case": lambda text: text.upper().encode(),
    "lower case": lambda text: text.lower().encode(),
    "UTF-16, little end first": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: text.encode("utf-16-be"),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "hexadecimal, upper case": lambda text: text.encode().hex().upper().encode(),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 after one byte": lambda text: base64.b64encode(b"1" + text.encode() + b"2"),
    "base64 after two bytes": lambda text: base64.b64encode(b"12" + text.encode() + b"345"),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(b"\xff\xfe" + text.encode()),
    "percent-encoded beside others": lambda text: quote(f"é {text}/").encode(),
    "in JSON": lambda text: json.dumps({"text": f"é{text}"}).encode(),
    "gzip": lambda text: gzip.compress(text.encode()),
    "gzip that breaks off": lambda text: gzip.compress(text.encode() + bytes(range(256)) * 40)[:-20],
    "zlib": lambda text: zlib.compress(text.encode()),
    "zip": lambda text: zipped(text.encode()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("text", "kind"), [(WORD, "family name"), (NUMBER, "telephone number")])
def test_a_planted_text_is_found_in_each_form(form: str, text: str, kind: str) -> None:
    written = FORMS[form](text)
    assert NEEDLES.kinds_in(written) == {kind}
    if form not in ("gzip", "gzip that breaks off", "zlib", "zip"):
        assert NEEDLES.kinds_in(b"before " + written + b" after") == {kind}


@pytest.mark.parametrize("archive", [zipped(b"x" * 9000)[:-30], b"PK\x03\x04", b"\x1f\x8b", b"\x78\x9c nothing"])
def test_a_broken_archive_stops_nothing(archive: bytes) -> None:
    assert NEEDLES.kinds_in(archive) == frozenset()


def test_a_word_cut_short_is_found_and_other_text_is_not() -> None:
    assert NEEDLES.kinds_in(f"row ({WORD[:12]}".encode()) == {"part of a planted text"}
    other = Needles(new_mark(), {new_word(new_mark()): "family name"})
    for form in FORMS.values():
        assert other.kinds_in(form(WORD)) == frozenset()
