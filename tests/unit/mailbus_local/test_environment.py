from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mailbus_local import environment

if TYPE_CHECKING:
    import pytest

OUTPUTS = {
    "endpoint_url": "http://127.0.0.1:4566",
    "ses_endpoint_url": "http://127.0.0.1:4567",
    "sns_endpoint_url": "http://127.0.0.1:4568",
    "smtp_host": "127.0.0.1",
    "smtp_port": 2525,
    "region": "us-east-1",
    "SendQueueUrl": "http://127.0.0.1:4566/000000000000/send",
    "MxRecord1": "inbound.example.com MX 10 inbound-smtp.us-east-1.amazonaws.com",
}


def test_the_variables_are_those_of_aws_and_each_stack_output_in_upper_snake_case() -> None:
    assert environment.variables(OUTPUTS) == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_ENDPOINT_URL_SES": "http://127.0.0.1:4567",
        "AWS_ENDPOINT_URL_SESV2": "http://127.0.0.1:4567",
        "AWS_ENDPOINT_URL_SNS": "http://127.0.0.1:4568",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "MAILBUS_STAGE": "local",
        "MAILBUS_SMTP_HOST": "127.0.0.1",
        "MAILBUS_SMTP_PORT": "2525",
        "SEND_QUEUE_URL": "http://127.0.0.1:4566/000000000000/send",
        "MX_RECORD1": "inbound.example.com MX 10 inbound-smtp.us-east-1.amazonaws.com",
    }


def test_the_variables_replace_all_of_aws_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "intranet")
    monkeypatch.delenv("SEND_QUEUE_URL", raising=False)
    before = dict(os.environ)

    with environment.activated(environment.variables(OUTPUTS)):
        assert "AWS_PROFILE" not in os.environ
        assert os.environ["AWS_REGION"] == "us-east-1"
        assert os.environ["SEND_QUEUE_URL"] == OUTPUTS["SendQueueUrl"]
        assert os.environ["NO_PROXY"] == "intranet,127.0.0.1,localhost"

    assert dict(os.environ) == before
