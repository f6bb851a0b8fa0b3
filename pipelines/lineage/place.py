"""Where one landed record lies, and its bytes."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg

from pipelines.fhir.reading import ERASED
from pipelines.fhir.redaction import entry_spans
from pipelines.hl7.splitting import split
from pipelines.landing import InputError, landed_path, open_content
from resources.settings import Settings


@dataclass(frozen=True)
class Place:
    """One record: a line or bundle entry of a FHIR file, a byte offset of an HL7 v2 file, or a stored message.

    Attributes:
        file_id: the landed file, None of a message whose file is not known.
        line_number: from 1; a document over several lines is line 1.
        entry: index in a bundle, None outside one.
        byte_offset: in the decompressed content.
        message_id: as in ``landing.hl7_message``.
    """

    file_id: int | None = None
    line_number: int | None = None
    entry: int | None = None
    byte_offset: int | None = None
    message_id: int | None = None

    @property
    def is_whole_file(self) -> bool:
        """Whether nothing smaller than the file is named."""
        return self.line_number is None and self.byte_offset is None and self.message_id is None


def record_bytes(settings: Settings, connection: psycopg.Connection[Any], place: Place) -> bytes | None:
    """Exactly the bytes of a record, without the line's end; None if they were erased.

    Args:
        settings: where landed files lie.
        connection: as INGEST, sharing the lock LANDING: no erasure writes files meanwhile.
        place: no whole file.

    Raises:
        pipelines.landing.InputError: the file's bytes are gone.
    """
    if place.message_id is not None:
        query = "SELECT body FROM landing.hl7_message WHERE message_id = %s"
        row = connection.execute(query, (place.message_id,)).fetchone()
        return bytes(row[0]) if row else None
    row = connection.execute(
        "SELECT encode(sha256, 'hex'), kind FROM landing.file WHERE file_id = %s", (place.file_id,)
    ).fetchone()
    if row is None:
        return None
    path = landed_path(settings, row[0])
    if not path.exists():
        raise InputError(f"the bytes of landed file {row[0][:12]} are gone: land the file again.")
    found = _message(path, place) if place.byte_offset is not None else _fhir(path, row[1], place)
    return None if not found.strip() or found.startswith(ERASED) else found


def _message(path: Path, place: Place) -> bytes:
    with open_content(path) as stream:
        return next((piece.body for piece in split(stream) if piece.byte_offset == place.byte_offset), b"")


def _fhir(path: Path, kind: str, place: Place) -> bytes:
    with open_content(path) as stream:
        if kind == "fhir-json":
            content = stream.read()
        else:
            content = next(islice(stream, (place.line_number or 1) - 1, None), b"").rstrip(b"\r\n")
    if place.entry is None:
        return content
    start, end = next(islice(entry_spans(content), place.entry, None), (0, 0))
    return content[start:end].strip()
