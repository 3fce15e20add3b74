from __future__ import annotations

from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber

import mailbus
from mailbus import Client
from mailbus.errors import ConfigurationError
from tests.unit.mailbus.deployment import JOB, in_a_process
from tests.unit.mailbus.fake_deployment import (
    QUEUE,
)


def test_clients_are_of_the_queues_own_region_and_say_who_they_are() -> None:
    session = boto3.Session(
        aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name="us-east-1"
    )
    made: list[Any] = []
    original = session.client

    def client(name: str, **options: Any) -> Any:
        made.append(original(cast("Any", name), **options))
        stub = Stubber(made[-1])
        stub.add_response("send_message", {"MessageId": "message-1", "MD5OfMessageBody": "0" * 32})
        stub.activate()
        return made[-1]

    session.client = cast("Any", client)  # type: ignore[method-assign] # to see what is made

    Client(QUEUE, session=session).send(JOB)

    (sqs,) = made
    assert sqs.meta.region_name == "eu-west-1"
    assert f"mailbus/{mailbus.__version__}" in sqs.meta.config.user_agent


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://sqs.eu-central-1.amazonaws.com/210987654321/send", "eu-central-1"),
        ("https://eu-central-1.queue.amazonaws.com/210987654321/send", "eu-central-1"),
        ("https://sqs.cn-north-1.amazonaws.com.cn/210987654321/send", "cn-north-1"),
        ("https://sqs.eusc-de-east-1.amazonaws.eu/210987654321/send", "eusc-de-east-1"),
        ("https://sqs.us-iso-east-1.c2s.ic.gov/210987654321/send", "us-iso-east-1"),
    ],
)
def test_the_region_is_the_urls(url: str, region: str) -> None:
    session = boto3.Session(
        aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name="us-west-2"
    )
    client = Client(url, session=session)
    for service in ("sqs", "s3", "dynamodb"):
        assert client._aws(service).meta.region_name == region  # noqa: SLF001 - no call is made


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("https://sqs.eu-west-1.example.com/210987654321/send", "https://sqs.eu-west-1.example.com"),
        ("http://127.0.0.1:4566/000000000000/send", "http://127.0.0.1:4566"),
    ],
)
def test_a_queue_that_is_not_of_aws_has_the_sessions_region_and_needs_an_endpoint(
    url: str, endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = boto3.Session(
        aws_access_key_id="nobody", aws_secret_access_key="nothing", region_name="us-west-2"
    )
    with pytest.raises(ConfigurationError) as raised:
        Client(url, session=session).send(JOB)
    assert str(raised.value) == (
        f"the queue is at {endpoint}, but calls go to https://sqs.us-west-2.amazonaws.com; set the "
        f"environment variable AWS_ENDPOINT_URL to {endpoint}"
    )

    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    sqs = Client(url, session=session)._aws("sqs")  # noqa: SLF001 - no call is made
    assert (sqs.meta.region_name, sqs.meta.endpoint_url) == ("us-west-2", endpoint)


def test_the_client_needs_nothing_but_boto3_and_msgspec() -> None:
    ran = in_a_process("""
import sys
ALLOWED = {"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six", "msgspec", "mailbus"}
class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED and top not in sys.stdlib_module_names:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Only())
from mailbus import Alternative, Attachment, Cancellation, Client, Result, S3Object, SendJob, Sent
client = Client("https://sqs.eu-west-1.amazonaws.com/210987654321/send")
assert Client.__module__ == "mailbus.client"
""")
    assert ran.returncode == 0, ran.stderr
