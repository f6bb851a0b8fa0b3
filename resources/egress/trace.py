"""Reads what strace wrote: who tried to reach what. Loopback, unix sockets and netlink stay on the machine."""

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

_LINE = re.compile(r"(\d+)(?:<(.*?)>)? +([0-9.]+) (.*)")
_CALL = re.compile(r"(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed>)")
_SIGNALS = re.compile(r"--- (?:SIG|stopped by ).* ---|\+\+\+ superseded by execve in pid \d+ \+\+\+")
"""What strace says of a process that is no call and no end: signals, and a thread whose number another took over."""
_POINTER = re.compile(
    r"(?:connect|sendmsg|sendmmsg)\(\d+, 0x|msg_name=0x|sendto\(.*, 0x[0-9a-f]+, \d+(?:\)| <unfinished)"
)
"""A destination of which there is only where it lay in memory."""
_LOST = re.compile(r"(?:<\.\.\. )?\?+(?:\(| resumed>)")
"""A call that strace could not read, because its thread is being ended, by a signal or with its process: then the next
of the thread is its end, and the call was never made (seccomp(2): it is skipped)."""
_REFUSED = " = -1 EFAULT "
"""What strace can't read of a destination, the kernel can't either, and says so."""
_FAMILY = re.compile(r"sa_family=(AF_[A-Z0-9_]+|0x[0-9a-f]+|\d+)([^}]*)")
_IPV4 = re.compile(r'inet_addr\("([0-9.]+)"\)')
_IPV6 = re.compile(r'inet_pton\(AF_INET6, "([0-9a-fA-F:.]+)"')
_PORT = re.compile(r"port=htons\((\d+)\)")
_UNIX_PATH = re.compile(r'sun_path="([^"]*)"')
_ON_THIS_MACHINE = {"AF_UNIX", "AF_NETLINK", "AF_UNSPEC"}
"""AF_UNSPEC names no destination: it dissolves the association of a datagram socket (connect(2))."""


@dataclass(frozen=True)
class Attempt:
    """A connection or datagram to another machine that a program tried.

    Attributes:
        process: number of the process or thread.
        program: the name the kernel has for it; its arguments are not kept, they may hold paths.
        when: seconds since the epoch.
        call: the system call.
        address: IPv4 or IPv6 address, or the family where it is another.
        port: None where the family has none.
        name: what was looked up to get the address, if it was.
    """

    process: int
    program: str
    when: float
    call: str
    address: str
    port: int | None
    name: str | None


@dataclass(frozen=True)
class Trace:
    """What a trace shows.

    Attributes:
        attempts: connections and datagrams to other machines.
        processes: processes and threads that ended.
        calls: system call to how often it was made; ``io_uring_setup`` opens a way that strace can't see.
        unix_sockets: paths of unix sockets that a connection was made to.
        unreadable: lines in no form that strace is known to write, and calls whose address it could not read: of what
            they say nothing is known.
    """

    attempts: Sequence[Attempt]
    processes: int
    calls: Mapping[str, int]
    unix_sockets: Sequence[str]
    unreadable: int

    def without(self, process: int) -> "Trace":
        """The same without the attempts of one process."""
        return replace(self, attempts=[attempt for attempt in self.attempts if attempt.process != process])


@dataclass
class _Reader:
    looked_up: Mapping[str, str]
    attempts: list[Attempt] = field(default_factory=list)
    processes: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    unix_sockets: set[str] = field(default_factory=set)
    waiting: dict[int, set[str]] = field(default_factory=dict)
    """Process to the unix sockets of a call whose end is on a later line."""
    unreadable: int = 0
    lost: set[int] = field(default_factory=set)
    """Threads with a call that strace could not read, until their next line."""

    def take(self, process: int, program: str, when: float, rest: str) -> None:
        if rest.startswith(("+++ exited", "+++ killed")):
            self.processes += 1
            self.lost.discard(process)
            return
        if _LOST.match(rest):
            self.lost.add(process)
            return
        if process in self.lost:
            self.lost.remove(process)
            self.unreadable += _REFUSED not in rest
        call = _CALL.match(rest)
        if call is None:
            self.unreadable += not _SIGNALS.fullmatch(rest)
            return
        if not rest.startswith("<... "):
            self.calls[call[1]] += 1
            if _POINTER.search(rest):
                self._take_pointer(process, rest)
        self._note_unix_sockets(process, rest)
        for family, text in _FAMILY.findall(rest):
            found = _destination(family, text)
            if found is not None:
                name = self.looked_up.get(found[0])
                self.attempts.append(Attempt(process, program, when, call[1], *found, name))

    def _take_pointer(self, process: int, rest: str) -> None:
        if rest.endswith("<unfinished ...>"):
            self.lost.add(process)
        else:
            self.unreadable += _REFUSED not in rest

    def _note_unix_sockets(self, process: int, rest: str) -> None:
        paths = {path for family, text in _FAMILY.findall(rest) if family == "AF_UNIX" for path in _paths(text)}
        if rest.endswith("<unfinished ...>"):
            self.waiting[process] = paths
            return
        paths |= self.waiting.pop(process, set())
        # What is not there, or refuses, takes nothing.
        if " = -1 " not in rest:
            self.unix_sockets |= paths


def read_trace(lines: Iterable[str], looked_up: Mapping[str, str]) -> Trace:
    """Read the output of ``strace -f -Y -ttt``; ``looked_up`` maps addresses our name server gave to their names."""
    reader = _Reader(looked_up)
    for line in lines:
        parsed = _LINE.match(line)
        if parsed is None:
            reader.unreadable += 1
        else:
            reader.take(int(parsed[1]), parsed[2] or "unknown", float(parsed[3]), parsed[4].rstrip())
    unreadable = reader.unreadable + len(reader.lost)
    return Trace(reader.attempts, reader.processes, dict(reader.calls), sorted(reader.unix_sockets), unreadable)


def _paths(text: str) -> list[str]:
    return [str(path) for path in _UNIX_PATH.findall(text)]


def _destination(family: str, text: str) -> tuple[str, int | None] | None:
    """Address and port outside of this machine, None for what stays on it."""
    if family in _ON_THIS_MACHINE:
        return None
    written = _IPV4.search(text) if family == "AF_INET" else _IPV6.search(text) if family == "AF_INET6" else None
    port = _PORT.search(text)
    if written is None:
        return family, None
    return None if stays_here(written[1]) else (written[1], int(port[1]) if port else None)


def stays_here(address: str) -> bool:
    """Whether an IP address is loopback, or unspecified, which Linux takes for loopback (ip(7))."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback or parsed.is_unspecified
