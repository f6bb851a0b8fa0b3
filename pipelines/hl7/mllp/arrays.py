"""Arrays as PostgreSQL reads them in binary form, made in few steps each.

psycopg asks each element of a list for its type, which costs a group of messages more than its transaction. Elements
are in the form of their types: PostgreSQL's documentation §54.7 and ``array_recv``, ``timestamptz_recv``.
"""

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

_BIGINT, _BYTEA, _TEXT, _TIMESTAMP = 20, 17, 25, 1184
"""Numbers of the types in ``pg_type``."""

_HEADER = struct.Struct(">iiIii")
_LENGTH = struct.Struct(">i")
_INTEGER = struct.Struct(">iq")
_NULL = _LENGTH.pack(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def texts(values: Iterable[str], encoding: str) -> bytes:
    """``text[]``. Raises UnicodeEncodeError where the connection's encoding lacks a character."""
    return _varying(_TEXT, [value.encode(encoding) for value in values])


def octets(values: Sequence[bytes]) -> bytes:
    """``bytea[]``."""
    return _varying(_BYTEA, values)


def integers(values: Sequence[int | None]) -> bytes:
    """``bigint[]``."""
    return _header(_BIGINT, len(values)) + b"".join(
        [_NULL if value is None else _INTEGER.pack(8, value) for value in values]
    )


def instants(values: Sequence[datetime | None]) -> bytes:
    """``timestamptz[]`` of datetimes that have a zone."""
    return _header(_TIMESTAMP, len(values)) + b"".join(
        [_NULL if value is None else _INTEGER.pack(8, (value - _EPOCH) // _MICROSECOND) for value in values]
    )


def _varying(kind: int, values: Sequence[bytes]) -> bytes:
    parts = [_header(kind, len(values))]
    for value in values:
        parts += (_LENGTH.pack(len(value)), value)
    return b"".join(parts)


def _header(kind: int, length: int) -> bytes:
    """One dimension that counts from one; an array without elements has none."""
    return _HEADER.pack(1, 1, kind, length, 1) if length else struct.pack(">iiI", 0, 0, kind)
