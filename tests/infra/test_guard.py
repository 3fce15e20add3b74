"""The guard: its alarms, and who may invoke it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from mailbus.ledger import items
from mailbus.ledger.lanes import RATE_KEY
from mailbus_cdk.settings import Settings
from mailbus_cdk.settings.tables import Guard, SessionParams
from tests.infra.conftest import TOPIC
from tests.infra.policies import document, role_may
from tests.infra.templates import ACCOUNT, Templates, folder

if TYPE_CHECKING:
    from collections.abc import Callable

ALARM = "AWS::CloudWatch::Alarm"
LINES = {
    "BounceReview": ("Reputation.BounceRate", 0.05, 1),
    "BouncePause": ("Reputation.BounceRate", 0.075, 2),
    "ComplaintReview": ("Reputation.ComplaintRate", 0.001, 1),
    "ComplaintPause": ("Reputation.ComplaintRate", 0.002, 2),
}


@pytest.mark.parametrize(("name", "line"), LINES.items())
def test_an_alarm_is_as_sess_page_has_it(prod: Templates, name: str, line: tuple[str, float, int]) -> None:
    alarm = prod.one(ALARM, name).properties
    assert (alarm["MetricName"], alarm["Threshold"], alarm["EvaluationPeriods"]) == line
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Period"]) == ("AWS/SES", "Average", 3600)
    # the account's: those of a configuration set have dimensions
    assert "Dimensions" not in alarm
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["TreatMissingData"] == "ignore"
    # each of the periods in a row
    assert "DatapointsToAlarm" not in alarm
    assert alarm["AlarmName"] == f"mailbus-prod-{name}"
    assert alarm["OKActions"] == [TOPIC]


def test_only_the_alarms_that_pause_invoke_the_guard_and_all_notify(prod: Templates) -> None:
    for name in LINES:
        actions = [prod.text("mail", arn) for arn in prod.one(ALARM, name).properties["AlarmActions"]]
        assert actions == ([TOPIC, "<Mail/Guard/Topic>"] if name.endswith("Pause") else [TOPIC])


def test_the_function_knows_the_names_of_the_alarms_that_pause(prod: Templates) -> None:
    names = msgspec.json.decode(prod.environment("guard")["ALARM_NAMES"])
    assert names == [f"mailbus-prod-{name}" for name in LINES if name.endswith("Pause")]


def test_an_alarm_is_created_after_all_that_its_notification_passes(prod: Templates) -> None:
    needed = {
        "AWS::SNS::TopicPolicy",
        "AWS::SNS::Subscription",
        "AWS::Lambda::Permission",
        "AWS::IAM::Policy",
    }
    of_guard = {
        resource.logical_id
        for resource in prod.resources
        if resource.path.startswith("Mail/Guard/") and resource.type in needed
    }
    assert len(of_guard) == len(needed)
    for name in LINES:
        depends = set(prod.one(ALARM, name).depends_on)
        assert of_guard <= depends if name.endswith("Pause") else not depends


def test_what_the_guard_fails_for_is_kept(prod: Templates) -> None:
    (function,) = [one for one in prod.of_type("AWS::Lambda::Function") if folder(one) == "guard"]
    target = function.properties["DeadLetterConfig"]["TargetArn"]
    assert prod.text("mail", target) == "<Mail/Guard/DeadLetters/Queue>"


def test_the_guard_writes_the_item_of_the_rate_alone(prod: Templates) -> None:
    policy = document(prod, prod.one("AWS::IAM::Policy", "Guard/Function"))
    table = "<State/Ledger/Table>"
    rate, job = RATE_KEY["pk"]["S"], f"{items.JOB_PREFIX}order-1001"
    assert role_may(policy, "dynamodb:UpdateItem", table, {"dynamodb:LeadingKeys": [rate]})
    assert not role_may(policy, "dynamodb:UpdateItem", table, {"dynamodb:LeadingKeys": [job]})
    assert not role_may(policy, "dynamodb:PutItem", table, {"dynamodb:LeadingKeys": [rate]})


def _without(templates: Templates) -> None:
    assert "guard" not in {folder(one) for one in templates.of_type("AWS::Lambda::Function")}
    assert not [one for one in templates.of_type(ALARM) if one.properties.get("Namespace") == "AWS/SES"]
    assert "GuardFunctionName" not in templates.outputs("mail")


def test_it_can_be_turned_off(synthesize: Callable[[Settings], Templates], settings: Settings) -> None:
    _without(synthesize(msgspec.structs.replace(settings, guard=Guard(enabled=False))))


@pytest.mark.parametrize(
    "elsewhere",
    [{"region": "eu-central-1"}, {"role_arn": f"arn:aws:iam::{ACCOUNT}:role/send-mail"}],
)
def test_where_ses_is_elsewhere_its_metrics_are_too_and_there_is_no_guard(
    synthesize: Callable[[Settings], Templates], elsewhere: dict[str, Any]
) -> None:
    settings = Settings(
        stage="prod",
        region="us-east-1",
        identity="example.com",
        identity_exists=True,
        configuration_set_name="shop",
        configuration_set_exists=True,
        session_params=SessionParams(**elsewhere),
    )
    _without(synthesize(settings))


def test_what_the_guard_could_not_do_rings(prod: Templates) -> None:
    alarm = prod.one(ALARM, "GuardDeadLetters").properties
    (queue,) = alarm["Dimensions"]
    assert prod.text("mail", queue["Value"]) == "<Mail/Guard/DeadLetters/Queue>"
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (0, "GreaterThanThreshold")
    assert alarm["AlarmActions"] == alarm["OKActions"] == [TOPIC]
