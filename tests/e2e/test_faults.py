"""A small fault run of the sender alone; `make chaos` is the whole one."""

from __future__ import annotations

import contextlib
import random
import uuid
from typing import TYPE_CHECKING

from msgspec.structs import replace

from bench.chaos import jobs, rules
from bench.chaos.checker import Expected, problems
from bench.chaos.observed import Observed, event_of
from bench.chaos.plan import Plan
from bench.chaos.proxy import Proxy
from bench.chaos.system import System as Fed
from bench.support.deployment import sender_configured
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from bench.chaos.calls import Service
    from tests.e2e.local import Local
    from tests.e2e.system import System

JOBS = 70
# The deployment's own times, 60 s, 90 s and 120 s, would only make the test longer.
FUNCTION_SECONDS = 24
VISIBILITY_SECONDS = 26
DOUBT_SECONDS = 30
SOON_SECONDS = 12.0
BROKEN = 4
AWS: tuple[Service, ...] = ("dynamodb", "eventbridge", "sqs")
# With these times there is none for a file in S3; what ends as a dead letter has tests of its own.
KINDS: tuple[jobs.Kind, ...] = ("single", "50 recipients", "merge", "scheduled", "duplicate")


def observed(fed: Fed, system: System, own: frozenset[str]) -> Observed:
    """What became of these jobs so far."""
    events = tuple(event_of(event) for event in system.whole_events() if event["detail"].get("job_id") in own)
    accepted = tuple(mail for mail in fed.accepted() if mail.job_id in own)
    return Observed(accepted=accepted, events=events, letters=(), letters_after=())


def test_killed_workers_broken_answers_and_duplicates_lose_nothing_and_send_nothing_twice(
    local: Local, system: System, tmp_path: Path
) -> None:
    sender = [rule for rule in rules.ALL if rule.function == "sender"]
    plan = Plan([replace(rule, times=1, gap=2) for rule in sender], 47)
    drawn = jobs.draw(random.Random(47), JOBS, uuid.uuid4().hex[:8])  # noqa: S311 - test data, no secret
    aws_url, ses_url = system.outputs["endpoint_url"], system.outputs["ses_endpoint_url"]
    operations = ("SendEmail", "SendBulkEmail")
    with (
        contextlib.closing(Fed(local, tmp_path)) as fed,
        Proxy({"sesv2": ses_url, **dict.fromkeys(AWS, aws_url)}, plan) as proxy,
        sender_configured(
            local,
            {**proxy.environment, "DOUBT_SECONDS": str(DOUBT_SECONDS)},
            function_seconds=FUNCTION_SECONDS,
            visibility_seconds=VISIBILITY_SECONDS,
        ),
    ):
        system.add_faults(
            *(
                {"operation": operation, "error": "ConnectionReset", "count": BROKEN, "after_accept": True}
                for operation in operations
            )
        )
        enqueued, due = fed.enqueue(
            [
                replace(job, send_in=job.send_in and min(job.send_in, SOON_SECONDS))
                for job in drawn
                if job.kind in KINDS
            ]
        )
        own = frozenset(job.job_id for job in enqueued)
        expected = Expected(jobs=tuple(enqueued), due=due, published={}, received=())
        # what is wrong in the end is shown below
        with contextlib.suppress(AssertionError):
            eventually(lambda: not problems(expected, observed(fed, system, own)), "all is well")
            # a mail in doubt would be sent again
            system.wait_until_empty("SendQueueUrl")
            system.wait_until_empty("BulkQueueUrl")

        assert problems(expected, observed(fed, system, own)) == []
        assert [rule.point for rule, count in plan.happened() if rule.is_kill and not count] == []
        assert {rule.fault for rule, count in plan.happened() if count} >= {"error", "cut", "part"}
        assert {job.kind for job in enqueued} == set(KINDS)
