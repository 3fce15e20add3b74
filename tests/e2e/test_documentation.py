"""Every Python example in the README and in docs/ runs as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source_tree import ROOT

if TYPE_CHECKING:
    from tests.e2e.system import System

EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = {
    f"{page.name}-{number}": code
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, code in enumerate(EXAMPLE.findall(page.read_text()), 1)
}


@pytest.fixture(scope="module")
def errors(system: System, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What went wrong in each example."""
    outputs = tmp_path_factory.mktemp("examples") / "outputs.json"
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
        "PYTHONPATH": os.pathsep.join((str(ROOT / "functions"), str(ROOT))),
    }
    run = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.e2e.run_examples"],
        input=json.dumps(EXAMPLES),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    errors: dict[str, str] = json.loads(run.stdout)
    return errors


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs(errors: dict[str, str], name: str) -> None:
    assert errors[name] == "", errors[name]
