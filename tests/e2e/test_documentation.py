"""Every Python example in the README and in docs/ runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import System

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _examples() -> list[object]:
    return [
        pytest.param(code, id=f"{page.name}-{number}")
        for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
        for number, code in enumerate(EXAMPLE.findall(page.read_text()), 1)
    ]


@pytest.mark.parametrize("code", _examples())
def test_an_example_runs(system: System, tmp_path: Path, code: str) -> None:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(system.outputs))
    queue = system.client("sqs").create_queue(QueueName="documentation")["QueueUrl"]
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": system.outputs["region"],
        "AWS_ENDPOINT_URL": system.outputs["endpoint_url"],
        "AWS_ENDPOINT_URL_SESV2": system.outputs["ses_endpoint_url"],
        "AWS_ENDPOINT_URL_SNS": system.outputs["sns_endpoint_url"],
        "SEND_QUEUE_URL": system.outputs["SendQueueUrl"],
        "SEND_DEAD_LETTER_QUEUE_URL": system.outputs["SendDeadLetterQueueUrl"],
        "EVENT_BUS_NAME": system.outputs["EventBusName"],
        "MY_QUEUE_ARN": f"arn:aws:sqs:{system.outputs['region']}:000000000000:{queue.rsplit('/', 1)[1]}",
        "WEBHOOK_URL": system.outputs["WebhookUrl"],
        "WEBHOOK_SECRET_ARN": system.outputs["WebhookSecretArn"],
        "TOPIC_ARN": "arn:aws:sns:eu-west-1:000000000000:mail-events",
        "OUTPUTS": str(outputs),
        "PYTHONPATH": str(ROOT / "functions"),
    }

    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())

    missing = [link for link in links if not (path.parent / link).exists()]

    assert missing == []
