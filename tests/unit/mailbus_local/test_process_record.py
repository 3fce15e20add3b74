from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from mailbus_local.process_record import FILE, Entry, ProcessRecord
from mailbus_local.process_table import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# starts a child in its own group, and prints its id
PARENT = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()", *sys.argv[1:]]).pid, flush=True)
sys.stdin.read()
"""
STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def record_in(directory: Path) -> ProcessRecord:
    return ProcessRecord(directory, directory / "scratch")


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_what_is_left_is_ended_with_its_children(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    parent = start(PARENT)
    child = int(first_line(parent))
    record_in(tmp_path).add("MiniStack", parent.pid)

    assert record_in(tmp_path).end_left() == [f"MiniStack (process {parent.pid})"]

    assert parent.wait() == -signal.SIGTERM
    assert not _runs(child)
    assert not (tmp_path / FILE).exists()


def test_what_ignores_sigterm_is_killed(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailbus_local.process_record.END_SECONDS", 0.1)
    process = start(STUBBORN)
    assert first_line(process) == "ready"
    record_in(tmp_path).add("cdk deploy", process.pid)

    record_in(tmp_path).end_left()

    assert process.wait() == -signal.SIGKILL


def test_a_process_with_the_id_of_a_recorded_one_is_left_alone(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    other = start(PARENT, str(tmp_path / "scratch" / "worker.py"))
    first_line(other)
    entry = Entry(name="MiniStack", pid=other.pid, start="another")
    (tmp_path / FILE).write_bytes(msgspec.json.encode(entry) + b"\n")

    assert record_in(tmp_path).end_left() == []

    assert other.poll() is None
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(("worker", "ended"), [("scratch/lambda/_worker.py", True), ("notes.txt", False)])
def test_of_a_group_whose_first_process_has_ended_only_what_runs_in_the_directory_is_ended(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]], worker: str, *, ended: bool
) -> None:
    parent = start(PARENT, str(tmp_path / worker))
    child = int(first_line(parent))
    record_in(tmp_path).add("MiniStack", parent.pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()

    assert record_in(tmp_path).end_left() == ([f"MiniStack (process {parent.pid})"] if ended else [])

    assert _runs(child) is not ended


def _runs(pid: int) -> bool:
    return pid in running()


def test_without_a_record_nothing_was_left(tmp_path: Path) -> None:
    assert record_in(tmp_path).end_left() is None


def test_a_line_that_was_cut_off_is_ignored(
    tmp_path: Path, start: Callable[..., subprocess.Popen[str]]
) -> None:
    process = start(PARENT)
    record_in(tmp_path).add("MiniStack", process.pid)
    with (tmp_path / FILE).open("ab") as record:
        record.write(b'{"name":"cdk de')

    assert record_in(tmp_path).end_left() == [f"MiniStack (process {process.pid})"]
