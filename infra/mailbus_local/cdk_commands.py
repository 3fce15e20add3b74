"""Runs the CDK's commands against the embedded AWS, each with a log of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import mailbus
from mailbus_cdk.packaging import ARCHITECTURE_CONTEXT
from mailbus_local import processes
from mailbus_local.ministack import EmbeddedAwsError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from mailbus_local.cdk_app import CdkApp
    from mailbus_local.process_record import ProcessRecord
    from mailbus_local.stop_signals import StopRequest

POLL_SECONDS: Final = 0.05
SYNTHESIS: Final = "synth"
# Where the packages are that a synthesis imports; an installed one has them in the same directory.
_PACKAGES: Final = tuple(
    dict.fromkeys(str(Path(file).resolve().parents[1]) for file in (mailbus.__file__, __file__))
)


class CdkCommands:
    """Commands that run in one directory, with executables that are found before those of the PATH."""

    def __init__(
        self,
        *,
        directory: Path,
        environment: Mapping[str, str],
        executables: Sequence[Path],
        record: ProcessRecord,
        stop: StopRequest,
    ) -> None:
        self._directory = directory
        self._record = record
        self._stop_request = stop
        self._started: list[subprocess.Popen[bytes]] = []
        self._names: dict[int, str] = {}
        self._environment = {
            **environment,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
            "PATH": os.pathsep.join([*map(str, executables), os.environ.get("PATH", os.defpath)]),
            "PYTHONPATH": os.pathsep.join(_PACKAGES),
        }

    def start(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of the CDK's command line."""
        return self._start(command, ["cdk", command, *arguments, "--no-notices", "--no-version-reporting"])

    def start_synthesis(self, settings: Path, output: Path) -> subprocess.Popen[bytes]:
        """Start to synthesize the stage of a settings file."""
        return self._start(
            SYNTHESIS, [sys.executable, "-m", "mailbus_local.synthesis", str(settings), str(output)]
        )

    def start_synthesis_of(self, app: CdkApp, output: Path) -> subprocess.Popen[bytes]:
        """Start to synthesize an app, with functions for this machine."""
        context = ("--context", f"{ARCHITECTURE_CONTEXT}=host")
        command = ["cdk", SYNTHESIS, "--quiet", "--app", app.command, "--output", str(output), *context]
        return self._start(SYNTHESIS, [*command, "--no-notices"], app.folder)

    def wait(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for a command. Raise `EmbeddedAwsError` if it fails, or is stopped."""
        while process.poll() is None:
            if self._stop_request.wait(POLL_SECONDS):
                reason = "stopped before the system was ready"
                raise EmbeddedAwsError(reason)
        if process.returncode != 0:
            name = self._names[process.pid]
            log = self._log(name)
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            said = lines[-1].strip() if lines else f"exit code {process.returncode}"
            reason = f"cdk {name} failed: {said} (see {log})"
            raise EmbeddedAwsError(reason)

    def end(self) -> None:
        """End what still runs."""
        for process in self._started:
            processes.end(process)

    def _start(
        self, name: str, command: Sequence[str], folder: Path | None = None
    ) -> subprocess.Popen[bytes]:
        # By default no folder with a cdk.json, whose app the CDK would synthesize.
        process = processes.start(
            command,
            environment=self._environment,
            directory=folder or self._directory,
            log=self._log(name),
        )
        self._record.add(f"cdk {name}", process.pid)
        self._started.append(process)
        self._names[process.pid] = name
        return process

    def _log(self, name: str) -> Path:
        return self._directory / f"cdk-{name}.log"
