"""For all tests."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

# The time that one example takes says nothing on a busy machine. Every run has the same examples, so that a
# failure can be repeated.
settings.register_profile("mailbus", deadline=None, derandomize=True)
settings.load_profile("mailbus")

# jsii looks for Node when aws_cdk is imported: the environment's, if the system has none. The Makefile has
# the reason of the other two.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
os.environ["JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION"] = "1"
os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "20"
