from __future__ import annotations

from typing import TYPE_CHECKING

from bench.journeys import worker_kills

if TYPE_CHECKING:
    from conftest import System

JOBS = 100
# each death costs a job half a minute, until the lease is over
DEADLY_SECONDS = 10.0


def test_killed_workers_broken_answers_and_duplicates_lose_nothing_and_send_nothing_twice(
    system: System,
) -> None:
    deployment = worker_kills.Deployment(
        outputs=system.outputs, client=system.client, events=system.whole_events
    )

    counts = worker_kills.travel(
        deployment, JOBS, on_unknown="resend", deadly_seconds=DEADLY_SECONDS, drained=False
    )

    # what was faulty is in the counts, so that a failure shows all of it
    assert counts.workers_killed, counts
    assert counts.hit["answer broken"], counts
    assert counts.accepted + counts.failed == counts.entries, counts
    assert counts.sent_twice == counts.lost == counts.accepted_and_failed == 0, counts
    assert counts.unannounced == counts.open_records == 0, counts
