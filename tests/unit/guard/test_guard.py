from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError

from guard.alarm import Delivery, deliveries
from guard.pausing import Guard, pause_for
from mailbus.aws.event_bus import EventBus
from mailbus.environment import GuardSettings
from mailbus.errors import InvalidNotification, PublishError, WiringError
from mailbus.ledger.lanes import Lanes
from tests.unit.fakes.clients import FakeEvents
from tests.unit.sender.rate.shared_item import SharedItem

if TYPE_CHECKING:
    from mailbus.events import LaneEvent

AT = datetime(2026, 11, 30, 10, 0, 0, tzinfo=UTC)
# as in https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
ALARM = {
    "AlarmName": "mailbus-prod-BouncePause",
    "AlarmDescription": "Mailbus prod BouncePause: …",
    "AWSAccountId": "111122223333",
    "AlarmConfigurationUpdatedTimestamp": "2026-11-01T09:00:00.000+0000",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 2 out of the last 2 datapoints [0.081 (30/11/26 08:00:00), 0.079 "
    "(30/11/26 07:00:00)] were greater than or equal to the threshold (0.075)",
    "StateChangeTime": "2026-11-30T10:00:00.123+0000",
    "Region": "US East (N. Virginia)",
    "AlarmArn": "arn:aws:cloudwatch:us-east-1:111122223333:alarm:mailbus-prod-BouncePause",
    "OldStateValue": "OK",
    "Trigger": {
        "MetricName": "Reputation.BounceRate",
        "Namespace": "AWS/SES",
        "StatisticType": "Statistic",
        "Statistic": "AVERAGE",
        "Unit": None,
        "Dimensions": [],
        "Period": 3600,
        "EvaluationPeriods": 2,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 0.075,
        "TreatMissingData": "ignore",
    },
}


class World:
    def __init__(self) -> None:
        self.item, self.events, self.stream = SharedItem(), FakeEvents(), io.StringIO()
        client: Any = self.item
        events: Any = self.events
        self.now = AT
        self.lanes = Lanes(client, "ledger")
        self.guard = Guard(
            settings=GuardSettings(
                event_bus_name="mailbus-prod",
                ledger_table_name="ledger",
                alarm_names=("mailbus-prod-BouncePause", "mailbus-prod-ComplaintPause"),
            ),
            lanes=self.lanes,
            bus=EventBus(events, "mailbus-prod", sleep=lambda _: None),
            log=Logger(service=f"guard-{id(self)}", stream=self.stream),
            now=lambda: self.now,
        )

    def ring(self, *, at: datetime = AT, **changed: Any) -> None:
        pause_for(self.guard, Delivery(message=json.dumps({**ALARM, **changed}), timestamp=at))

    @property
    def paused(self) -> tuple[LaneEvent, ...]:
        return self.lanes.paused()

    @property
    def published(self) -> list[dict[str, Any]]:
        return [json.loads(entry["Detail"]) for entry in self.events.taken]


def test_an_alarm_pauses_bulk_and_puts_the_event_on_the_bus() -> None:
    world = World()
    world.ring()
    (event,) = world.paused
    assert (event.lane, event.by, event.metric, event.threshold) == (
        "bulk",
        "guard",
        "Reputation.BounceRate",
        0.075,
    )
    assert event.reason == "SES's bounce rate of the account has reached 7.5 %"
    assert world.events.taken[0]["DetailType"] == "mailbus.lane_paused"
    assert world.published[0]["event_id"] == event.event_id
    # the values are for whoever looks
    assert "0.081" in world.stream.getvalue()


def test_an_alarm_on_complaints_says_so() -> None:
    world = World()
    trigger = {**ALARM["Trigger"], "MetricName": "Reputation.ComplaintRate", "Threshold": 0.002}  # type: ignore[dict-item]
    world.ring(AlarmName="mailbus-prod-ComplaintPause", Trigger=trigger)
    assert world.published[0]["reason"] == "SES's complaint rate of the account has reached 0.2 %"


def test_a_message_that_comes_again_gives_the_same_event_and_pauses_nothing_anew() -> None:
    world = World()
    world.ring()
    world.now += timedelta(minutes=1)
    world.ring()
    first, second = world.published
    assert first == second
    assert [event.timestamp for event in world.paused] == [AT]


def test_a_lane_that_somebody_resumed_stays_so_when_an_older_message_comes_late() -> None:
    world = World()
    world.ring()
    world.lanes.resume("bulk", at=AT + timedelta(minutes=5), by="operator", reason=None)
    world.now += timedelta(hours=5)
    world.ring()
    assert world.paused == ()
    assert len(world.published) == 1
    world.ring(at=AT + timedelta(hours=5))
    assert len(world.paused) == 1


def test_an_event_that_did_not_come_on_the_bus_is_published_by_the_next_try() -> None:
    world = World()
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")
    world.events.outages = [denied] * 4
    with pytest.raises(PublishError, match="the bulk lane is paused, but its event is not on the bus"):
        world.ring()
    (event,) = world.paused
    world.now += timedelta(minutes=1)
    world.ring()
    assert [detail["event_id"] for detail in world.published] == [event.event_id]


def test_an_alarm_that_ends_changes_nothing() -> None:
    world = World()
    world.ring(NewStateValue="OK")
    assert (world.paused, world.published) == ((), [])


@pytest.mark.parametrize(
    "changed",
    [
        {"AlarmName": "mailbus-staging-BouncePause"},
        {"AlarmName": "mailbus-prod-BounceReview"},
        {"Trigger": {**ALARM["Trigger"], "MetricName": "Bounce"}},  # type: ignore[dict-item]
    ],
)
def test_another_alarm_pauses_nothing_and_is_named(changed: dict[str, Any]) -> None:
    world = World()
    with pytest.raises(WiringError, match="is none of the guard's"):
        world.ring(**changed)
    assert world.paused == ()


@pytest.mark.parametrize("message", ["", "Hello", "[]", "{}", '{"AlarmName": 1}', json.dumps("ALARM")])
def test_what_is_no_alarm_is_refused(message: str) -> None:
    with pytest.raises(InvalidNotification, match="only CloudWatch publishes on the guard's topic"):
        pause_for(World().guard, Delivery(message=message, timestamp=AT))


@pytest.mark.parametrize("event", [{}, {"Records": [{}]}, {"Records": [{"Sns": {"Message": "x"}}]}])
def test_an_event_that_is_not_of_sns_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidNotification, match="not an event of SNS"):
        deliveries(event)


def test_the_messages_of_an_event_of_sns_are_read_with_their_times() -> None:
    sns = {"Type": "Notification", "Message": "x", "Timestamp": "2026-11-30T10:00:00.000Z"}
    assert deliveries({"Records": [{"EventSource": "aws:sns", "Sns": sns}]}) == (
        Delivery(message="x", timestamp=AT),
    )
