from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber

from sender.rate.account import Account
from sender.rate.slots import Limits


def quota(**changes: float) -> dict[str, Any]:
    return {"SendQuota": {"Max24HourSend": 50000.0, "MaxSendRate": 14.0, "SentLast24Hours": 17.0} | changes}


def limits(answer: dict[str, Any] | str) -> Limits | None:
    client = boto3.client("sesv2", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        if isinstance(answer, str):
            stub.add_client_error("get_account", answer)
        else:
            stub.add_response("get_account", answer, {})
        return Account(client).limits()


def test_rate_and_quota_are_those_of_the_account() -> None:
    assert limits(quota()) == Limits(max_send_rate=14.0, quota_left=49_983, quota_percent=0.034)


def test_an_account_without_a_daily_limit_has_no_quota() -> None:
    assert limits(quota(Max24HourSend=-1.0)) == Limits(max_send_rate=14.0, quota_left=None)


@pytest.mark.parametrize(("sent", "left"), [(50_000.0, 0), (50_003.0, 0), (49_999.5, 0), (49_999.0, 1)])
def test_the_quota_left_is_never_negative(sent: float, left: int) -> None:
    found = limits(quota(SentLast24Hours=sent))
    assert found is not None
    assert found.quota_left == left


@pytest.mark.parametrize(("sent", "percent"), [(0.0, 0.0), (40_000.0, 80.0), (50_500.0, 101.0)])
def test_how_much_of_the_quota_is_used_may_exceed_it(sent: float, percent: float) -> None:
    found = limits(quota(SentLast24Hours=sent))
    assert found is not None
    assert found.quota_percent == percent


@pytest.mark.parametrize(
    "answer",
    [
        "TooManyRequestsException",
        "AccessDeniedException",
        {},
        {"SendQuota": {}},
        {"SendQuota": {"MaxSendRate": 14.0}},
        quota(MaxSendRate=0.0),
    ],
    ids=str,
)
def test_without_a_usable_answer_there_are_no_limits(answer: dict[str, Any] | str) -> None:
    assert limits(answer) is None


def test_an_unreachable_ses_reports_no_limits() -> None:
    class Unreachable:
        def get_account(self) -> dict[str, Any]:
            raise EndpointConnectionError(endpoint_url="https://email.eu-west-1.amazonaws.com")

    assert Account(Unreachable()).limits() is None  # type: ignore[arg-type]  # a fake
