"""The positive control: one lookup and one connection that the trace and the name server must see."""

import contextlib
import socket
import sys

ADDRESS = "203.0.113.1"
"""RFC 5737: for documentation, never routed."""


def main() -> None:
    """Look up the name given as the only argument and connect to what it resolves to and to ``ADDRESS``."""
    found = socket.getaddrinfo(sys.argv[1], 443, family=socket.AF_INET, type=socket.SOCK_STREAM)
    for host in (ADDRESS, found[0][4][0]):
        # Nothing is there: that the attempt fails is what the namespace is for.
        with contextlib.suppress(OSError), socket.create_connection((str(host), 443), timeout=1):
            pass


if __name__ == "__main__":
    main()
