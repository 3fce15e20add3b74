"""The systems that run on this machine, found from any folder by records in the user's state folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import platformdirs

from mailbus_local.directory import OUTPUTS, is_locked
from mailbus_local.errors import EmbeddedAwsError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Where `mailbus local` keeps a folder's system, in that folder.
DEFAULT: Final = ".mailbus"


class System(msgspec.Struct, frozen=True, kw_only=True):
    """A running system: the folder in which it was started, its directory, and its outputs."""

    folder: Path
    directory: Path
    outputs: Mapping[str, Any]


@contextlib.contextmanager
def recorded(folder: Path, directory: Path) -> Iterator[None]:
    """Record that a system runs, inside the `with` block. Raises `EmbeddedAwsError`."""
    records = _records()
    record = records / f"{hashlib.sha256(str(directory).encode()).hexdigest()[:16]}.json"
    try:
        records.mkdir(parents=True, exist_ok=True)
        temporary = record.with_suffix(".new")
        temporary.write_text(json.dumps({"folder": str(folder), "directory": str(directory)}))
        temporary.replace(record)
    except OSError as error:
        reason = (
            f"{record}: {error.strerror}; `mailbus env --local` finds systems by it: set XDG_STATE_HOME to "
            "another directory"
        )
        raise EmbeddedAwsError(reason) from error
    try:
        yield
    finally:
        record.unlink(missing_ok=True)


def running() -> list[System]:
    """Return the systems that are ready, in the order of their folders. Records of others are removed."""
    found = []
    for path in _records().glob("*.json"):
        try:
            record = json.loads(path.read_text())
            system = at(Path(record["directory"]), Path(record["folder"]))
        except (OSError, ValueError, KeyError, TypeError):
            system = None
        if system is None:
            path.unlink(missing_ok=True)
        else:
            found.append(system)
    return sorted(found, key=lambda system: system.folder)


def at(directory: Path, folder: Path | None = None) -> System | None:
    """Return the system that runs in a directory; None if there is none, or it is not ready."""
    if not is_locked(directory):
        return None
    try:
        outputs = json.loads((directory / OUTPUTS).read_text())
    except (OSError, ValueError):
        return None
    return System(folder=folder or directory.parent, directory=directory, outputs=outputs)


def nearest(systems: list[System], folder: Path) -> System | None:
    """Return the system of a folder, or of the nearest folder above it that has one."""
    for above in (folder, *folder.parents):
        for system in systems:
            if system.folder == above:
                return system
    return None


def _records() -> Path:
    return platformdirs.user_state_path("mailbus") / "systems"
