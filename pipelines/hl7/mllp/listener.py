"""The listener: who may connect, over what, and how it stops."""

import asyncio
import contextlib
import ipaddress
import logging
import signal
import ssl
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from pipelines.hl7.mllp.acknowledgement import Acknowledger
from pipelines.hl7.mllp.arrival import Reception
from pipelines.hl7.mllp.connection import Connection, Rooms
from pipelines.hl7.mllp.metrics import Metrics
from pipelines.hl7.mllp.store import Store
from resources.postgres import Database
from resources.private_files import read_private
from resources.settings import Settings

_LOG = logging.getLogger(__name__)
_SECONDS_BETWEEN_LOOKS = 0.5


class ListenerError(RuntimeError):
    """The settings would open the listener to others unencrypted, or it can't be opened; the text says which."""


@dataclass(frozen=True)
class Address:
    """Where a listener listens; ``metrics_port`` is None without metrics."""

    host: str
    port: int
    metrics_port: int | None


def run(settings: Settings, database: Database, listening: Callable[[Address], None] | None = None) -> None:
    """Listen until SIGTERM or SIGINT; then answer what was taken, at most ``mllp_stop_seconds``, and return.

    Args:
        settings: those that begin with ``mllp_``.
        database: the warehouse.
        listening: called once senders can connect.

    Raises:
        ListenerError: the listener can't be opened as the settings want it.
        resources.private_files.PrivateFileError: others may read the certificate's key.
    """

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await listener.serve(stop, listening)

    listener = Listener(settings, database)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told())


class Listener:
    """One listener and its connections."""

    def __init__(self, settings: Settings, database: Database) -> None:
        """Make a listener; nothing is opened yet.

        Raises:
            as ``run``.
        """
        self._settings = settings
        self._tls = tls_context(settings)
        self._networks = [ipaddress.ip_network(one) for one in settings.mllp_allowed_addresses]
        if self._tls is None and not settings.mllp_plain and not _is_loopback(settings.mllp_host):
            raise ListenerError(
                f"{settings.mllp_host} is not loopback and there is no certificate: set SANCTUM_MLLP_CERTIFICATE_FILE "
                "and SANCTUM_MLLP_KEY_FILE, or SANCTUM_MLLP_PLAIN=true if the network itself is encrypted."
            )
        self._database = database
        self._metrics = Metrics(database)
        self._connections: set[Connection] = set()
        self._opened = 0

    async def serve(self, stop: asyncio.Event, listening: Callable[[Address], None] | None = None) -> None:
        """As the function ``run``, in a running loop, until ``stop`` is set."""
        settings, loop = self._settings, asyncio.get_running_loop()
        loop.set_exception_handler(_log_failure)
        store = Store(settings, self._database, self._metrics)
        rooms = Rooms(settings, Reception(settings), Acknowledger(), store, self._metrics)
        tasks = [asyncio.create_task(store.run()), asyncio.create_task(self._watch())]
        try:
            metrics = None if settings.mllp_metrics_port is None else self._metrics.serve(settings.mllp_metrics_port)
            server = await loop.create_server(
                lambda: self._protocol(rooms), settings.mllp_host, settings.mllp_port, ssl=self._tls
            )
        except OSError as error:
            raise ListenerError(
                f"can't listen on {settings.mllp_host} port {settings.mllp_port}, or on loopback port "
                f"{settings.mllp_metrics_port} for the figures: {error.strerror}."
            ) from None
        if listening is not None:
            host, port = server.sockets[0].getsockname()[:2]
            listening(Address(host, port, metrics[0].server_port if metrics else None))
        stopped = asyncio.create_task(stop.wait())
        # A task that fails must not leave a listener that takes messages and stores none.
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        _LOG.info("stopping")
        server.close()
        await self._drain(store)
        for task in (*tasks, stopped):
            if task.done():
                task.result()
            task.cancel()
        await asyncio.to_thread(store.close)
        if metrics:
            metrics[0].shutdown()

    def _protocol(self, rooms: Rooms) -> asyncio.Protocol:
        self._opened += 1
        return _Guarded(self, rooms, self._opened)

    def admits(self, peer: str) -> str | None:
        """Why a peer is turned away; None: it may send."""
        address = ipaddress.ip_address(peer.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if not any(address in network for network in self._networks):
            return "address"
        return "connections" if len(self._connections) >= self._settings.mllp_connections else None

    def opened(self, connection: Connection) -> None:
        """A connection is open."""
        self._connections.add(connection)

    def closed(self, connection: Connection) -> None:
        """A connection is closed."""
        self._connections.discard(connection)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            now = asyncio.get_running_loop().time()
            for connection in list(self._connections):
                connection.look(now)

    async def _drain(self, store: Store) -> None:
        """Answer what was taken, as far as the store takes it in time; senders keep the rest."""
        for connection in list(self._connections):
            connection.finish()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.mllp_stop_seconds):
                while self._connections or not store.is_idle:
                    await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.turn_away("stop")


class _Guarded(Connection):
    """A connection that is closed before it is read if its peer may not send."""

    def __init__(self, listener: Listener, rooms: Rooms, number: int) -> None:
        super().__init__(rooms, number)
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        reason = self._listener.admits(str(transport.get_extra_info("peername")[0]))
        if reason is not None:
            self.turn_away(reason)
            return
        self._listener.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._listener.closed(self)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS as the settings have it, None without a certificate; with an authority, senders must show a certificate.

    Raises:
        ListenerError: a file is missing or is none of its kind.
        resources.private_files.PrivateFileError: others may read the key.
    """
    certificate, key = settings.mllp_certificate_file, settings.mllp_key_file
    authority = settings.mllp_client_authority_file
    if certificate is None or key is None:
        if certificate is not None or key is not None or authority is not None:
            raise ListenerError("TLS needs both SANCTUM_MLLP_CERTIFICATE_FILE and SANCTUM_MLLP_KEY_FILE.")
        return None
    read_private(key, "the key of the listener's certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if authority is not None:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise ListenerError(f"the listener's certificate, key or authority can't be used ({error.strerror}).") from None
    return context


def _log_failure(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A fault of ours closes its connection; what an exception says may hold what a message says."""
    error = context.get("exception")
    place = traceback.extract_tb(error.__traceback__)[-1] if error is not None and error.__traceback__ else None
    where = f"{Path(place.filename).name}:{place.lineno}" if place else "unknown"
    _LOG.error("a connection failed: %s at %s", type(error).__name__, where)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
