"""A name server on loopback that logs every question and answers with an address that leads nowhere."""

import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dnslib import QTYPE, RR, A, DNSRecord
from dnslib.server import DNSHandler, DNSLogger, DNSServer

ADDRESS = "127.0.0.1"
PORT = 53
_ANSWERS = ipaddress.ip_network("198.18.0.0/15")
"""RFC 2544: for measuring only, never routed. Each name gets an address of its own, so that the connection that
follows can be told by it; NXDOMAIN would hide whether one follows."""


class LoggingResolver:
    """Answers questions for A with an address of 198.18.0.0/15, all others with no data, and remembers the names."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._addresses: dict[str, str] = {}

    @property
    def addresses(self) -> dict[str, str]:
        """Every name looked up, in lower case without the last dot, and the address it was given."""
        with self._lock:
            return dict(self._addresses)

    def resolve(self, request: DNSRecord, _handler: DNSHandler) -> DNSRecord:
        """One answer."""
        name = str(request.q.qname).rstrip(".").lower()
        with self._lock:
            address = self._addresses.setdefault(name, str(_ANSWERS[len(self._addresses) + 1]))
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        return reply


@contextmanager
def name_server() -> Iterator[LoggingResolver]:
    """Serve on UDP and TCP port 53 of 127.0.0.1.

    Raises:
        OSError: the port is taken or may not be bound.
    """
    resolver = LoggingResolver()
    silent = DNSLogger(logf=lambda _text: None)
    servers = [DNSServer(resolver, address=ADDRESS, port=PORT, tcp=tcp, logger=silent) for tcp in (False, True)]
    for server in servers:
        server.start_thread()
    try:
        yield resolver
    finally:
        for server in servers:
            server.stop()
