"""Checks a deployment, and says what to do: `run(deployment)` returns a finding for each check.

Nothing is changed, but for rules and queues that killed runs of `mailbus tail` left.
"""

from __future__ import annotations

from mailbus_cli.doctor.runner import run
from mailbus_cli.doctor.verdict import Finding

__all__ = ["Finding", "run"]
