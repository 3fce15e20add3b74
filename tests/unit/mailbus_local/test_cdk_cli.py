"""The installation in the cache, with a program in place of npm."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mailbus_local import cdk_cli
from mailbus_local.errors import EmbeddedAwsError
from mailbus_local.node import Node
from mailbus_local.stop_signals import StopRequest

NPM = """
import json, os, pathlib, sys, time
log = pathlib.Path(os.environ["NPM_CALLS"])
with log.open("a") as calls:
    call = {"arguments": sys.argv[1:], "files": sorted(os.listdir()), "process": os.getpid()}
    calls.write(json.dumps(call) + "\\n")
if os.environ["NPM_MODE"] == "fail":
    sys.exit("npm error code E404\\nnpm error 404 Not Found")
executables = pathlib.Path("node_modules/.bin")
executables.mkdir(parents=True)
if os.environ["NPM_MODE"] == "hang":
    # until it is ended
    while True:
        time.sleep(60)
(executables / "cdk").touch()
"""


class Installation:
    """A cache and the calls of npm."""

    def __init__(self, directory: Path) -> None:
        self.cache = directory / "cache" / "mailbus" / "npm"
        self._calls = directory / "calls"
        npm = directory / "npm.py"
        npm.write_text(NPM)
        self.node = Node(npm=(sys.executable, str(npm)))
        self.progress: list[str] = []
        self.stop = StopRequest()

    def find(self) -> Path:
        return cdk_cli.find(self.node, progress=self.progress.append, stop=self.stop)

    @property
    def calls(self) -> list[dict[str, Any]]:
        return (
            [json.loads(line) for line in self._calls.read_text().splitlines()]
            if self._calls.exists()
            else []
        )


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    lock = tmp_path / "lock"
    lock.mkdir()
    for name in ("package.json", "package-lock.json"):
        (lock / name).write_text("{}")
    monkeypatch.setattr(cdk_cli, "_PACKAGE_DATA", lock)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NPM_CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("NPM_MODE", "install")
    return Installation(tmp_path)


def test_it_is_installed_once_from_the_lock_and_no_package_runs_a_script(installation: Installation) -> None:
    found = installation.find()

    assert (found / "cdk").exists()
    assert installation.find() == found
    [call] = installation.calls
    assert call["arguments"][:2] == ["ci", "--ignore-scripts"]
    assert call["files"] == ["package-lock.json", "package.json"]
    assert installation.progress == [
        f"installing the CDK command line (once) into {installation.cache}",
    ]


def test_another_lock_is_another_installation(installation: Installation, tmp_path: Path) -> None:
    first = installation.find()
    (tmp_path / "lock" / "package-lock.json").write_text('{"lockfileVersion": 3}')
    assert installation.find() != first


def test_an_interrupted_installation_is_done_again(installation: Installation) -> None:
    (installation.cache / ".new-abc" / "node_modules").mkdir(parents=True)
    found = installation.find()
    assert (found / "cdk").exists()
    assert [path.name for path in installation.cache.glob(".new-*")] == []


def test_a_damaged_installation_is_done_again(installation: Installation) -> None:
    found = installation.find()
    (found / "cdk").unlink()
    assert installation.find() == found
    assert (found / "cdk").exists()


def test_two_at_once_install_once(installation: Installation) -> None:
    installation.cache.mkdir(parents=True)
    with (installation.cache / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waits = threading.Event()
        second = Installation(installation.cache.parents[2])
        second.progress = _Signalling(waits)
        thread = threading.Thread(target=second.find)
        thread.start()
        assert waits.wait(60)
        # what the first one does meanwhile
        target = _target(installation)
        (target / "node_modules" / ".bin").mkdir(parents=True)
        (target / "node_modules" / ".bin" / "cdk").touch()
    thread.join(60)

    assert second.progress == ["waiting until another process has installed the CDK command line"]
    assert installation.calls == []


def test_a_failure_is_one_line_with_the_log_and_leaves_nothing_in_place(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NPM_MODE", "fail")
    with pytest.raises(EmbeddedAwsError, match=r"npm error code E404 \(see .*npm\.log\)") as failed:
        installation.find()
    assert "\n" not in str(failed.value)

    monkeypatch.setenv("NPM_MODE", "install")
    assert (installation.find() / "cdk").exists()


def test_a_stop_ends_npm(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NPM_MODE", "hang")
    monkeypatch.setattr(installation.stop, "wait", lambda _seconds: bool(installation.calls))
    with pytest.raises(EmbeddedAwsError, match="stopped before the system was ready"):
        installation.find()
    [call] = installation.calls
    with pytest.raises(ProcessLookupError):
        os.kill(call["process"], 0)
    assert not list(installation.cache.glob("*/node_modules/.bin/cdk"))


def test_in_the_checkout_it_is_that_of_node_modules() -> None:
    node = Node(npm=("npm-is-not-run",))
    found = cdk_cli.find(node, progress=print, stop=StopRequest())
    assert found == Path(cdk_cli.__file__).resolve().parents[2] / "node_modules" / ".bin"


class _Signalling(list[str]):
    """Lines of progress, which set an event."""

    def __init__(self, event: threading.Event) -> None:
        super().__init__()
        self._event = event

    def append(self, line: str) -> None:
        super().append(line)
        self._event.set()


def _target(installation: Installation) -> Path:
    return installation.cache / hashlib.sha256(b"{}").hexdigest()[:16]


def test_a_cache_that_cannot_be_written_is_one_line_that_names_the_variable(
    installation: Installation,
) -> None:
    installation.cache.parent.parent.touch()
    with pytest.raises(EmbeddedAwsError) as error:
        installation.find()
    assert str(error.value) == (
        f"{installation.cache} cannot be written (Not a directory): set XDG_CACHE_HOME to another directory"
    )
