"""Where the functions' code and the lock of their packages are: in a checkout, or in the installed package.

The wheel has the functions and the lock as package data: their names, such as `sender`, are too common to be
importable in somebody else's environment.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import platformdirs

import mailbus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HERE: Final = Path(__file__).resolve().parent


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """The directory of the functions, that of the shared package, the lock, and where packages are built."""

    functions: Path
    shared: Path
    lock: Path
    build: Path

    def modules(self) -> Iterator[tuple[str, Path]]:
        """Yield all modules to deploy, each by its path in the package, such as `sender/handler.py`."""
        functions = {path for path in self.functions.iterdir() if (path / "__init__.py").is_file()}
        for package in sorted(functions | {self.shared}, key=lambda path: path.name):
            for path in sorted(package.rglob("*.py")):
                yield f"{package.name}/{path.relative_to(package).as_posix()}", path

    @property
    def digest(self) -> str:
        """A digest (hex) of what is deployed, the same for all platforms and installations."""
        return digest([("lock", self.lock), *self.modules()])


def digest(files: Iterable[tuple[str, Path]], *more: str) -> str:
    """Return a digest (hex) of files by their names; it does not depend on where they are installed."""
    found = hashlib.sha256("\0".join(more).encode())
    for name, path in files:
        found.update(f"\0{name}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def find() -> Sources:
    """Return the sources of this package. An installed package is built in the user's cache."""
    installed = (_HERE / "functions").is_dir()
    root = _HERE if installed else _HERE.parents[1]
    return Sources(
        functions=root / "functions",
        shared=Path(mailbus.__file__).resolve().parent,
        lock=root / "requirements" / "runtime.txt",
        build=(platformdirs.user_cache_path("mailbus") if installed else root) / "build",
    )
