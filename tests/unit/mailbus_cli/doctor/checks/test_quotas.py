"""The check of the account's quotas."""

from __future__ import annotations

import boto3

from mailbus_cli.deployment import Deployment
from mailbus_cli.doctor.checks.quotas import CHECK
from mailbus_cli.doctor.facts import Facts
from tests.unit.mailbus_cli.quota_stage import QuotaStage


def test_quotas_that_are_enough_are_fine_and_the_smallest_is_named() -> None:
    verdict = CHECK.run(Facts(QuotaStage({}), None))
    assert (verdict.level, verdict.text) == (
        "ok",
        "enough for 14 mails a second; sns-publish, the smallest, is for 75",
    )


def test_a_quota_that_is_too_small_has_the_command_that_asks_for_more() -> None:
    verdict = CHECK.run(Facts(QuotaStage({}, ExpectedRate="100"), None))
    assert verdict.level == "warning"
    assert verdict.text == (
        "SNS: messages published a second: 300 by default, and expected_rate needs 400: otherwise SES's "
        "events may be late or missing, so that mail stays in doubt"
    )
    assert verdict.record == (
        "aws service-quotas request-service-quota-increase --service-code sns --quota-code L-F8E2BA85"
        " --desired-value 400 --region eu-north-1"
    )


def test_the_accounts_own_value_counts() -> None:
    raised = {"L-F8E2BA85": 400.0}
    assert CHECK.run(Facts(QuotaStage(raised, ExpectedRate="100"), None)).level == "ok"
    lowered = QuotaStage({"L-F8E2BA85": 40.0})
    assert "a second: 40 in this account, and expected_rate needs 56" in CHECK.run(Facts(lowered, None)).text


def test_a_timeline_counts() -> None:
    stage = QuotaStage({"L-F8E2BA85": 1000.0}, ExpectedRate="75", TimelineTableName="timeline")
    assert "1,100 by default, and expected_rate needs 1,125" in CHECK.run(Facts(stage, None)).text


def test_what_a_table_takes_is_not_judged_since_it_has_grown_with_its_use() -> None:
    stage = QuotaStage({"L-F8E2BA85": 9000.0}, region="us-east-1", ExpectedRate="1500")
    assert CHECK.run(Facts(stage, None)).level == "ok"


def test_a_stage_of_an_older_version_says_so() -> None:
    stage = Deployment(stage="prod", session=boto3.Session(region_name="eu-north-1"), outputs={})
    assert "the stage has no output ExpectedRate" in CHECK.run(Facts(stage, None)).text
