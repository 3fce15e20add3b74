from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]
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


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _command(directory: Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join((str(ROOT / "functions"), str(ROOT / "infra"), str(ROOT))),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "mailbus_local", "--directory", str(directory)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_even_while_it_starts(tmp_path: Path, ending: signal.Signals) -> None:
    process = _command(tmp_path)
    assert process.stdout is not None
    assert "starting" in process.stdout.readline()
    assert "synthesizing" in process.stdout.readline()

    process.send_signal(ending)
    process.communicate(timeout=30)

    assert not (tmp_path / "outputs.json").exists()
    assert _children_of(tmp_path) == []


def test_it_says_ready_serves_and_ends_all_that_it_started(tmp_path: Path) -> None:
    process = _command(tmp_path)
    try:
        assert process.stdout is not None
        assert "ready\n" in iter(process.stdout.readline, "")
        outputs = json.loads((tmp_path / "outputs.json").read_text())
        assert set(outputs) >= OUTPUTS
        sqs = boto3.client(
            "sqs",
            endpoint_url=outputs["endpoint_url"],
            region_name=outputs["region"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        assert sqs.get_queue_attributes(QueueUrl=outputs["SendQueueUrl"], AttributeNames=["QueueArn"])
        sqs.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)

    ports = [int(outputs[name].rsplit(":", 1)[1]) for name in ("endpoint_url", "ses_endpoint_url")]
    assert process.returncode == 0
    assert not any(_listens(port) for port in (*ports, outputs["smtp_port"]))
    assert not (tmp_path / "outputs.json").exists()
    assert _children_of(tmp_path) == []


def _children_of(directory: Path) -> list[str]:
    """Processes that work below a directory, as MiniStack and its Lambda workers do."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve().is_relative_to(directory):
                found.append((entry / "cmdline").read_text())
        except OSError:
            continue
    return found
