"""The peers: other people's programs, each in an environment of its own with pinned versions.

A ``NAME.lock`` beside this file pins a peer with all it needs; ``drive_NAME.py`` runs in its environment and knows
nothing of ours. A peer in JavaScript is a folder with ``package-lock.json`` and ``drive.mjs``. What can't be installed
here is said in the table.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson

from resources.settings import Settings

_FOLDER = Path(__file__).parent
_INSTALL_SECONDS = 600


class PeerUnavailableError(RuntimeError):
    """A peer can't be installed or failed; the text is a reason to print in its row."""


def install(settings: Settings, name: str) -> Path:
    """The interpreter of a peer's environment under the home, made if it is not there; uv finds the package index.

    Raises:
        PeerUnavailableError: uv is not here, or could not install it.
    """
    environment = settings.home / "peers" / name
    python = environment / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        raise PeerUnavailableError("not measured: no uv beside this python")
    lock = str(_FOLDER / f"{name}.lock")
    for arguments in (
        ["venv", "--quiet", "--allow-existing", "--python", sys.executable, str(environment)],
        ["pip", "install", "--quiet", "--no-deps", "--python", str(python), "--requirement", lock],
    ):
        try:
            _run([str(uv), *arguments], _INSTALL_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise PeerUnavailableError(f"not measured: uv {arguments[0]} failed ({type(error).__name__})") from None
    return python


def install_node(settings: Settings, name: str) -> Path:
    """Folder of a peer in JavaScript under the home, with all it needs; npm finds the registry.

    Raises:
        PeerUnavailableError: Node.js or npm is not here, or could not install it.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise PeerUnavailableError("not measured: no Node.js with npm here")
    folder = settings.home / "peers" / name
    shutil.copytree(_FOLDER / name, folder, dirs_exist_ok=True)
    # No package's own scripts: nothing of it is to be compiled.
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
    try:
        _run(command, _INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise PeerUnavailableError(f"not measured: npm ci failed ({type(error).__name__})") from None
    return folder


def drive_node(folder: Path, arguments: list[str], seconds: float) -> Any:
    """Run the driver of a peer in JavaScript and return what it printed as JSON.

    Raises:
        PeerUnavailableError: it failed, or took longer than ``seconds``.
    """
    return _answer(["node", str(folder / "drive.mjs"), *arguments], seconds)


def drive(python: Path, name: str, arguments: list[str], seconds: float) -> Any:
    """Run a peer's driver in its environment and return what it printed as JSON.

    Raises:
        PeerUnavailableError: it failed, or took longer than ``seconds``.
    """
    # Isolated: neither our modules nor the driver's folder are on its path.
    command = [str(python), "-I", str(_FOLDER / f"drive_{name.replace('-', '_')}.py"), *arguments]
    return _answer(command, seconds)


def _answer(command: list[str], seconds: float) -> Any:
    try:
        return orjson.loads(_run(command, seconds))
    except subprocess.TimeoutExpired:
        raise PeerUnavailableError(f"not measured: not done in {seconds:,.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise PeerUnavailableError(f"not measured: it ended with exit status {error.returncode}") from None
    except orjson.JSONDecodeError:
        raise PeerUnavailableError("not measured: its answer can't be read") from None


def _run(command: list[str], seconds: float) -> bytes:
    """Standard output of a command; where it takes too long, or we are interrupted, all that it started ends with it.

    What a peer says on standard error is no table, and can be had by running its driver by hand.
    """
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    with process:
        try:
            output, _none = process.communicate(timeout=seconds)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return output
