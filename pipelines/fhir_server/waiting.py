"""How long to wait: what the server asks for, within reason, and a rate that is not exceeded."""

import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str], maximum_seconds: float) -> float | None:
    """Seconds that ``Retry-After`` asks for, at most the maximum; None where it is absent or nonsense.

    A date is measured against the answer's own ``Date``, since clocks differ. Source: RFC 9110, section 10.2.3.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        # A number of many digits is no reason to fail either.
        return min(float(value[:12]), maximum_seconds)
    try:
        until, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("Date", ""))
        return min(max((until - now).total_seconds(), 0.0), maximum_seconds)
    except (TypeError, ValueError, OverflowError):
        return None


class RateLimit:
    """Lets requests begin no faster than a rate, whichever threads make them."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._lock = threading.Lock()
        self._next = float("-inf")

    def wait(self) -> None:
        """Return when the next request may begin."""
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._next)
            self._next = begin + self._interval
        time.sleep(begin - now)
