"""Which of two versions of a resource is the current one, whatever the order in which they arrive.

Source: FHIR R4 §2.27.3 Meta, ``lastUpdated`` and ``versionId``.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_LONGEST_NUMBER = 18
_NO_NUMBER = 0
_AFTER_ALL_NUMBERS = (1 << 64) - 1


def timed_order(last_updated: datetime, version_id: str | None, content_sha256: str, *, deleted: bool) -> str:
    """Sort key of a version that says when it was last updated.

    The later time is the newer version. Of versions of one time it is the one of the higher ``versionId``, where that
    is a number; a deletion without a number comes after all of that time, since it says by when the resource was gone.
    What is still equal goes by the hash of its content: it decides for no reason, but always alike.
    """
    is_number = version_id is not None and version_id.isascii() and version_id.isdigit()
    number = _NO_NUMBER
    if is_number and len(version_id or "") <= _LONGEST_NUMBER:
        number = int(version_id or "") + 1
    elif deleted:
        number = _AFTER_ALL_NUMBERS
    return f"{_microseconds(last_updated)}a{number:016x}{deleted:d}{content_sha256[:16]}"


def untimed_order(as_of: datetime, received_at: datetime, line_number: int, entry: int | None) -> str:
    """Sort key of a version that says no time: it counts as one of the moment of which its file is.

    Of two files of one moment the one counts that was received later, of one file the later line, in a bundle the later
    entry. A ``versionId`` without a time decides nothing.

    Args:
        as_of: when the content of the file was so.
        received_at: when the file was received, by the server's last delivery if it came from one.
    """
    return f"{_microseconds(as_of)}b{_microseconds(received_at)}{line_number:012x}{entry or 0:08x}"


# Of every record of a file two are its file's.
@lru_cache(maxsize=1 << 10)
def _microseconds(time: datetime) -> str:
    return f"{(time - _BEGINNING) // timedelta(microseconds=1):016x}"
