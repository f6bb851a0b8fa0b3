"""Inside the new namespaces: loopback up, names answered by our own server, no way to the host's daemons, then strace.

It runs as root of the namespaces, on the host's root or on a user namespace's.
"""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path

from resources.egress.nameserver import ADDRESS, name_server

_MS_BIND = 4096
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1

TRACE = ("connect", "sendto", "sendmsg", "sendmmsg", "io_uring_setup")
"""System calls that name a destination, and the one whose requests strace can't see."""

_RESOLVER = f"nameserver {ADDRESS}\noptions timeout:5 attempts:3\n"
"""As patient as resolvers are by default: on a busy machine our server may be late, and then the probe would fail."""
_OWN_NAME = "localhost"
_NAME_SERVICE = "hosts: files dns\n"


class InsideError(RuntimeError):
    """The namespace can't be made ready; the text says which call refused."""


def main() -> None:
    """Prepare the namespace and trace the plan in the folder given as the only argument."""
    folder = Path(sys.argv[1])
    loopback_up()
    _hide_daemons()
    hosts = _own_names()
    # The name of the new UTS namespace only. Programs look up their machine's name, and its domain is what glibc
    # appends to others: where /etc/hosts lacks them, that would be a lookup like any other.
    socket.sethostname(_OWN_NAME)
    _point_names_here(folder, hosts)
    with name_server() as names:
        done = subprocess.run(strace_command(folder), check=False)
    (folder / "names.json").write_text(json.dumps(names.addresses))
    sys.exit(done.returncode)


def strace_command(folder: Path) -> list[str]:
    """strace over ``steps``: program names and destinations only, never a byte of what is sent.

    ``-s 0`` also cuts off lists, so that ``sendmmsg`` would name no destination; ``abbrev=none`` writes them whole.
    """
    options = ["-f", "--seccomp-bpf", "-Y", "-ttt", "-q", "-s", "0", "-e", "abbrev=none", "-e", "signal=none"]
    options += ["-e", f"trace={','.join(TRACE)}", "-o", str(folder / "strace.log")]
    steps = [sys.executable, "-m", "resources.egress.steps", str(folder)]
    return ["strace", *options, *steps]


def loopback_up() -> None:
    """Bring ``lo`` up, the namespace's only interface (netdevice(7))."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack_from("16sH", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def _hide_daemons() -> None:
    """Cover /run: a daemon of the host (nscd, resolved, docker, D-Bus) could send on behalf of whoever asks it."""
    _mount("tmpfs", Path("/run"), "tmpfs", 0)


def _own_names() -> str:
    """What /etc/hosts shall hold: this machine, also by the name that the environment may still have for it.

    Nothing else of the host's own file, which may turn a name to loopback and so hide a lookup and an attempt.
    """
    names = " ".join(dict.fromkeys((_OWN_NAME, socket.gethostname())))
    return f"127.0.0.1 {names}\n::1 {names}\n"


def _point_names_here(folder: Path, hosts: str) -> None:
    """glibc and everything else that reads /etc/resolv.conf asks our server, and glibc asks nobody else."""
    services = _NAME_SERVICE + _other_services()
    for name, content in (("resolv.conf", _RESOLVER), ("nsswitch.conf", services), ("hosts", hosts)):
        target = Path("/etc", name)
        real = Path(os.path.realpath(target))
        if real.is_relative_to("/run"):
            # A link into what is covered now.
            real.parent.mkdir(parents=True, exist_ok=True)
            real.write_text(content)
        elif real.exists():
            source = folder / name
            source.write_text(content)
            _mount(str(source), real, None, _MS_BIND)


def _other_services() -> str:
    """What nsswitch.conf says of everything but hosts."""
    path = Path("/etc/nsswitch.conf")
    lines = path.read_text().splitlines() if path.exists() else []
    return "".join(f"{line}\n" for line in lines if not line.strip().startswith(("hosts:", "#")))


def _mount(source: str, target: Path, kind: str | None, flags: int) -> None:
    """mount(2)."""
    library = ctypes.CDLL(None, use_errno=True)
    arguments = (source.encode(), os.fspath(target).encode(), kind and kind.encode(), ctypes.c_ulong(flags), None)
    if library.mount(*arguments) != 0:
        raise InsideError(f"mounting over {target} failed: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
