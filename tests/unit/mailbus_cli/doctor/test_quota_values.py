"""An account's own values of the quotas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from mailbus_cdk.quotas import QUOTAS
from mailbus_cli.doctor import quota_values
from mailbus_cli.doctor.facts import Facts
from tests.unit.mailbus_cli.quota_stage import ACCOUNT, QuotaStage

if TYPE_CHECKING:
    from mailbus_cli.deployment import Deployment

SNS = "L-F8E2BA85"
WRITES = "L-AB614373"
ROLE = "arn:aws:iam::444455556666:role/send"


def facts(stage: Deployment) -> Facts:
    return Facts(stage, None)


def test_each_quota_with_a_code_is_asked_for_once_and_ses_by_its_own_api() -> None:
    stage = QuotaStage({SNS: 400})
    assert quota_values.of_service_quotas(facts(stage)) == {"sns-publish": 400}
    codes = {f"{quota.service} {quota.code}" for quota in QUOTAS if quota.code and quota.service != "ses"}
    assert sorted(stage.asked) == sorted(codes)


def test_two_quotas_of_one_code_have_its_value() -> None:
    found = quota_values.of_service_quotas(facts(QuotaStage({WRITES: 80_000})))
    assert found == {"ledger-writes": 80_000, "timeline-writes": 80_000}


@pytest.mark.parametrize(
    "stage", [QuotaStage({SNS: 400}, SesRegion="us-east-1"), QuotaStage({SNS: 400}, SesRoleArn=ROLE)]
)
def test_what_ses_publishes_elsewhere_is_not_of_this_account_and_region(stage: QuotaStage) -> None:
    assert quota_values.of_service_quotas(facts(stage)) == {}


def test_an_answer_without_a_value_leaves_the_default() -> None:
    assert quota_values.of_service_quotas(facts(QuotaStage({SNS: 400}, refusal="405"))) == {}


def test_a_missing_right_is_an_error() -> None:
    with pytest.raises(ClientError, match="AccessDeniedException"):
        quota_values.of_service_quotas(facts(QuotaStage({}, refusal="AccessDeniedException")))


def test_the_embedded_aws_has_no_service_quotas() -> None:
    stage = QuotaStage({SNS: 400}, directory=Path("/shop/.mailbus"))
    assert (quota_values.of_service_quotas(facts(stage)), stage.asked) == ({}, [])


def test_ses_says_its_rate_and_its_quota_of_24_hours() -> None:
    assert quota_values.of_ses(facts(QuotaStage({}))) == {"ses-rate": 50, "ses-day": 50_000}
    unlimited = {"SendQuota": {**ACCOUNT["SendQuota"], "Max24HourSend": -1.0}}
    assert quota_values.of_ses(facts(QuotaStage({}, account=unlimited))) == {"ses-rate": 50}


def test_ses_of_another_account_is_not_asked() -> None:
    assert quota_values.of_ses(facts(QuotaStage({}, SesRoleArn=ROLE))) == {}
