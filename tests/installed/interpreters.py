"""The Python interpreters of this machine that Mailbus supports."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# of pyproject.toml's classifiers
MINORS = (11, 12, 13, 14)


def _candidates(minor: int) -> list[str]:
    """Return what may be Python 3.<minor>: on the PATH, and what pyenv has; its shims may be inactive."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found = [shutil.which(f"python3.{minor}")]
    found += [str(path / "bin" / "python") for path in sorted(pyenv.glob(f"versions/3.{minor}.*"))]
    return [path for path in found if path]


def _runs(path: str, minor: int) -> bool:
    code = f"import sys, ensurepip, ssl, sqlite3; sys.exit(sys.version_info[:2] != (3, {minor}))"
    try:
        return subprocess.run([path, "-I", "-c", code], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def find(minors: Sequence[int] = MINORS) -> dict[str, str]:
    """Return the first working interpreter of each minor version: `{"3.11": "/usr/bin/python3.11"}`."""
    found = {}
    for minor in minors:
        path = next((path for path in _candidates(minor) if _runs(path, minor)), None)
        if path:
            found[f"3.{minor}"] = path
    return found


PYTHONS = find()
OLDEST, NEWEST = next(iter(PYTHONS)), list(PYTHONS)[-1]
# the whole system takes long to start: its tests are spread over the interpreters
MIDDLE = list(PYTHONS)[len(PYTHONS) // 2]
