"""Directories that are built once, and kept by the digest of their sources; several processes may do it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from mailbus.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_BUILDS: Final = 8
# Longer than a build takes.
ABANDONED_SECONDS: Final = 24 * 60 * 60


class staged:  # noqa: N801 - used as a function: with staged(directory)
    """Fills a temporary directory and then renames it, so that no reader sees it half filled."""

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=f".{destination.name}-", dir=destination.parent))
        except OSError as error:
            reason = (
                f"{destination.parent} cannot be written ({error.strerror}); set "
                "XDG_CACHE_HOME to a directory that can"
            )
            raise ConfigurationError(reason) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None and not self.destination.exists():
            self.path.chmod(0o755)
            try:
                self.path.rename(self.destination)
            except OSError:
                # Another process built the same directory first.
                if not self.destination.exists():
                    raise
        shutil.rmtree(self.path, ignore_errors=True)


def delete_old(build: Path, pattern: str, kept: int | None = None) -> None:
    """Delete all but the builds used last, and what interrupted builds left. Others may do the same."""
    for path in _by_use(build.glob(pattern))[KEPT_BUILDS if kept is None else kept :]:
        # under a temporary name first: half a build must not be found if this is interrupted
        unused = build / f".{path.name}-unused"
        with contextlib.suppress(OSError):
            path.rename(unused)
        shutil.rmtree(unused, ignore_errors=True)
    for path in build.glob(f".{pattern}"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < time.time() - ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _by_use(paths: Iterable[Path]) -> list[Path]:
    """Return directories, the one used last first; without those that another process deletes meanwhile."""
    used: list[tuple[float, Path]] = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            used.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(used, reverse=True)]
