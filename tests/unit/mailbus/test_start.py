"""The garbage collector is off only while a handler is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.source_tree import ROOT

PROGRAM = """
import gc
seen = []
gc.callbacks.append(lambda phase, _: seen.append(phase))
from mailbus import start
del seen[:]
import {0}.handler
print(len(seen), gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


@pytest.mark.parametrize("function", ["sender", "tracking", "timeline"])
def test_nothing_is_collected_while_a_handler_is_imported(function: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(function)]
    done = subprocess.run(command, cwd=ROOT / "functions", capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "True", "True"]
