"""`mailbus local` as a process, and what it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from mailbus_local.embedded import ENDPOINTS
from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping


def start_local(directory: Path) -> subprocess.Popen[str]:
    """Start `mailbus local` in a directory."""
    return subprocess.Popen(
        [sys.executable, "-m", "mailbus_cli", "local", "--directory", str(directory)],
        # no mailbus.toml there
        cwd=directory,
        env={**os.environ, **variables(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def variables(directory: Path) -> dict[str, str]:
    """Return the variables with which the commands of `mailbus` find this project and that system."""
    paths = (str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT / "cli"), str(ROOT))
    return {"PYTHONPATH": os.pathsep.join(paths), "XDG_STATE_HOME": str(directory / "state")}


def end_local(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> None:
    process.send_signal(number)
    process.communicate(timeout=120)


def processes_below(directory: Path) -> list[str]:
    """Return the commands that work below a directory, as MiniStack and its Lambda workers do."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve().is_relative_to(directory):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found


class Local:
    """What runs by `mailbus local`, as its `outputs.json` describes it; `variables` lead to it."""

    def __init__(self, outputs: Mapping[str, Any], variables: Mapping[str, str]) -> None:
        self.outputs = outputs
        self.variables = variables

    def client(self, service: str) -> Any:
        """Make a boto3 client, as an application does from `outputs`."""
        return boto3.client(
            service,  # type: ignore[call-overload]  # the stubs know literal names only
            endpoint_url=self.outputs[ENDPOINTS.get(service, "endpoint_url")],
            region_name=self.outputs["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
