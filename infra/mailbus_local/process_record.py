"""A directory's record of the processes that were started there, by which the next start ends what was left.

A process that is killed by SIGKILL ends nothing that it started. Nothing is ended that the record does not
prove to be its own: a recorded process with the recorded start, and its group; if it has ended, of its group
the commands in the directory for temporary files, as those of Lambda workers are.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Final

import msgspec

from mailbus_local.process_table import Process, find, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE: Final = "processes.jsonl"
END_SECONDS: Final = 5.0
POLL_SECONDS: Final = 0.05


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded process, the first of a group of its own."""

    name: str
    pid: int
    start: str


class ProcessRecord:
    """The record of a directory, which the caller has locked."""

    def __init__(self, directory: Path, scratch: Path) -> None:
        self._scratch = scratch
        self._path = directory / FILE

    def add(self, name: str, pid: int) -> None:
        """Record a child of this process that leads a group."""
        process = find(pid)
        if process is not None:
            with self._path.open("ab") as record:
                record.write(msgspec.json.encode(Entry(name=name, pid=pid, start=process.start)) + b"\n")

    def remove(self) -> None:
        """Remove the record: all of its processes have been ended."""
        self._path.unlink(missing_ok=True)

    def end_left(self) -> list[str] | None:
        """End what is left of the recorded processes, by SIGTERM and then by SIGKILL.

        Return their names; None without a record, as after an orderly end.
        """
        if not self._path.exists():
            return None
        entries = list(self._entries())
        ours = _Ours(entries, f"{self._scratch}{os.sep}")
        table = running()
        names = [f"{entry.name} (process {entry.pid})" for entry in entries if ours.of(entry, table)]
        for number in (signal.SIGTERM, signal.SIGKILL) if names else ():
            for process in ours.left():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)
            deadline = time.monotonic() + END_SECONDS
            while ours.left() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        self.remove()
        return names

    def _entries(self) -> Iterator[Entry]:
        for line in self._path.read_bytes().splitlines():
            # the machine may have lost its power in the middle of one
            with contextlib.suppress(msgspec.MsgspecError):
                yield msgspec.json.decode(line, type=Entry)


class _Ours:
    """The processes that belong to entries of a record."""

    def __init__(self, entries: list[Entry], scratch: str) -> None:
        self._entries = entries
        self._scratch = scratch
        # those found while the first of their group ran, which may end before them
        self._known: set[Process] = set()

    def left(self) -> list[Process]:
        """Return those that run now."""
        table = running()
        return [process for entry in self._entries for process in self.of(entry, table)]

    def of(self, entry: Entry, table: dict[int, Process]) -> list[Process]:
        """Return those of one entry."""
        first = table.get(entry.pid)
        if first is not None and first.start != entry.start:
            # The id is used again, so the group has ended: no new process has the id of a group that exists,
            # https://pubs.opengroup.org/onlinepubs/9799919799/functions/fork.html
            return []
        found = [
            process
            for process in table.values()
            if process.group == entry.pid
            and (first is not None or process in self._known or self._scratch in process.command)
        ]
        self._known.update(found)
        return found
