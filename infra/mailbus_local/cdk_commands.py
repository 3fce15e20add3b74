"""Runs the CDK's commands against the embedded AWS, each with a log of its own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import mailbus
from mailbus_cdk.packaging import ARCHITECTURE_CONTEXT
from mailbus_local import processes
from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from mailbus_local.cdk_app import CdkApp
    from mailbus_local.process_record import ProcessRecord
    from mailbus_local.stop_signals import StopRequest

SYNTHESIS: Final = "synth"
_POLLING: Final = Path(__file__).with_name("cdk_polling.cjs")
# In the line of an asset that could not be built or published.
_CAUSE: Final = ": fail: "
# Where the packages are that a synthesis imports; an installed one has them in the same directory.
_PACKAGES: Final = tuple(
    dict.fromkeys(str(Path(file).resolve().parents[1]) for file in (mailbus.__file__, __file__))
)


def node_options(environment: Mapping[str, str]) -> str:
    """Return the options of Node with which the CDK's command line asks often whether a stack is there."""
    return f"{environment.get('NODE_OPTIONS', '')} --require {json.dumps(str(_POLLING))}".strip()


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
        self._running: dict[subprocess.Popen[bytes], str] = {}
        self._environment = {
            **environment,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            # its engine starts as long as all else of a synthesis takes; what is for an account is validated
            "CDK_VALIDATION": "false",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
            "PATH": processes.search_path(executables),
            "PYTHONPATH": os.pathsep.join(_PACKAGES),
        }

    def start(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of the CDK's command line."""
        return self._start(
            command,
            ["cdk", command, *arguments, "--no-notices", "--no-version-reporting"],
            extra={"NODE_OPTIONS": node_options(self._environment)},
        )

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
        name = self._running.pop(process)
        if processes.run(process, self._stop_request) != 0:
            log = self._log(name)
            lines = processes.lines(log)
            # of several failures the CDK ends with their kind alone, `AggregateError:`
            causes = [line for line in lines if _CAUSE in line] or lines
            said = next(reversed(causes), f"exit code {process.returncode}")
            reason = f"cdk {name} failed: {said} (see {log})"
            raise EmbeddedAwsError(reason)

    def end(self) -> None:
        """End what still runs."""
        for process in self._running:
            processes.end(process)

    def _start(
        self,
        name: str,
        command: Sequence[str],
        folder: Path | None = None,
        extra: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        # By default no folder with a cdk.json, whose app the CDK would synthesize.
        process = processes.start(
            command,
            environment={**self._environment, **(extra or {})},
            directory=folder or self._directory,
            log=self._log(name),
        )
        self._record.add(f"cdk {name}", process.pid)
        self._running[process] = name
        return process

    def _log(self, name: str) -> Path:
        return self._directory / f"cdk-{name}.log"
