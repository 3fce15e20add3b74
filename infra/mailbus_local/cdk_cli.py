"""Finds the CDK command line, which is a package of npm; installs it once, into the user's cache.

In a checkout it is that of `node_modules`, if that exists. The lock has the hash of every package, and no
package may run a script. An installation that was interrupted is done again: a directory gets its name in
the cache only when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from mailbus_local import processes
from mailbus_local.directory import one_at_a_time
from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailbus_local.node import Node
    from mailbus_local.stop_signals import StopRequest

_HERE: Final = Path(__file__).resolve().parent
_PACKAGE_DATA: Final = _HERE / "npm"
_CHECKOUT: Final = _HERE.parents[1]
_FILES: Final = ("package.json", "package-lock.json")
_EXECUTABLES: Final = Path("node_modules", ".bin")
_INSTALL: Final = (
    *("ci", "--ignore-scripts", "--omit=dev", "--omit=optional"),
    *("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"),
    # by default npm waits 10 and then 60 seconds before it says that there is no network
    *("--fetch-retries=3", "--fetch-retry-mintimeout=1000", "--fetch-retry-factor=3"),
    # the lock has hashes: what npm has in its own cache needs no question
    "--prefer-offline",
)


def find(node: Node, *, progress: Callable[[str], None], stop: StopRequest) -> Path:
    """Return the directory with the executable `cdk`, installed if it is not there yet.

    Raises `EmbeddedAwsError` if that fails, or is stopped.
    """
    lock = _PACKAGE_DATA if _PACKAGE_DATA.is_dir() else _CHECKOUT
    if (lock / _EXECUTABLES / "cdk").exists():
        return lock / _EXECUTABLES
    digest = hashlib.sha256((lock / "package-lock.json").read_bytes()).hexdigest()
    cache = platformdirs.user_cache_path("mailbus") / "npm"
    target = cache / digest[:16]
    if not (target / _EXECUTABLES / "cdk").exists():
        with one_at_a_time(cache, "installed the CDK command line", progress, stop):
            if not (target / _EXECUTABLES / "cdk").exists():
                progress(f"installing the CDK command line (once) into {cache}")
                _install(lock, target, node, stop)
    return target / _EXECUTABLES


def _install(lock: Path, target: Path, node: Node, stop: StopRequest) -> None:
    for leftover in (*target.parent.glob(".new-*"), target):
        shutil.rmtree(leftover, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    for name in _FILES:
        shutil.copyfile(lock / name, new / name)
    log = target.parent / "npm.log"
    environment = {**os.environ, "PATH": processes.search_path(node.directories)}
    npm = processes.start([*node.npm, *_INSTALL], environment=environment, directory=new, log=log)
    if processes.run(npm, stop) != 0:
        said = next(iter(processes.lines(log)), f"exit code {npm.returncode}")
        reason = f"npm cannot install the CDK command line: {said} (see {log})"
        raise EmbeddedAwsError(reason)
    new.chmod(0o755)
    new.rename(target)
