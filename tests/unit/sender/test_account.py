from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from sender.account import Account


def quota(**changes: float) -> dict[str, Any]:
    return {"SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 17.0} | changes}


def asked(answer: dict[str, Any] | str) -> float | None:
    client = boto3.client("sesv2", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        if isinstance(answer, str):
            stub.add_client_error("get_account", answer)
        else:
            stub.add_response("get_account", answer, {})
        return Account(client).max_send_rate()


def test_the_rate_is_the_accounts_own() -> None:
    assert asked(quota()) == 14.0


@pytest.mark.parametrize(
    "answer",
    ["TooManyRequestsException", "AccessDeniedException", {}, {"SendQuota": {}}, quota(MaxSendRate=0.0)],
    ids=str,
)
def test_a_rate_that_ses_does_not_tell_is_none(answer: dict[str, Any] | str) -> None:
    assert asked(answer) is None
