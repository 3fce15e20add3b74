"""The import time of each handler at a cold start, from the code as it is shipped."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.support.comparison import Comparison, compare
from mailbus_cdk.packaging import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FUNCTIONS: Final = ("sender", "tracking", "inbound")
CODE: Final = (
    "import sys, time; sys.path.insert(0, sys.argv[1]); start = time.perf_counter(); "
    "__import__(sys.argv[2] + '.handler'); print(time.perf_counter() - start)"
)


def measure() -> Iterator[Comparison]:
    """Compare each handler's import with and without the compiled files."""
    shipped = build("host").path
    with tempfile.TemporaryDirectory() as directory:
        bare = Path(directory) / "bare"
        shutil.copytree(shipped, bare, ignore=shutil.ignore_patterns("__pycache__"))
        for function in FUNCTIONS:
            yield compare(
                f"cold start of {function}",
                ("compiled, as shipped", _importer(shipped, function)),
                ("sources alone", _importer(bare, function)),
                rounds=5,
            )


def _importer(code: Path, function: str) -> Callable[[], float]:
    def run() -> float:
        # -I: only the code itself; -B: as on Lambda, no compiled files are written
        command = [sys.executable, "-I", "-S", "-B", "-c", CODE, str(code), function]
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own command
        return float(done.stdout)

    return run
