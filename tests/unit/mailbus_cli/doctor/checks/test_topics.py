"""The checks of topics, their key, their subscriptions, and the queues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus_cli.doctor.checks import queue_policies, subscriptions, topic_key, topics

ACCOUNT = "111122223333"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:events"
SET = f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/mailbus-prod"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:tracking"
DEAD = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:dead"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1234"


def _policy(service: str, *actions: str, resource: str, **condition: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": list(actions),
        "Resource": resource,
        "Condition": condition,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_topic_that_ses_may_publish_to_is_fine() -> None:
    policy = _policy("ses.amazonaws.com", "sns:Publish", resource=TOPIC, ArnLike={"aws:SourceArn": [SET]})
    assert topics.judge("tracking", TOPIC, {"Policy": policy}, [SET]).level == "ok"
    refused = topics.judge("tracking", TOPIC, {"Policy": policy}, [SET, f"{SET}-news"])
    assert (refused.level, "(mailbus-prod-news)" in refused.text) == ("problem", True)


def test_a_topic_without_a_policy_or_that_is_gone_is_a_problem() -> None:
    assert topics.judge("tracking", TOPIC, {}, [SET]).level == "problem"
    assert topics.judge("tracking", TOPIC, None, [SET]).text == f"the tracking topic does not exist: {TOPIC}"


@pytest.mark.parametrize(
    ("state", "actions", "text"),
    [
        ("Enabled", ("kms:GenerateDataKey*", "kms:Decrypt"), ""),
        ("Enabled", ("kms:Decrypt",), "does not let SES call kms:GenerateDataKey:"),
        ("Disabled", ("kms:*",), "the key of the topics is Disabled"),
        ("PendingDeletion", ("kms:*",), "the key of the topics is PendingDeletion"),
    ],
)
def test_the_key_is_enabled_and_ses_may_use_it(state: str, actions: tuple[str, ...], text: str) -> None:
    verdict = topic_key.judge(
        {"Arn": KEY, "KeyState": state}, _policy("ses.amazonaws.com", *actions, resource="*"), TOPIC
    )
    assert verdict.level == ("problem" if text else "ok")
    assert text in verdict.text
    if state == "PendingDeletion":
        assert (
            verdict.record
            == f"aws kms cancel-key-deletion --key-id {KEY} && aws kms enable-key --key-id {KEY}"
        )


GOOD: dict[str, Any] = {
    "RawMessageDelivery": "false",
    "PendingConfirmation": "false",
    "RedrivePolicy": json.dumps({"deadLetterTargetArn": DEAD}),
}


@pytest.mark.parametrize(
    ("arn", "change", "level", "text"),
    [
        ("arn:s", {}, "ok", "tracking"),
        ("PendingConfirmation", {}, "problem", "is not confirmed"),
        ("arn:s", {"PendingConfirmation": "true"}, "problem", "is not confirmed"),
        ("arn:s", {"RawMessageDelivery": "true"}, "problem", "delivers raw messages"),
        ("arn:s", {"FilterPolicy": '{"x": ["y"]}'}, "problem", "has a filter"),
        ("arn:s", {"FilterPolicy": "{}"}, "ok", "tracking"),
        ("arn:s", {"RedrivePolicy": ""}, "warning", "has no redrive policy"),
    ],
)
def test_a_subscription_delivers_everything_in_its_envelope(
    arn: str, change: dict[str, str], level: str, text: str
) -> None:
    verdict = subscriptions.judge("tracking", TOPIC, QUEUE, (arn, {**GOOD, **change}))
    assert verdict.level == level
    assert text in verdict.text


def test_a_queue_without_a_subscription_has_the_command() -> None:
    verdict = subscriptions.judge("tracking", TOPIC, QUEUE, None)
    assert verdict.level == "problem"
    assert (
        verdict.record
        == f"aws sns subscribe --topic-arn {TOPIC} --protocol sqs --notification-endpoint {QUEUE}"
    )


def test_a_queue_that_its_topic_may_write_to_is_fine() -> None:
    policy = _policy(
        "sns.amazonaws.com", "sqs:SendMessage", resource=QUEUE, ArnEquals={"aws:SourceArn": TOPIC}
    )
    judge = queue_policies.judge_policy
    assert judge("tracking", {"QueueArn": QUEUE, "Policy": policy}, TOPIC).level == "ok"
    assert judge("tracking", {"QueueArn": QUEUE, "Policy": policy}, f"{TOPIC}-x").level == "problem"
    assert judge("tracking", {"QueueArn": QUEUE}, TOPIC).level == "problem"


@pytest.mark.parametrize(
    ("redrive", "level"),
    [
        (json.dumps({"deadLetterTargetArn": DEAD, "maxReceiveCount": 100}), "ok"),
        (json.dumps({"deadLetterTargetArn": QUEUE, "maxReceiveCount": 100}), "problem"),
        ("", "problem"),
    ],
)
def test_a_queue_has_its_dead_letter_queue(redrive: str, level: str) -> None:
    assert queue_policies.judge_redrive("tracking", {"RedrivePolicy": redrive}, DEAD).level == level
