from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from mailbus.events import EmailEvent
from mailbus_cli import event_stream
from mailbus_cli.errors import CommandError
from tests.unit.mailbus_cli.events import event
from tests.unit.mailbus_cli.fake_bus import ARN, BUS, FakeBus

NOW = datetime(2026, 11, 28, 14, 30, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


def detail(event_type: str = "delivered", event_id: str = "1", **fields: Any) -> dict[str, Any]:
    one = event(event_type, event_id=event_id, **fields)
    return dict(msgspec.to_builtins(one))


def leave_behind(bus: FakeBus, clock: Clock, stage: str = "prod") -> str:
    """Open a stream as a process does that is killed."""
    stream = event_stream.EventStream(bus.deployment(stage), pattern=event_stream.pattern_of(), now=clock)
    stream.open()
    return stream.name


def test_a_rule_and_a_queue_are_made_and_removed_at_the_end() -> None:
    bus = FakeBus()
    with event_stream.open(bus.deployment()) as stream:
        assert stream.name.startswith("mailbus-prod-tail-")
        rule, queue = bus.rules[stream.name], bus.queues[stream.name]
        assert json.loads(rule["EventPattern"]) == {"source": ["mailbus"]}
        assert rule["targets"] == [{"Id": "tail", "Arn": f"arn:aws:sqs:eu-west-1:210987654321:{stream.name}"}]
        assert queue["Attributes"]["MessageRetentionPeriod"] == "60"
        (statement,) = json.loads(queue["Attributes"]["Policy"])["Statement"]
        assert statement["Action"] == "sqs:SendMessage"
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": f"{ARN}/{BUS}/{stream.name}"}}
    assert (bus.rules, bus.queues) == ({}, {})


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, GeneratorExit])
def test_both_are_removed_after_an_error_and_after_ctrl_c(error: type[BaseException]) -> None:
    bus = FakeBus()
    with pytest.raises(error), event_stream.open(bus.deployment()):
        raise error
    assert (bus.rules, bus.queues) == ({}, {})


@pytest.mark.parametrize("operation", ["put_rule", "create_queue", "put_targets"])
def test_what_was_made_is_removed_if_a_right_is_missing_and_the_error_names_the_rights(
    operation: str,
) -> None:
    bus = FakeBus()
    bus.refused = {operation}
    with (
        pytest.raises(
            CommandError, match=f"live events cannot be read: .* may not events:{operation}"
        ) as error,
        event_stream.open(bus.deployment()),
    ):
        pass
    assert "events:PutRule" in error.value.hint
    assert "sqs:CreateQueue" in error.value.hint
    assert "rule/mailbus-prod/mailbus-prod-tail-*" in error.value.hint
    assert (bus.rules, bus.queues) == ({}, {})


def test_what_cannot_be_removed_is_an_error_and_the_rest_is_removed() -> None:
    bus = FakeBus()
    with (
        pytest.raises(CommandError, match="could not be removed") as error,
        event_stream.open(bus.deployment()),
    ):
        bus.refused = {"delete_rule"}
    assert "mailbus doctor" in error.value.hint
    assert bus.queues == {}


def test_the_error_of_the_reader_is_reported_rather_than_that_of_the_removal() -> None:
    bus = FakeBus()
    bus.refused = {"delete_rule"}
    with pytest.raises(ValueError, match="its own"), event_stream.open(bus.deployment()):
        raise ValueError("its own")  # noqa: EM101, TRY003 - a test's error


def test_each_event_comes_once() -> None:
    bus = FakeBus()
    with event_stream.open(bus.deployment()) as stream:
        bus.put(detail(event_id="1"), detail(event_id="1"), detail(event_id="2"))
        first = [live.event.event_id for live in stream.events(0)]
        bus.put(detail(event_id="2"), detail("opened", event_id="3"))
        second = list(stream.events(0))
    assert first == ["1", "2"]
    assert [live.event for live in second] == [event("opened", event_id="3")]
    assert second[0].entry["detail-type"] == "email.opened"


def test_the_events_of_a_busy_bus_are_received_side_by_side() -> None:
    bus = FakeBus()
    with event_stream.open(bus.deployment()) as stream:
        bus.put(*(detail(event_id=str(number)) for number in range(47)))
        counts = [len(list(stream.events(5))) for _ in range(3)]
    assert counts == [10, 37, 0]


def test_what_is_no_event_is_left_out_and_a_newer_event_type_is_unknown() -> None:
    bus = FakeBus()
    with event_stream.open(bus.deployment()) as stream:
        bus.messages = [
            "no JSON",
            "[]",
            '{"detail": 1}',
            '{"source": "other", "detail": {"event_type": "sent"}}',
            "[" * 100_000,
        ]
        bus.put(detail() | {"event_type": "teleported"})
        (live,) = stream.events(0)
    assert isinstance(live.event, EmailEvent)
    assert (live.event.event_type, live.entry["detail"]["event_type"]) == ("unknown", "teleported")


def test_the_pattern_is_that_of_the_types_and_the_job() -> None:
    assert event_stream.pattern_of(event_types=frozenset({"sent", "bounced"}), job_id="a") == {
        "source": ["mailbus"],
        "detail-type": ["email.bounced", "email.sent"],
        "detail": {"job_id": ["a"]},
    }


def test_the_time_of_the_last_use_is_written_every_few_minutes() -> None:
    bus, clock = FakeBus(), Clock()
    with event_stream.open(bus.deployment(), now=clock) as stream:
        clock.pass_by(minutes=4)
        list(stream.events(0))
        assert "tag_queue" not in bus.calls
        clock.pass_by(minutes=2)
        list(stream.events(0))
        list(stream.events(0))
        assert bus.calls.count("tag_queue") == 1
        assert bus.queues[stream.name]["tags"] == {
            "mailbus-stage": "prod",
            "mailbus-last-used": "2026-11-28T14:36:00+00:00",
        }


def test_what_a_killed_process_left_is_removed_after_an_hour() -> None:
    bus, clock = FakeBus(), Clock()
    name = leave_behind(bus, clock)
    clock.pass_by(minutes=59)
    assert event_stream.remove_stale(bus.deployment(), now=clock) == ()
    assert name in bus.queues
    clock.pass_by(minutes=2)
    assert event_stream.remove_stale(bus.deployment(), now=clock) == (
        event_stream.Removed(name=name, last_used=NOW),
    )
    assert (bus.rules, bus.queues) == ({}, {})


def test_a_stream_that_is_in_use_is_never_removed() -> None:
    bus, clock = FakeBus(), Clock()
    with event_stream.open(bus.deployment(), now=clock) as stream:
        for _ in range(30):
            clock.pass_by(minutes=10)
            list(stream.events(0))
            assert event_stream.remove_stale(bus.deployment(), now=clock) == ()
        assert stream.name in bus.rules


def test_nothing_of_another_stage_is_removed() -> None:
    bus, clock = FakeBus(), Clock()
    names = {leave_behind(bus, clock, stage) for stage in ("prod-tail-a", "dev", "prod-tail")}
    clock.pass_by(days=9)
    assert event_stream.remove_stale(bus.deployment("prod"), now=clock) == ()
    assert set(bus.queues) == set(bus.rules) == names


def test_a_queue_that_only_has_such_a_name_is_not_removed() -> None:
    bus, clock = FakeBus(), Clock()
    for tags in ({}, {"mailbus-stage": "prod"}, {"mailbus-stage": "prod", "mailbus-last-used": "yesterday"}):
        bus.queues = {"mailbus-prod-tail-0123456789ab": {"Attributes": {}, "tags": tags}}
        assert event_stream.remove_stale(bus.deployment(), now=clock) == ()


def test_a_rule_whose_process_was_killed_before_it_made_the_queue_is_removed() -> None:
    bus, clock = FakeBus(), Clock()
    name = leave_behind(bus, clock)
    bus.queues.clear()
    bus.rules[name]["targets"] = []
    assert event_stream.remove_stale(bus.deployment(), now=clock) == ()
    clock.pass_by(hours=2)
    assert [one.name for one in event_stream.remove_stale(bus.deployment(), now=clock)] == [name]
    assert bus.rules == {}


def test_a_reader_that_slept_for_so_long_that_its_queue_was_removed_begins_again() -> None:
    bus, clock = FakeBus(), Clock()
    with event_stream.open(bus.deployment(), now=clock) as stream:
        clock.pass_by(hours=2)
        event_stream.remove_stale(bus.deployment(), now=clock)
        with pytest.raises(CommandError, match="was not read for an hour"):
            list(stream.events(0))
