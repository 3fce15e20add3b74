"""The guard: SES's rates pause the bulk lane alone, and only a person resumes it."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import ROOT
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.commands import Commands
    from tests.e2e.system import System

COMMANDS = re.findall(
    r"^```sh\n(mailbus .*?)^```", (ROOT / "docs/guard.md").read_text(), re.DOTALL | re.MULTILINE
)
BOUNCES = "Reputation.BounceRate"
MANY = 1_000_000
REFUSED = "only CloudWatch publishes on the guard's topic"


def measure(system: System, metric: str, rate: float, *, count: int = 1) -> None:
    """Publish values of a metric as SES does, so many of them."""
    values = {"SampleCount": count, "Sum": rate * count, "Minimum": rate, "Maximum": rate}
    system.client("cloudwatch").put_metric_data(
        Namespace="AWS/SES", MetricData=[{"MetricName": metric, "StatisticValues": values}]
    )


@pytest.fixture
def bounces(system: System, commands: Commands) -> Iterator[None]:
    """Have the account's bounces rise, and fall again at the end."""
    measure(system, BOUNCES, 0.01)
    measure(system, BOUNCES, 0.2)
    yield
    commands("resume", "bulk", "--local")
    measure(system, BOUNCES, 0.0, count=MANY)


@pytest.mark.usefixtures("bounces")
def test_a_rate_pauses_bulk_alone_until_somebody_resumes_it(system: System, commands: Commands) -> None:
    (paused,) = system.wait(1, event_type="lane_paused", by="guard")
    dead = system.count_dead_letters("SendDeadLetterQueueUrl")
    bulk, urgent = system.job(), system.send()
    system.enqueue(json.dumps(bulk), "BulkQueueUrl")
    system.wait_for_log("Sender", bulk["job_id"])
    system.wait(1, job_id=urgent, event_type="delivered")

    # neither claimed nor sent
    assert system.ledger_record(bulk["job_id"]) is None
    assert system.sent_for(bulk["job_id"]) == []

    done = commands("resume", "bulk", "--local")
    (resumed,) = system.wait(1, event_type="lane_resumed", paused_at=paused["timestamp"])
    system.wait(1, job_id=bulk["job_id"], event_type="delivered")

    assert (paused["lane"], paused["metric"], paused["threshold"]) == ("bulk", BOUNCES, 0.075)
    assert paused["reason"] == "SES's bounce rate of the account has reached 7.5 %"
    assert (done.returncode, done.stdout) == (0, "The bulk lane of the system on this machine is resumed.\n")
    assert (resumed["lane"], resumed["by"], resumed["metric"]) == ("bulk", "operator", None)
    assert system.count_dead_letters("SendDeadLetterQueueUrl") == dead


def test_the_commands_of_the_page_run_and_the_events_are_on_the_bus(
    system: System, commands: Commands
) -> None:
    assert len(COMMANDS) == 2
    before = len(system.details(event_type="lane_paused", by="operator"))
    for block in COMMANDS:
        subprocess.run(
            ["/bin/sh", "-e", "-c", block],
            cwd=commands.folder,
            env=commands.account(),
            check=True,
            timeout=600,
        )
    system.wait(before + 1, event_type="lane_paused", by="operator")
    (paused,) = system.details(event_type="lane_paused", reason="wrong campaign")
    (resumed,) = system.wait(1, event_type="lane_resumed", paused_at=paused["timestamp"])
    assert (paused["metric"], paused["threshold"]) == (None, None)
    assert resumed["reason"] is None


def test_a_lane_is_paused_once_and_its_first_reason_stays(system: System, commands: Commands) -> None:
    first = json.loads(commands("pause", "transactional", "--local", "--reason", "first", "--json").stdout)
    again = commands("pause", "transactional", "--local", "--reason", "second")
    assert (first["paused"], first["changed"], first["event"]["reason"]) == (True, True, "first")
    assert "is paused already (since " in again.stdout
    assert again.stdout.endswith(" UTC, by the operator: first).\n")

    bulk, urgent = system.job(), system.send()
    system.enqueue(json.dumps(bulk), "BulkQueueUrl")
    system.wait(1, job_id=bulk["job_id"], event_type="delivered")
    assert system.sent_for(urgent) == []

    assert json.loads(commands("resume", "transactional", "--local", "--json").stdout)["changed"]
    assert not json.loads(commands("resume", "transactional", "--local", "--json").stdout)["changed"]
    system.wait(1, job_id=urgent, event_type="delivered")


def test_a_reason_that_is_too_long_is_refused_before_anything_is_written(commands: Commands) -> None:
    done = commands("pause", "bulk", "--local", "--reason", "x" * 141)
    assert done.returncode == 2
    assert done.stderr == (
        "mailbus: the reason has 141 bytes\nhint: 140 at most: it is stored with the sending rate\n"
    )
    assert "not paused" in commands("resume", "bulk", "--local").stdout


def test_lambda_calls_the_guard_again_for_what_it_fails_at(system: System) -> None:
    sns = system.client("sns")
    topics = [
        each["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for each in page["Topics"]
    ]
    [topic] = [arn for arn in topics if "Guard" in arn]
    before = system.count_in_log("Guard", REFUSED)
    sns.publish(TopicArn=topic, Message="no alarm")
    # https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    eventually(lambda: system.count_in_log("Guard", REFUSED) == before + 3, "three calls of the guard")
