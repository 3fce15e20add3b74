"""The directory of a system: one can run in it at a time."""

from __future__ import annotations

import contextlib
import fcntl
import time
from typing import TYPE_CHECKING, Final

from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    reason = f"another system runs in {directory}; end it first, or use another --directory"
                    raise EmbeddedAwsError(reason) from error
                time.sleep(POLL_SECONDS)
        yield


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
