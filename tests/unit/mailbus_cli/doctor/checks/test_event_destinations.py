from __future__ import annotations

import json
from typing import Any

import pytest

from mailbus_cli.doctor.checks.event_destinations import ALL, judge

TOPIC = "arn:aws:sns:eu-west-1:111122223333:events"
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetConfigurationSetEventDestinations.html
OWN: dict[str, Any] = {
    "Name": "mailbus-prod",
    "Enabled": True,
    "MatchingEventTypes": [*ALL],
    "SnsDestination": {"TopicArn": TOPIC},
}
OTHERS: dict[str, Any] = {
    "Name": "metrics",
    "Enabled": True,
    "MatchingEventTypes": ["SEND"],
    "CloudWatchDestination": {"DimensionConfigurations": []},
}


def test_all_ten_types_to_the_topic_are_fine_whatever_others_there_are() -> None:
    assert len(ALL) == 10
    assert judge("mailbus-prod", [OTHERS, OWN], TOPIC, "prod").level == "ok"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"SnsDestination": {"TopicArn": f"{TOPIC}-old"}},
            "has no event destination with the tracking topic",
        ),
        ({"Enabled": False}, "the event destination mailbus-prod of mailbus-prod is disabled"),
        ({"MatchingEventTypes": ["SEND", *ALL[3:]]}, "lacks REJECT, BOUNCE"),
    ],
)
def test_what_is_not_tracked_is_a_problem_with_the_command(change: dict[str, Any], text: str) -> None:
    verdict = judge("mailbus-prod", [OTHERS, {**OWN, **change}], TOPIC, "prod")
    assert verdict.level == "problem"
    assert text in verdict.text
    assert verdict.record is not None
    definition = json.loads(verdict.record.partition("--event-destination '")[2].rstrip("'"))
    assert definition == {
        "Enabled": True,
        "MatchingEventTypes": [*ALL],
        "SnsDestination": {"TopicArn": TOPIC},
    }


def test_two_destinations_may_share_the_types_but_not_have_one_twice() -> None:
    halves = [
        {**OWN, "Name": "one", "MatchingEventTypes": ALL[:5]},
        {**OWN, "Name": "two", "MatchingEventTypes": ALL[5:]},
    ]
    assert judge("mailbus-prod", halves, TOPIC, "prod").level == "ok"
    assert judge("mailbus-prod", [OWN, halves[0]], TOPIC, "prod").level == "warning"
