"""Finds the worker that made a call, a process of this machine, and the function that it is of."""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

TCP_LOCAL, TCP_REMOTE, TCP_INODE = 1, 2, 9
#: The stacks set it for each function, to its name.
FUNCTION: Final = b"POWERTOOLS_SERVICE_NAME="


def worker_behind(port: int, server_port: int) -> int | None:
    """Return the descendant of this process that has a connection from a local port to a server's, if any.

    Connections to other servers may have the same local port.
    """
    inode = next(
        (
            row[TCP_INODE]
            for row in _connections()
            if row[TCP_LOCAL].endswith(f":{port:04X}") and row[TCP_REMOTE].endswith(f":{server_port:04X}")
        ),
        None,
    )
    if inode is None:
        return None
    link = f"socket:[{inode}]"
    return next((child for child in _descendants(os.getpid()) if link in _sockets(child)), None)


def function_of(worker: int) -> str:
    """Return the name of a worker's function; an empty text if the process is none of a function."""
    with contextlib.suppress(OSError):
        for variable in Path(f"/proc/{worker}/environ").read_bytes().split(b"\0"):
            if variable.startswith(FUNCTION):
                return variable.removeprefix(FUNCTION).decode()
    return ""


def _connections() -> list[list[str]]:
    return [line.split() for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]]


def _descendants(root: int) -> Iterable[int]:
    children_of: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = entry.read_text()
            # the command's name, in parentheses, may contain anything
            children_of[int(text.rpartition(")")[2].split()[1])].append(int(entry.parent.name))
    waiting = [root]
    while waiting:
        children = children_of[waiting.pop()]
        yield from children
        waiting += children


def _sockets(process: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{process}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(str(link.readlink()))
    return found
