"""The locks of directories: of a system, one of which can run in it, and of what is made once for all."""

from __future__ import annotations

import contextlib
import fcntl
import time
from typing import TYPE_CHECKING, Final

from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mailbus_local.stop_signals import StopRequest

# Written when everything is deployed, removed at the end.
OUTPUTS: Final = "outputs.json"
# Printed when a system runs for another process.
READY: Final = "ready"
# Locked while a system runs; the lock ends with its process.
LOCK: Final = "lock"
# Who looks whether a system runs holds the lock for a moment.
LOOK_SECONDS: Final = 0.5
POLL_SECONDS: Final = 0.05


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Create a directory, and lock it against other systems.

    Raises `EmbeddedAwsError` if one runs there, or nothing can be written there.
    """
    deadline = time.monotonic() + LOOK_SECONDS
    with writable(directory, "go to another folder, or choose a directory with --directory"):
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / LOCK).open("w")
    with lock:
        while not _lock(lock.fileno()):
            if time.monotonic() > deadline:
                reason = f"another system runs in {directory}; end it first, or use another --directory"
                raise EmbeddedAwsError(reason)
            time.sleep(POLL_SECONDS)
        yield


@contextlib.contextmanager
def one_at_a_time(
    cache: Path, done: str, progress: Callable[[str], None], stop: StopRequest
) -> Iterator[None]:
    """Wait until no other process makes something in a directory of the user's cache; `done` says what.

    Raises `EmbeddedAwsError` if that is stopped, or nothing can be written there.
    """
    with writable(cache, "set XDG_CACHE_HOME to another directory"):
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / LOCK).open("w")
    with lock:
        if not _lock(lock.fileno()):
            progress(f"waiting until another process has {done}")
            while not _lock(lock.fileno()):
                stop.sleep(POLL_SECONDS)
        yield


def _lock(file: int) -> bool:
    """Lock a file, until it is closed or its process ends. Return False if another process has locked it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def writable(directory: Path, fix: str) -> Iterator[None]:
    """Raise `EmbeddedAwsError` with what to do if a directory cannot be created or written."""
    try:
        yield
    except OSError as error:
        reason = f"{directory} cannot be written ({error.strerror}): {fix}"
        raise EmbeddedAwsError(reason) from error


def is_locked(directory: Path) -> bool:
    """Return True while a system runs in a directory."""
    try:
        with (directory / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
