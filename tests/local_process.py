"""`mailbus local` as a process, of the checkout or of an installed wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

READY = "ready\n"


def read_until_ready(process: subprocess.Popen[str]) -> list[str]:
    """Wait until the system is ready; return what it printed. A system that ends fails with that."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line == READY:
            return lines
    raise AssertionError("\n".join(lines))
