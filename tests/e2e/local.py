"""`mailbus local` as a process, and what it runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mailbus_local import clients, denials
from mailbus_local.embedded import ENDPOINTS
from tests.architecture.source_tree import ROOT
from tests.local_process import read_until_ready

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

ROOM = re.compile(r"^the mail room is at (\S+)$", re.MULTILINE)


def start_local(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `mailbus local` in a directory."""
    return subprocess.Popen(
        [sys.executable, "-m", "mailbus_cli", "local", "--directory", str(directory), *arguments],
        # no mailbus.toml there
        cwd=directory,
        env={**os.environ, **variables(directory)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def running(directory: Path, *, denied: frozenset[str] = frozenset()) -> Iterator[Local]:
    """Run `mailbus local` in a directory, from when it is ready until it has ended.

    In the end nothing may have been denied, but for calls on the resources `denied`, which must have been,
    and for what a test has added to `may_be_denied`.
    """
    process = start_local(directory)
    try:
        [room] = ROOM.findall("\n".join(read_until_ready(process)))
        local = Local(json.loads((directory / "outputs.json").read_text()), variables(directory), room)
        yield local
    finally:
        output = end_local(process)
    assert_nothing_denied(directory, but=denied, or_actions=local.may_be_denied)
    found = denials.read(directory / denials.FILE)
    assert denied <= {one.resource for one in found}
    assert process.returncode == (1 if found else 0), output


def assert_nothing_denied(
    directory: Path, *, but: frozenset[str] = frozenset(), or_actions: Collection[str] = ()
) -> None:
    """Fail with each call that the roles and policies of a system denied, other than these."""
    found = [
        str(one)
        for one in denials.read(directory / denials.FILE)
        if one.resource not in but and one.action not in or_actions
    ]
    assert not found, "denied: " + "; ".join(found)


def variables(directory: Path) -> dict[str, str]:
    """Return the variables with which the commands of `mailbus` find this project and that system."""
    paths = (str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT / "cli"), str(ROOT))
    return {"PYTHONPATH": os.pathsep.join(paths), "XDG_STATE_HOME": str(directory / "state")}


def end_local(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> str:
    """End `mailbus local` and return what it printed since it was ready."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    return output


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
    """What runs by `mailbus local`, as its `outputs.json` describes it.

    `variables` lead to it, `room` is the address of its mail room. A test adds to `may_be_denied` the actions
    that the roles may not allow for a while.
    """

    def __init__(self, outputs: Mapping[str, Any], variables: Mapping[str, str], room: str = "") -> None:
        self.outputs = outputs
        self.variables = variables
        self.room = room
        self.may_be_denied: set[str] = set()

    def client(self, service: str) -> Any:
        """Make a boto3 client, as an application does from `outputs`."""
        url = self.outputs[ENDPOINTS.get(service, "endpoint_url")]
        return clients.client(service, url=url, region=self.outputs["region"])
