"""Measures time and peak memory of a piece of work in a process of its own.

`tracemalloc` does not see what a library in Rust or C allocates; the kernel's high-water mark includes it.
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
    """Seconds of one run; the peak memory of the process in bytes, at the end and before the run."""

    seconds: float
    peak_bytes: int
    before_bytes: int


def run(module: str, *arguments: str) -> Cost:
    """Run `python -m <module> <arguments>`, which must call `report`; return its cost."""
    command = [sys.executable, "-W", "ignore", "-m", module, *arguments]
    # it finds the same modules as this process
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(  # noqa: S603 - our own command
        command, env=environment, stdout=subprocess.PIPE, check=True
    )
    return msgspec.json.decode(done.stdout, type=Cost)


def report(work: Callable[[], object]) -> None:
    """Do the work once and print its cost."""
    before = peak_memory()
    start = time.perf_counter()
    work()
    cost = Cost(seconds=time.perf_counter() - start, peak_bytes=peak_memory(), before_bytes=before)
    sys.stdout.buffer.write(msgspec.json.encode(cost))


def peak_memory() -> int:
    """Return the peak memory of this process, in bytes.

    `getrusage` includes the memory that the parent had before `exec`; the status file does not:
    https://man7.org/linux/man-pages/man2/getrusage.2.html
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text("ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    # macOS counts in bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
