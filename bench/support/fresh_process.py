"""One measurement in a process of its own: how long it took, how high its memory rose.

`tracemalloc` does not see what a library in Rust or C allocates, the system's high-water mark does.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

STATUS: Final = Path("/proc/self/status")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of one run; bytes of the process's memory at its highest, and before the run."""

    seconds: float
    peak_bytes: int
    before_bytes: int


def run(module: str, *arguments: str) -> Cost:
    """Run `python -m <module> <arguments>`, which has to call `report`."""
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    # what this process found by its own path, that one finds too
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 - our own words
        command, env=environment, stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Cost)


def report(work: Callable[[], object]) -> None:
    """Do the work once and print its cost."""
    before = high_water()
    start = time.perf_counter()
    work()
    cost = Cost(seconds=time.perf_counter() - start, peak_bytes=high_water(), before_bytes=before)
    sys.stdout.buffer.write(msgspec.json.encode(cost))


def high_water() -> int:
    """Give the most memory that this process had, in bytes.

    `getrusage` has what its parent had before `exec`, too; what the kernel says of the process has not:
    https://man7.org/linux/man-pages/man2/getrusage.2.html
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    # macOS counts in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
