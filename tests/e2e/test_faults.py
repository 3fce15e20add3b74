from __future__ import annotations

from typing import TYPE_CHECKING

from bench.journeys import worker_kills
from bench.support.deployment import Deployment

if TYPE_CHECKING:
    from tests.e2e.system import System

JOBS = 100
# more would take longer: the jobs of a killed worker wait for half a minute until its lease is over
KILLS_PER_POINT = 1


def test_killed_workers_broken_answers_and_duplicates_lose_nothing_and_send_nothing_twice(
    system: System,
) -> None:
    deployment = Deployment(outputs=system.outputs, client=system.client, events=system.whole_events)

    result = worker_kills.run(
        deployment, JOBS, on_unknown="resend", kills_per_point=KILLS_PER_POINT, drained=False
    )

    # the whole result is shown, so that a failure explains itself
    assert set(result.kills.values()) == {KILLS_PER_POINT}, result
    assert all(result.jobs_hit.values()), result
    assert result.broken_answers, result
    assert result.duplicates, result
    # what is in doubt waits as a copy
    assert result.copies, result
    assert result.correct, result
