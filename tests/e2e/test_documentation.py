"""Every Python example in the README and in docs/ runs as it stands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from tests.e2e.local import Local

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = {
    f"{page.name}-{number}": code
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, code in enumerate(EXAMPLE.findall(page.read_text()), 1)
}


@pytest.fixture(scope="module")
def errors(local: Local, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in each example, in an empty folder with exactly what `mailbus env --local` prints."""
    python = shlex.quote(sys.executable)
    run = subprocess.run(
        [
            *("/bin/sh", "-e", "-c"),
            (
                f'eval "$({python} -m mailbus_cli env --local)"\n'
                f"exec {python} -W error -m tests.e2e.run_examples"
            ),
        ],
        input=json.dumps(EXAMPLES),
        cwd=tmp_path_factory.mktemp("examples"),
        env={"PATH": os.environ["PATH"], **local.variables},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    errors: dict[str, str] = json.loads(run.stdout)
    return errors


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(errors: dict[str, str], name: str) -> None:
    assert errors[name] == "", errors[name]
