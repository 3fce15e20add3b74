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
from mailbus_local.testing import Denial


class System:
    def __init__(self):
        self.denied = []
        self.late = False

    def activated(self):
        return contextlib.nullcontext()

    def clear(self):
        pass

    def deny(self, action):
        self.denied.append(Denial(principal="lambda.amazonaws.com", action=action, resource="*"))

    def denials(self):
        found, self.denied = self.denied, []
        return tuple(found)


@contextlib.contextmanager
def running(directory, *, project, progress):
    progress("deploying the stacks")
    system = System()
    yield system
    if system.late:
        system.deny("sqs:DeleteMessage")


mailbus_local.testing.running = running
"""
TEST = """
def test_a_mail(mailbus_system):
    print("captured")


def test_another(mailbus_system):
    pass
"""


DENIED = """
def test_a_mail(mailbus_system):
    mailbus_system.deny("sqs:SendMessage")


def test_another(mailbus_system):
    mailbus_system.deny("events:PutEvents")
    [denial] = mailbus_system.denials()
    assert denial.action == "events:PutEvents"
"""
DENIED_LATE = """
def test_a_mail(mailbus_system):
    mailbus_system.late = True
"""


def run(directory: Path, test: str) -> str:
    """Run a test with a system in place of the real one; return what pytest prints."""
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "test_mail.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-p", "mailbus_local.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(directory)], cwd=directory, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_the_steps_of_the_start_are_shown_while_tests_are_captured(tmp_path: Path) -> None:
    printed = run(tmp_path, TEST)
    assert printed.count("\nmailbus_system: deploying the stacks\n") == 1, printed
    assert "captured" not in printed
    assert "2 passed" in printed


def test_a_denied_call_is_an_error_at_the_end_of_its_test_unless_the_test_asks_for_it(tmp_path: Path) -> None:
    printed = run(tmp_path, DENIED)
    assert "2 passed, 1 error" in printed
    assert "ERROR at teardown of test_a_mail" in printed
    assert "no policy allows this:\n  lambda.amazonaws.com may not sqs:SendMessage on *\n" in printed


def test_a_call_that_is_denied_after_the_last_test_is_an_error_too(tmp_path: Path) -> None:
    printed = run(tmp_path, DENIED_LATE)
    assert "1 passed, 1 error" in printed
    assert "no policy allows this:\n  lambda.amazonaws.com may not sqs:DeleteMessage on *\n" in printed
