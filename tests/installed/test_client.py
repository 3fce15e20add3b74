"""The wheel without extras."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.installed.interpreters import PYTHONS

if TYPE_CHECKING:
    from tests.installed.environments import Environment, Installer

SEND = """
import json, sys
from botocore.stub import ANY, Stubber
import boto3
from mailbus import Client, SendJob
from mailbus.events import parse

sqs = boto3.client("sqs", region_name="eu-west-1", aws_access_key_id="test", aws_secret_access_key="test")
url = "https://sqs.eu-west-1.amazonaws.com/111122223333/mail"
with Stubber(sqs) as stub:
    stub.add_response("send_message", {"MessageId": "m-1"}, {"QueueUrl": url, "MessageBody": ANY})
    to = "Zoë <zoe@bücher.example>"
    job = SendJob(job_id="order-1", from_email="shop@example.com", to=to, subject="Hello", text="Hello")
    sent = Client(url, sqs=sqs).send(job)
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"sent": [sent.job_id, sent.message_id], "loaded": loaded}))
"""


@pytest.fixture(params=list(PYTHONS))
def environment(request: pytest.FixtureRequest, install: Installer) -> Environment:
    return install(request.param, "mailbus", lock="runtime")


DISTRIBUTIONS = "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"


def test_it_brings_boto3_msgspec_and_idna_only(environment: Environment) -> None:
    listed = environment.run(
        "-c", "import importlib.metadata as m, json; print(json.dumps([d.name for d in m.distributions()]))"
    )
    needed_by_boto3 = {"botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}
    assert set(json.loads(listed.stdout)) == {"mailbus", "boto3", "msgspec", "idna", *needed_by_boto3}


def test_a_job_is_sent_with_nothing_else(environment: Environment) -> None:
    result = json.loads(environment.run("-W", "error", "-c", SEND).stdout)
    assert result["sent"] == ["order-1", "m-1"]
    assert not {"mailbus_cdk", "mailbus_local", "mailbus_cli", "aws_lambda_powertools"} & set(
        result["loaded"]
    )


def test_the_functions_are_not_importable(environment: Environment) -> None:
    custom_resources = ("activation", "identity_feedback", "redirect_domain")
    for name in ("sender", "tracking", "inbound", "timeline", "webhook", *custom_resources):
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is not None)"
        environment.run("-c", code)
