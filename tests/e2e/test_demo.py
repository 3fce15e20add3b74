"""`make demo`: the first command that somebody runs, in a system of its own."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LIMIT_SECONDS = 600


def test_the_demo_ends_well(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mailbus_local.demo", "--directory", str(tmp_path / "demo")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all expected events arrived" in done.stdout
