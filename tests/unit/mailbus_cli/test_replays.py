"""What `mailbus replay` takes, refuses, asks of AWS, and says of how it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from mailbus_cli import frame, replays
from mailbus_cli.errors import CommandError, UsageError
from mailbus_cli.replays import (
    Archive,
    Interval,
    Replay,
    Replays,
    check_kept,
    describe,
    follow,
    parse_interval,
    parse_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REGION = "eu-west-1"
PREFIX = f"arn:aws:events:{REGION}:111122223333"
BUS = f"{PREFIX}:event-bus/mailbus-prod"
ARCHIVE = Archive(arn=f"{PREFIX}:archive/mailbus-prod-Archive1", bus_arn=BUS, kept_days=30)
MORNING = Interval(
    start=datetime(2026, 11, 22, 8, 0, tzinfo=UTC), end=datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
)


class Service:
    """A client with the calls that it will get, in order, held against the service's own model."""

    def __init__(self, name: str) -> None:
        self.client: Any = boto3.client(
            name,  # type: ignore[call-overload]  # the stubs know literal names only
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.stub = Stubber(self.client)
        self.stub.activate()


@pytest.fixture
def events() -> Iterator[Service]:
    service = Service("events")
    yield service
    service.stub.assert_no_pending_responses()
    service.client.close()


# --- what is asked for


@pytest.mark.parametrize(
    "text", ["2026-11-22T10:00:00Z", "2026-11-22T11:00:00+01:00", "2026-11-22 10:00Z", " 20261122T100000Z "]
)
def test_a_time_with_its_zone_may_be_in_any_form_of_iso_8601(text: str) -> None:
    assert parse_time(text, "--from") == datetime(2026, 11, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "--from '' is not a time"),
        ("yesterday", "--from 'yesterday' is not a time"),
        ("2026-11-31T10:00:00Z", "is not a time"),
        ("1763805600", "is not a time"),
        ("2026-11-22T10:00:00", "--from 2026-11-22T10:00:00 has no time zone"),
        ("2026-11-22", "has no time zone"),
    ],
)
def test_an_invalid_time_or_one_without_zone_is_refused_with_an_example(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_time(text, "--from")
    assert reason in str(refused.value)
    assert refused.value.hint.startswith("write it as 2026-11-22T10:00:00Z")


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2026-11-22T10:00:00Z", "2026-11-22T09:00:00Z", "is not before"),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z", "is not before"),
        # an hour later by the clock on the wall, and an hour earlier
        ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00+02:00", "is not before"),
        ("2026-11-22T10:00:00Z", "2026-11-22T12:00:01Z", "is in the future"),
        ("2026-11-22T10:00:00Z", "", "--to '' is not a time"),
    ],
)
def test_an_impossible_interval_is_refused(start: str, end: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        parse_interval(start, end, now=NOW)


def test_an_interval_may_end_now() -> None:
    found = parse_interval("2026-11-22T10:00:00+01:00", "2026-11-22T12:00:00Z", now=NOW)
    assert found == Interval(start=datetime(2026, 11, 22, 9, tzinfo=UTC), end=NOW)


def test_an_interval_older_than_the_archive_is_refused_with_the_earliest_time() -> None:
    interval = Interval(start=NOW - timedelta(days=30, seconds=1), end=NOW)
    with pytest.raises(UsageError, match=r"keeps events for 30 days") as refused:
        check_kept(interval, ARCHIVE, now=NOW)
    assert refused.value.hint.endswith("begins at 2026-10-23T12:00:00Z")


@pytest.mark.parametrize(("days", "kept"), [(30, 30), (29, 30), (4000, None)])
def test_an_interval_within_the_archive_passes(days: int, kept: int | None) -> None:
    archive = Archive(arn=ARCHIVE.arn, bus_arn=BUS, kept_days=kept)
    check_kept(Interval(start=NOW - timedelta(days=days), end=NOW), archive, now=NOW)


# --- AWS


@pytest.mark.parametrize(("reported", "kept"), [(30, 30), (0, None)])
def test_an_archive_without_retention_keeps_its_events_forever(
    events: Service, reported: int, kept: int | None
) -> None:
    events.stub.add_response(
        "describe_archive",
        {"ArchiveArn": ARCHIVE.arn, "EventSourceArn": BUS, "RetentionDays": reported},
        {"ArchiveName": "mailbus-prod-Archive1"},
    )
    assert Replays(events.client).archive("mailbus-prod-Archive1") == Archive(
        arn=ARCHIVE.arn, bus_arn=BUS, kept_days=kept
    )


@pytest.mark.parametrize("name", ["bounces", "mailbus-prod|bounces"])
def test_a_rule_is_found_by_its_name_or_its_cloudformation_reference(events: Service, name: str) -> None:
    arn = f"{PREFIX}:rule/mailbus-prod/bounces"
    events.stub.add_response(
        "describe_rule",
        {"Name": "bounces", "Arn": arn, "State": "ENABLED"},
        {"Name": "bounces", "EventBusName": "mailbus-prod"},
    )
    assert Replays(events.client).rule_arn(name, ARCHIVE) == arn


def test_the_error_for_a_missing_rule_lists_the_rules(events: Service) -> None:
    events.stub.add_client_error("describe_rule", "ResourceNotFoundException")
    rules = [
        {"Name": "bounces"},
        {"Name": "Events-Archive-mailbus", "ManagedBy": "prod.vhs.events.aws.internal"},
        {"Name": "clicks"},
    ]
    events.stub.add_response("list_rules", {"Rules": rules})
    with pytest.raises(CommandError, match="the bus has no rule bounce") as refused:
        Replays(events.client).rule_arn("bounce", ARCHIVE)
    assert refused.value.hint == "its rules: bounces, clicks"


def test_a_rule_of_a_bus_without_rules_is_refused(events: Service) -> None:
    events.stub.add_client_error("describe_rule", "ResourceNotFoundException")
    events.stub.add_client_error("list_rules", "AccessDeniedException")
    with pytest.raises(CommandError, match="has no rule bounces") as refused:
        Replays(events.client).rule_arn("bounces", ARCHIVE)
    assert refused.value.hint == "its rules: none"


def test_a_disabled_rule_is_refused_since_nothing_would_reach_its_targets(events: Service) -> None:
    answer = {"Name": "bounces", "Arn": f"{PREFIX}:rule/mailbus-prod/bounces", "State": "DISABLED"}
    events.stub.add_response("describe_rule", answer)
    with pytest.raises(CommandError, match="the rule bounces is disabled"):
        Replays(events.client).rule_arn("bounces", ARCHIVE)


@pytest.mark.parametrize(
    ("rules", "destination"),
    [
        ((), {"Arn": BUS}),
        (
            (f"{PREFIX}:rule/mailbus-prod/bounces",),
            {"Arn": BUS, "FilterArns": (f"{PREFIX}:rule/mailbus-prod/bounces",)},
        ),
    ],
)
def test_a_replay_goes_to_the_named_rules_or_to_the_whole_bus(
    events: Service, rules: tuple[str, ...], destination: dict[str, Any]
) -> None:
    events.stub.add_response(
        "start_replay",
        {"State": "STARTING"},
        {
            "ReplayName": "again",
            "EventSourceArn": ARCHIVE.arn,
            "EventStartTime": MORNING.start,
            "EventEndTime": MORNING.end,
            "Destination": destination,
        },
    )
    Replays(events.client).start(Replay(name="again", archive=ARCHIVE, interval=MORNING, rule_arns=rules))


# --- how it goes


def _described(events: Service, *steps: dict[str, Any]) -> None:
    for step in steps:
        events.stub.add_response("describe_replay", step, {"ReplayName": "again"})


def test_each_new_state_is_yielded_once_until_the_end(events: Service) -> None:
    half = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
    _described(
        events,
        {"State": "STARTING"},
        {"State": "RUNNING"},
        {"State": "RUNNING"},
        {"State": "RUNNING", "EventLastReplayedTime": half},
        {"State": "COMPLETED", "EventLastReplayedTime": MORNING.end},
    )
    waits: list[float] = []

    reported = [describe(step) for step in follow(Replays(events.client), "again", sleep=waits.append)]

    assert reported == [
        "starting",
        "running",
        "running, up to 2026-11-22T08:30:00Z",
        "completed, up to 2026-11-22T09:00:00Z",
    ]
    assert waits == [replays.POLL_SECONDS] * 4


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (
            {"State": "FAILED", "StateReason": "The event bus was deleted"},
            "ended as FAILED: The event bus was deleted",
        ),
        ({"State": "CANCELLED"}, "ended as CANCELLED: EventBridge gives no reason"),
    ],
)
def test_a_replay_that_does_not_complete_is_an_error(
    events: Service, end: dict[str, Any], reason: str
) -> None:
    _described(events, {"State": "RUNNING"}, end)
    with pytest.raises(CommandError, match=reason):
        list(follow(Replays(events.client), "again", sleep=lambda _seconds: None))


def test_a_replay_whose_state_cannot_be_read_may_continue(events: Service) -> None:
    _described(events, {"State": "RUNNING"})
    events.stub.add_client_error("describe_replay", "ExpiredTokenException", "The token is expired")
    with pytest.raises(CommandError, match="again cannot be read; it may continue: the AWS credentials"):
        list(follow(Replays(events.client), "again", sleep=lambda _seconds: None))


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "x", "--to", "y"], "--from 'x' is not a time"),
        (["--from", "2026-11-22T10:00:00Z", "--to", "2026-11-22T09:00:00Z"], "is not before"),
        (["--to", "2026-11-22T10:00:00Z"], "Missing option '--from'"),
    ],
)
def test_wrong_options_are_refused_before_any_call(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert frame.run(["replay", "--stage", "prod", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert reason in err.splitlines()[0]
