"""What the ledger knows of a letter's job, if it can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailbus_cli import job_states
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from mailbus_cli.dead_letters.letters import Letter
    from mailbus_cli.deployment import Deployment
    from mailbus_cli.job_states import JobState


def state_of(deployment: Deployment, letter: Letter) -> JobState | None:
    """Return what the ledger knows of a letter's job; None if that is nothing, or it cannot be read."""
    if letter.lane is None or letter.job_id is None:
        return None
    try:
        return job_states.read_job(deployment, letter.job_id)
    except CommandError:
        return None
