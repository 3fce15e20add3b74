"""Starts the system in a process of its own, which ends with this one."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from mailbus_local.directory import OUTPUTS, READY
from mailbus_local.process_record import ProcessRecord
from mailbus_local.testing.errors import SystemFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

SCRATCH: Final = "scratch"
STOP_SECONDS: Final = 60
LINES: Final = 20


@contextlib.contextmanager
def started(
    directory: Path, project: Path, progress: Callable[[str], None]
) -> Iterator[tuple[Mapping[str, Any], Callable[[], bool]]]:
    """Start the system with the settings of a project's folder; yield its outputs, and whether it runs.

    `progress` is called with each step of the start.

    Raises `SystemFailed` if it does not start.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "mailbus_local.supervised", "--directory", str(directory)],
        cwd=project,
        env={name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Ctrl-C is for the tests, whose end ends the system
        start_new_session=True,
    )
    try:
        _wait_until_ready(process, progress)
        yield json.loads((directory / OUTPUTS).read_text()), lambda: process.poll() is None
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=STOP_SECONDS)
        process.kill()
        process.wait()
        # there is a record if it could not do so itself
        ProcessRecord(directory, directory / SCRATCH).end_left()


def _wait_until_ready(process: subprocess.Popen[str], progress: Callable[[str], None]) -> None:
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    lines = []
    for line in process.stdout:
        if line.rstrip("\n") == READY:
            return
        lines.append(line)
        progress(line.rstrip("\n"))
    reason = f"the system did not start:\n{''.join(lines[-LINES:])}"
    raise SystemFailed(reason)
