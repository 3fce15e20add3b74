"""Starts a command in its own session, and ends it together with all its children."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mailbus_local.stop_signals import StopRequest

POLL_SECONDS: Final = 0.05
TERMINATE_SECONDS: Final = 5.0


def start(
    command: Sequence[str], *, environment: Mapping[str, str], directory: Path, log: Path
) -> subprocess.Popen[bytes]:
    """Start a command. Its output goes to `log`."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def run(process: subprocess.Popen[bytes], stop: StopRequest) -> int:
    """Wait for a command, and end what it leaves. Return its exit code.

    Raises `EmbeddedAwsError` if a stop is requested meanwhile.
    """
    try:
        while process.poll() is None:
            stop.sleep(POLL_SECONDS)
    finally:
        end(process)
    return process.returncode


def lines(log: Path) -> list[str]:
    """Return the lines of a log that are not blank."""
    return [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]


def search_path(first: Iterable[Path]) -> str:
    """Return the PATH of this process, with other directories before it."""
    return os.pathsep.join([*map(str, first), os.environ.get("PATH", os.defpath)])


def end(process: subprocess.Popen[bytes]) -> None:
    """End a command and its children: by SIGTERM, then by SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(TERMINATE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
