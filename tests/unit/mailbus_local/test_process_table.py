from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mailbus_local.process_table import find, running

# what macOS has in place of /proc is tried on Linux too
SOURCES = [Path("/proc"), Path("/nonexistent")]


@pytest.mark.parametrize("proc", SOURCES)
def test_a_process_has_its_group_its_command_and_a_start_that_stays_the_same(proc: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input()", "a (b) c"], stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        found = running(proc)[process.pid]
        again = find(process.pid, proc)
    finally:
        process.communicate(b"\n")

    assert found.group == process.pid
    assert "input() a (b) c" in found.command
    assert found == again
    assert found.start
    assert process.pid not in running(proc)
    assert find(process.pid, proc) is None


@pytest.mark.parametrize("proc", SOURCES)
def test_a_process_that_has_ended_is_none_although_nobody_asked_for_its_exit_code(proc: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    assert process.pid not in running(proc)
    assert process.wait() == 0
