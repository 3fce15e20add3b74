"""The example for Node, whose packages `make test` installs: TypeScript's compiler is among them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
NODE_EXAMPLE: Final = ROOT / "examples" / "node"
_TSC: Final = NODE_EXAMPLE / "node_modules" / "typescript" / "bin" / "tsc"


def tsc(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the compiler; what is wrong in the sources is on its standard output."""
    assert _TSC.exists(), "install the example's packages: npm ci --prefix examples/node (make test does)"
    node = shutil.which("node")
    assert node is not None, "no Node on the PATH"
    return subprocess.run([node, str(_TSC), *arguments], capture_output=True, text=True, check=False)
