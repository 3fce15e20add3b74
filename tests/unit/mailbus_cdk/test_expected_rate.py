"""What synthesizing warns of."""

from __future__ import annotations

from typing import Any

import pytest

from mailbus_cdk import expected_rate
from mailbus_cdk.quotas import BY_NAME
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.receiving import Inbound
from mailbus_cdk.settings.tables import Bulk, SessionParams, Timeline, Transactional, Webhook


def warnings(**settings: Any) -> dict[str, str]:
    values: dict[str, Any] = {"stage": "prod", "region": "us-east-1", "identity": "example.com", **settings}
    return dict(expected_rate.warnings(Settings(**values)))


def test_a_rate_that_a_small_region_does_not_carry_is_a_warning_with_what_to_do() -> None:
    assert warnings(region="eu-north-1", expected_rate=100) == {
        "sns-publish": (
            "expected_rate: 100 mails a second need 400 of SNS: messages published a second; by default "
            "eu-north-1 has 300, enough for 75 mails a second. Otherwise SES's events may be late or "
            "missing, so that mail stays in doubt. If the account has no more than that, ask AWS for more: "
            "aws service-quotas request-service-quota-increase --service-code sns --quota-code L-F8E2BA85 "
            "--desired-value 400 --region eu-north-1"
        )
    }


def test_the_region_of_ses_counts_for_what_ses_publishes() -> None:
    elsewhere = {"identity_exists": True, "configuration_set_exists": True, "configuration_set_name": "mail"}
    session = SessionParams(region="eu-north-1")
    assert set(warnings(expected_rate=100, session_params=session, **elsewhere)) == {"sns-publish"}


def test_a_timeline_counts() -> None:
    assert warnings(region="eu-west-1", expected_rate=450) == {}
    assert set(warnings(region="eu-west-1", expected_rate=450, timeline=Timeline(days=1))) == {
        "timeline-new-table"
    }


def test_a_limit_that_aws_does_not_raise_says_so() -> None:
    text = warnings(expected_rate=10_001)["rate-item"]
    assert "enough for 10,000 mails a second" in text
    assert text.endswith("If the account has no more than that, Service Quotas cannot raise it")


def test_a_new_table_can_be_made_ready_for_more() -> None:
    needed = 2_500 * BY_NAME["ledger-new-table"].per_mail
    text = warnings(expected_rate=2_500)["ledger-new-table"]
    assert text.endswith(
        "If the table has never had that much to do, raise it, for a price: aws dynamodb update-table "
        f"--table-name LedgerTableName --warm-throughput WriteUnitsPerSecond={needed:.0f} --region us-east-1"
    )


def test_too_few_workers_of_the_lanes_are_a_warning() -> None:
    few: dict[str, Any] = {
        "transactional": Transactional(max_concurrency=5),
        "bulk": Bulk(max_concurrency=9),
    }
    assert warnings(expected_rate=500, **few) == {}
    assert warnings(expected_rate=501, **few)["workers"] == (
        "expected_rate: 501 mails a second take about 15 workers, and both lanes have 14: remove "
        "bulk.max_concurrency, which then follows the rate, or raise it to 10"
    )


@pytest.mark.parametrize("rate", [1, 14, 100, 1_000, 10_000, 17_857])
def test_the_workers_that_follow_the_rate_are_enough_for_it(rate: float) -> None:
    assert "workers" not in warnings(expected_rate=rate)


def test_a_rate_that_takes_more_workers_than_an_account_has_is_a_warning() -> None:
    text = warnings(expected_rate=17_857)["lambda-concurrency"]
    assert text.startswith("the stage's 1,100 workers do not run at a time: by default an account has 1,000")


def test_more_workers_than_lambda_runs_at_a_time_are_a_warning() -> None:
    inbound = Inbound(domains=("inbound.example.com",))
    text = warnings(transactional=Transactional(max_concurrency=992), inbound=inbound)["lambda-concurrency"]
    assert text.startswith("the stage's 1,001 workers do not run at a time: by default an account has 1,000")
    assert "--quota-code L-B99A9384 --desired-value 1001 --region us-east-1" in text
    assert warnings(transactional=Transactional(max_concurrency=996)) == {}


def test_a_webhook_that_takes_fewer_requests_than_there_are_events_is_a_warning() -> None:
    webhook = Webhook(topic_arns=("arn:aws:sns:eu-west-1:444455556666:mail-events",))
    assert warnings(webhook=webhook, expected_rate=25) == {}
    assert warnings(webhook=webhook, expected_rate=26)["webhook"].startswith(
        "expected_rate: the events of 26 mails a second are about 208 requests, and "
        "webhook.requests_a_second is 200: "
    )
