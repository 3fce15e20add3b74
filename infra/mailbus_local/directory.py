"""The directory of a system: one can run in it at a time."""

from __future__ import annotations

import contextlib
import fcntl
import time
from typing import TYPE_CHECKING, Final

from mailbus_local.ministack import EmbeddedAwsError

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
    """Lock a directory against other systems. Raises `EmbeddedAwsError` if one runs there."""
    deadline = time.monotonic() + LOOK_SECONDS
    with (directory / LOCK).open("w") as lock:
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
