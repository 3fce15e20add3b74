"""Python 3.10 and older: with `make` in a checkout, and with pip."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import ROOT
from tests.installed.interpreters import find

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = "Mailbus needs Python 3.11 or newer, as in: make PYTHON=python3.12"
OLD = list(find((8, 9, 10)).values())
# a Python that reports an old version, for machines that have none
PRETENDS = """#!/bin/sh
exec {python} -c 'import sys; sys.version_info = (3, 9, 1); sys.executable = "{path}"; exec(sys.argv[1])' "$2"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that was never set up, as far as this needs it."""
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    (tmp_path / "requirements").mkdir()
    for name in ("uv", "local", "node"):
        (tmp_path / "requirements" / f"{name}.txt").touch()
    return tmp_path


def make(checkout: Path, *arguments: str, path: str | None = None) -> str:
    """Run make, which has to fail before it makes anything; return its first line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    before = set(checkout.iterdir())
    command = shutil.which("make")
    assert command is not None
    done = subprocess.run(
        [command, "demo", *arguments],
        cwd=checkout,
        env={**environment, **({"PATH": path} if path else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert set(checkout.iterdir()) == before
    first, *rest = done.stderr.splitlines()
    assert len(rest) == 1, "make's own line"
    return first


def test_make_says_which_old_python_it_found(checkout: Path, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text(PRETENDS.format(python=sys.executable, path=old))
    old.chmod(0o755)

    assert make(checkout, f"PYTHON={old}") == f"{old} is Python 3.9.1: {NEEDS}"
    assert make(checkout, path=f"{old.parent}:{os.environ['PATH']}") == f"{old} is Python 3.9.1: {NEEDS}"


def test_make_says_that_there_is_no_python(checkout: Path) -> None:
    assert make(checkout, "PYTHON=python3.99") == f"python3.99 is not there: {NEEDS}"


@pytest.mark.skipif(not OLD, reason="there is no old Python here")
@pytest.mark.parametrize("python", OLD)
def test_real_old_pythons_are_refused_by_make_and_by_pip(
    checkout: Path, wheel: Path, tmp_path: Path, python: str
) -> None:
    line = make(checkout, f"PYTHON={python}")
    assert re.fullmatch(rf"\S+ is Python 3\.\d+\.\d+: {NEEDS}", line)

    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps")
    done = subprocess.run(
        [*pip, "--target", str(tmp_path / "target"), str(wheel)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert re.search(r"requires a different Python: 3\.\d+\.\d+ not in '>=3\.11'", done.stderr)
