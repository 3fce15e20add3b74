"""Finds the system that a command works on among those that run on this machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from mailbus_cli.errors import CommandError
from mailbus_local import systems

if TYPE_CHECKING:
    from mailbus_local.systems import System


def find(directory: Path | None) -> System:
    """Return the system of a directory, of this folder or one above it, or the only one."""
    if directory is not None:
        if system := systems.at(directory.absolute()):
            return system
        reason = f"no system runs in {directory}, or it is not ready"
        raise CommandError(reason, hint="`mailbus env --local` finds those that run")
    found = systems.running()
    if system := systems.nearest(found, Path.cwd()):
        return system
    if not found:
        reason = "no system runs on this machine, or it is not ready"
        raise CommandError(reason, hint="start one with `mailbus local`, in another terminal")
    if len(found) > 1:
        listed = ", ".join(str(system.directory) for system in found)
        reason = f"{len(found)} systems run, none of them in this folder or above it: {listed}"
        quoted = shlex.quote(str(found[0].directory))
        raise CommandError(reason, hint=f"choose one: `--local --directory {quoted}`")
    return found[0]
