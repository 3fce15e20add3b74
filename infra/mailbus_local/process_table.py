"""The processes of this machine, from Linux's /proc, or else from `ps`, as on macOS."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROC: Final = Path("/proc")
_BOOT: Final = _PROC / "sys/kernel/random/boot_id"
# The fields of /proc/<pid>/stat after the command: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
_STATE, _GROUP, _START = 0, 2, 19
_ENDED: Final = ("Z", "X")
# `lstart` is five words; -ww: the whole command
_PS: Final = ("ps", "-ww", "-o", "pid=,pgid=,stat=,lstart=,command=")
_PS_FIELDS: Final = 8


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A running process. A process id is used again, but not with the same start."""

    pid: int
    group: int
    start: str
    command: str


def running(proc: Path = _PROC) -> dict[int, Process]:
    """Return the processes of this machine that have not ended, by their ids."""
    if _is_proc(proc):
        found = _from_proc(entry for entry in proc.iterdir() if entry.name.isdecimal())
    else:
        found = _from_ps("-A")
    return {process.pid: process for process in found}


def find(pid: int, proc: Path = _PROC) -> Process | None:
    """Return one process; None if it has ended."""
    found = _from_proc([proc / str(pid)]) if _is_proc(proc) else _from_ps("-p", str(pid))
    return next(iter(found), None)


def _is_proc(proc: Path) -> bool:
    return (proc / "self/stat").exists()


def _from_proc(entries: Iterable[Path]) -> Iterator[Process]:
    boot = _BOOT.read_text().strip()
    for entry in entries:
        try:
            stat = (entry / "stat").read_text(errors="replace")
            command = (entry / "cmdline").read_text(errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        # the command's name, in parentheses, may have blanks and parentheses
        fields = stat.rpartition(")")[2].split()
        if fields[_STATE] not in _ENDED:
            yield Process(
                pid=int(entry.name),
                group=int(fields[_GROUP]),
                # in ticks since the boot
                start=f"{boot} {fields[_START]}",
                command=command.replace("\0", " "),
            )


def _from_ps(*selection: str) -> Iterator[Process]:
    environment = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
    # its exit code is 1 if there is none
    listed = subprocess.run([*_PS, *selection], env=environment, capture_output=True, check=False).stdout
    for line in listed.decode(errors="replace").splitlines():
        pid, group, state, *rest = line.split(None, _PS_FIELDS)
        if not state.startswith(_ENDED):
            yield Process(pid=int(pid), group=int(group), start=" ".join(rest[:5]), command="".join(rest[5:]))
