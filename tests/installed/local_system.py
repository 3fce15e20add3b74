"""`mailbus local` of an installed wheel, in a folder of its own with caches of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import uv

from tests.local_process import read_until_ready

if TYPE_CHECKING:
    from tests.installed.environments import Environment

END_SECONDS = 120


class LocalSystem:
    """A folder, and the commands that run in it. What Mailbus keeps for the user is in the same directory."""

    def __init__(self, environment: Environment, directory: Path) -> None:
        self.environment = environment
        self.folder = directory / "app"
        self.folder.mkdir()
        found = subprocess.run([uv.find_uv_bin(), "cache", "dir"], capture_output=True, text=True, check=True)
        self.variables = environment.variables(
            {
                "XDG_CACHE_HOME": str(directory / "cache"),
                "XDG_STATE_HOME": str(directory / "state"),
                # packages that this machine has already
                "UV_CACHE_DIR": found.stdout.strip(),
            }
        )
        self.lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the system, and wait until it is ready."""
        self._process = subprocess.Popen(
            [str(self.environment.bin / "mailbus"), "local"],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = read_until_ready(self._process)

    def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code. Does nothing if it has ended. Fails if a call was denied."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=END_SECONDS)
        assert (self.folder / ".mailbus" / "denials.jsonl").read_text() == ""
        return self._process.returncode

    def processes(self) -> list[str]:
        """Return the commands of this machine that work in the folder, or with its caches."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                inside = (entry / "cwd").resolve().is_relative_to(self.folder.parent)
                if inside or os.fsencode(self.folder.parent) in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
        return found

    def shell(self, script: str, *, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run a script of `sh` in another folder."""
        return subprocess.run(
            ["/bin/sh", "-c", script],
            cwd=folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
        )
