"""`mailbus local`; that it ends all that it started is what the fixture `local` asserts in the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.local import end_local, processes_below, start_local, variables
from tests.e2e.system import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.local import Local

OUTPUTS = {
    "endpoint_url",
    "ses_endpoint_url",
    "smtp_host",
    "smtp_port",
    "region",
    "rate_cache_seconds",
    "SendQueueUrl",
    "SendDeadLetterQueueUrl",
    "TrackingTopicArn",
    "InboundTopicArn",
    "InboundBucketName",
    "EventBusName",
    "ConfigurationSetName",
}


# an app whose synthesis does not end by itself
ENDLESS = ("--app", "sleep 600", "--region", "us-east-1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_even_during_the_start(tmp_path: Path, number: signal.Signals) -> None:
    process = _synthesizing(tmp_path)

    end_local(process, number)

    assert process.returncode == 128 + number
    assert not (tmp_path / "outputs.json").exists()
    assert processes_below(tmp_path) == []


def test_the_next_start_ends_what_a_killed_system_left(tmp_path: Path) -> None:
    process = _synthesizing(tmp_path)
    eventually(lambda: "sleep\x00600\x00" in processes_below(tmp_path), "the app's synthesis runs")
    end_local(process, signal.SIGKILL)
    left = processes_below(tmp_path)

    process = start_local(tmp_path)
    assert process.stdout is not None
    first = process.stdout.readline()
    still_left = set(left) & set(processes_below(tmp_path))
    end_local(process)

    assert any("ministack" in command for command in left)
    assert any("sleep" in command for command in left)
    assert re.sub(r"\d+", "…", first) == (
        "ended what a killed system left here: MiniStack (process …), cdk synth (process …)\n"
    )
    assert not still_left
    assert processes_below(tmp_path) == []


def _synthesizing(directory: Path) -> subprocess.Popen[str]:
    """Start a system that does not come to an end of its start."""
    process = start_local(directory, *ENDLESS)
    assert process.stdout is not None
    assert "starting" in process.stdout.readline()
    assert "synthesizing" in process.stdout.readline()
    return process


def test_a_system_for_another_process_ends_when_that_is_killed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mailbus_local.supervised", "--directory", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, **variables(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "starting" in process.stdout.readline()
    # the stacks are synthesized or deployed
    assert "the stacks" in process.stdout.readline()

    # closes its input, as the operating system does when that process is killed
    process.communicate(timeout=120)

    assert processes_below(tmp_path) == []


def test_the_outputs_name_what_applications_need_and_the_queue_answers(local: Local) -> None:
    assert set(local.outputs) >= OUTPUTS
    sqs = local.client("sqs")
    assert sqs.get_queue_attributes(QueueUrl=local.outputs["SendQueueUrl"], AttributeNames=["QueueArn"])
