"""Runs MiniStack in this process, with roles enforced, and a function's code unpacked once for all workers.

MiniStack has each worker unpack a copy of its own, which takes most of the time of a cold start and of the
processor time of `mailbus local`. Here a worker's directory is a link to the one copy: on AWS, functions
cannot write into their code either.
"""

from __future__ import annotations

import hashlib
import runpy
import shutil
import sys
import threading
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    StrPath = str | PathLike[str]

_ARCHIVE: Final = "code.zip"
_CODE: Final = "code"
_lock = threading.Lock()


def unpack_once(archive: zipfile.ZipFile, path: Path) -> None:
    """Make `path`, an empty directory, a link to what the archive has, which is kept beside its directory."""
    digest = hashlib.sha256(Path(str(archive.filename)).read_bytes()).hexdigest()
    shared = path.parents[1] / f"code-{digest[:16]}"
    with _lock:
        if not shared.exists():
            new = shared.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            _extract_all(archive, new)
            new.rename(shared)
    path.rmdir()
    path.symlink_to(shared)


_extract_all: Final = zipfile.ZipFile.extractall


def extract(
    archive: zipfile.ZipFile,
    path: StrPath | None = None,
    members: Iterable[str | zipfile.ZipInfo] | None = None,
    pwd: bytes | None = None,
) -> None:
    """Unpack an archive as `ZipFile.extractall` does, but a function's code once."""
    target = Path(path or ".")
    if archive.filename and Path(archive.filename) == target.with_name(_ARCHIVE) and target.name == _CODE:
        unpack_once(archive, target)
    else:
        _extract_all(archive, path, members, pwd)


if __name__ == "__main__":
    zipfile.ZipFile.extractall = extract  # type: ignore[assignment, method-assign]
    # not by the environment, which Lambda workers inherit
    sys.path.append(str(Path(__file__).parents[1]))
    from mailbus_local.asynchronous_calls import retry_calls_of_sns
    from mailbus_local.enforced_roles import enforce_roles

    enforce_roles(Path(sys.argv.pop(1)))
    retry_calls_of_sns()
    runpy.run_module("ministack", run_name="__main__")
