"""The fixture's lines on the terminal; what it runs is in tests/installed/test_pytest_plugin.py."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# in place of a system
CONFTEST = """
import contextlib

import mailbus_local.testing


class System:
    def activated(self):
        return contextlib.nullcontext()

    def clear(self):
        pass


@contextlib.contextmanager
def running(directory, *, project, progress):
    progress("deploying the stacks")
    yield System()


mailbus_local.testing.running = running
"""
TEST = """
def test_a_mail(mailbus_system):
    print("captured")


def test_another(mailbus_system):
    pass
"""


def test_the_steps_of_the_start_are_shown_while_tests_are_captured(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_mail.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-p", "mailbus_local.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("\nmailbus_system: deploying the stacks\n") == 1, done.stdout
    assert "captured" not in done.stdout
    assert "2 passed" in done.stdout
