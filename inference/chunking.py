"""Cuts a note into sentences whose character offsets point into the note's text.

Belongs here: pure text work, no database and no model. The same text always gives the same sentences.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pysbd

CHUNKING_VERSION = "sentence-1"
"""Changes with any change of where sentences are cut, so that notes are cut anew."""

MAXIMUM_CHARACTERS = 1000
"""Longest sentence kept whole: all-MiniLM-L6-v2 reads 256 tokens, about this many characters."""

_LIST_ITEM = re.compile(r"\s*([-*•#+]|\d{1,3}[.)]|[A-Za-z][.)])\s")
_WRAPPED = re.compile(r"\s*[a-z]")
_SENTENCE_END = re.compile(r"[.!?:;]['\")\]]*\s*$")
_WORD = re.compile(r"\w")


@dataclass(frozen=True)
class Sentence:
    """One sentence; ``note_text[start:end] == text``. Offsets count characters from 0."""

    number: int
    start: int
    end: int
    text: str


def split_sentences(note_text: str) -> list[Sentence]:
    """Cut a note into sentences, in order, numbered from 0.

    A line break ends a sentence (headings, list items, table rows), unless the next line goes on in lower case.
    Every word of the note lies in exactly one sentence; surrounding blanks and lines without a word are left out.
    A sentence of more than ``MAXIMUM_CHARACTERS`` is cut at a blank.
    """
    sentences: list[Sentence] = []
    for start, end in _spans(note_text):
        trimmed = _trim(note_text, start, end)
        if trimmed is not None:
            first, last = trimmed
            sentences.append(Sentence(len(sentences), first, last, note_text[first:last]))
    return sentences


def chunk_id(note_id: int, sentence: Sentence) -> int:
    """Key of a sentence: positive 63-bit integer from its note, number and text."""
    parts = f"{note_id}\x1f{sentence.number}\x1f{sentence.text}".encode()
    return int.from_bytes(hashlib.blake2b(parts, digest_size=8).digest(), "big") >> 1


def _spans(note_text: str) -> Iterator[tuple[int, int]]:
    segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)
    for block_start, block_end in _blocks(note_text):
        for window_start, window_end in _windows(note_text, block_start, block_end, 4 * MAXIMUM_CHARACTERS):
            # pysbd takes a line break for a sentence end; a blank in its place keeps the offsets.
            line = re.sub(r"\s", " ", note_text[window_start:window_end])
            for start, end in _sentence_spans(segmenter, line):
                yield from _windows(note_text, window_start + start, window_start + end, MAXIMUM_CHARACTERS)


def _blocks(note_text: str) -> Iterator[tuple[int, int]]:
    """Lines, with those joined that a sentence runs across."""
    start = end = 0
    previous = ""
    for line in note_text.splitlines(keepends=True):
        if not _continues(previous, line):
            if end > start:
                yield start, end
            start = end
        end += len(line)
        previous = line
    if end > start:
        yield start, end


def _continues(previous: str, line: str) -> bool:
    """Whether a sentence runs on from one line to the next, as in notes wrapped at a fixed width."""
    is_heading = previous.lstrip().startswith("#") or previous.isupper()
    is_open = bool(previous.strip()) and not is_heading and not _SENTENCE_END.search(previous)
    return is_open and bool(_WRAPPED.match(line)) and not _LIST_ITEM.match(line)


def _sentence_spans(segmenter: pysbd.Segmenter, line: str) -> Iterator[tuple[int, int]]:
    """Spans that cover the line without gap or overlap.

    pysbd leaves out what its rules rewrote and may repeat a span; what lies between two sentences goes to the first.
    """
    if len(line) < 2 or not _WORD.search(line):
        yield 0, len(line)
        return
    starts = [0]
    for span in segmenter.segment(line):
        if span.start > starts[-1]:
            starts.append(span.start)
    yield from zip(starts, [*starts[1:], len(line)], strict=True)


def _windows(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    while end - start > limit:
        blank = max(text.rfind(character, start + limit // 2, start + limit) for character in " \n")
        cut = start + limit if blank < 0 else blank + 1
        yield start, cut
        start = cut
    yield start, end


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    part = text[start:end]
    if not _WORD.search(part):
        return None
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))
