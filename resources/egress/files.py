"""The search for planted texts in files: their content, and the names of files and folders."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from resources.egress.needles import Needles
from resources.shown_path import shown_path

_BLOCK = 64 << 20
_OVERLAP = 4096
"""More than the longest form of a planted text, so that none is lost between two blocks."""


@dataclass(frozen=True)
class Finding:
    """Where planted texts were found, and of which kinds; never the text itself."""

    where: str
    kinds: Sequence[str]


@dataclass(frozen=True)
class FilesSwept:
    """What was searched: number of files and folders, bytes, and what was found."""

    files: int
    bytes: int
    findings: Sequence[Finding]


def sweep_files(needles: Needles, root: Path, left_out: Sequence[Path] = (), *, newer_than: float = 0.0) -> FilesSwept:
    """Search every regular file and every name below ``root``.

    Args:
        needles: the planted texts.
        root: a folder; findings are named relative to it.
        left_out: files and folders that are not searched.
        newer_than: modification time in seconds since the epoch; older files are not opened.
    """
    findings: list[Finding] = []
    files = length = 0
    for path, status, above in _walk(root, frozenset(left_out)):
        is_file = stat.S_ISREG(status.st_mode)
        named = needles.kinds_in(os.fsencode(path.name))
        if named:
            findings.append(Finding(f"name in {_shown(needles, path.parent, root)}", sorted(named)))
        if not is_file or status.st_mtime < newer_than:
            continue
        files += 1
        length += status.st_size
        kinds = file_kinds(needles, path, above)
        if kinds:
            findings.append(Finding(_shown(needles, path, root), sorted(kinds)))
    return FilesSwept(files, length, findings)


def _shown(needles: Needles, path: Path, root: Path) -> str:
    return shown_path(path.relative_to(root), needles.kinds_in, "(planted)")


def file_kinds(needles: Needles, path: Path, above: int | None = None) -> frozenset[str]:
    """Which kinds of planted text a file holds; none if it is gone by now, or another user's that this one can't read.

    Of an archive of more than 64 MiB the first 64 are looked into.

    Args:
        needles: the planted texts.
        path: the file.
        above: descriptor of the folder it is in; without it the file is opened by its path.
    """
    name = path if above is None else path.name
    found: frozenset[str] = frozenset()
    try:
        with open(name, "rb", opener=lambda named, flags: os.open(named, flags, dir_fd=above)) as stream:
            before = b""
            while block := stream.read(_BLOCK):
                found |= needles.kinds_in(before + block)
                before = block[-_OVERLAP:]
    except FileNotFoundError:
        return frozenset()
    except PermissionError:
        if os.stat(name, dir_fd=above).st_uid == os.geteuid():
            raise
        return frozenset()
    return found


def _walk(top: Path, left_out: frozenset[Path]) -> Iterator[tuple[Path, os.stat_result, int]]:
    """Everything below a folder that is not left out, links as themselves, each with the descriptor of its folder.

    By descriptors, since folders in folders can lie deeper than a path can say (PATH_MAX). What vanishes meanwhile and
    what may not be listed is passed over.
    """
    if not top.is_dir():
        return
    # "/." is entered even where the folder itself is a link.
    for folder, folders, files, above in os.fwalk(f"{top}/.", onerror=_pass_over):
        folders[:] = sorted(name for name in folders if Path(folder, name) not in left_out)
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            if path in left_out:
                continue
            try:
                yield path, os.stat(name, dir_fd=above, follow_symlinks=False), above
            except FileNotFoundError:
                continue


def _pass_over(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | PermissionError):
        raise error
