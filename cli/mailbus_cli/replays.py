"""Replays past events of a stage from the archive to the rules of its bus.

A replay has an interval of the events' own time, and goes to all rules of the bus or to those named;
EventBridge has no other filter. Replayed events are unchanged, with the same `event_id`, and have a field
`replay-name` next to their detail.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus_cli import aws_errors
from mailbus_cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import ReplayDestinationTypeDef

POLL_SECONDS: Final = 2.0
# An event may take this long to reach the archive:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
ARCHIVING: Final = timedelta(minutes=10)
RULES_SHOWN: Final = 20
TIME_EXAMPLE: Final = "write it as 2026-11-22T10:00:00Z, or with an offset such as +01:00"
ReplayState = Literal["STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"]
# the states in which a replay ends, and whether it succeeded
ENDS: Final[dict[ReplayState, bool]] = {"COMPLETED": True, "FAILED": False, "CANCELLED": False}


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """An archive of events. `kept_days` is None if they are kept forever."""

    arn: str
    bus_arn: str
    kept_days: int | None

    @property
    def bus_name(self) -> str:
        """The bus's name, from `arn:…:event-bus/<name>`."""
        return self.bus_arn.rpartition("/")[2]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An interval of the events' own time, including both ends."""

    start: datetime
    end: datetime


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A replay to start. Without rules it goes to all rules of the bus."""

    name: str
    archive: Archive
    interval: Interval
    rule_arns: tuple[str, ...] = ()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a replay; `reached` is the time of the event that was replayed last, if any."""

    state: ReplayState
    reason: str | None = None
    reached: datetime | None = None


# --- parsing the options


def parse_time(text: str, option: str) -> datetime:
    """Parse a time with its zone. Raises `UsageError` with the option."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        reason = f"{option} {text!r} is not a time"
        raise UsageError(reason, hint=TIME_EXAMPLE) from error
    if moment.tzinfo is None:
        reason = f"{option} {text} has no time zone"
        raise UsageError(reason, hint=TIME_EXAMPLE)
    return moment.astimezone(UTC)


def parse_interval(start: str, end: str, *, now: datetime) -> Interval:
    """Parse both ends of an interval, which must be in order and in the past."""
    interval = Interval(start=parse_time(start, "--from"), end=parse_time(end, "--to"))
    if interval.start >= interval.end:
        reason = f"--from {start} is not before --to {end}"
        raise UsageError(reason, hint="swap them, or choose a longer interval")
    if interval.end > now:
        reason = f"--to {end} is in the future"
        raise UsageError(reason, hint=f"the time is {written(now)}")
    return interval


def check_kept(interval: Interval, archive: Archive, *, now: datetime) -> None:
    """Raise `UsageError` if the archive no longer has all events of an interval."""
    if archive.kept_days is None:
        return
    oldest = now - timedelta(days=archive.kept_days)
    if interval.start < oldest:
        reason = (
            f"--from {written(interval.start)} is too early: the archive keeps events for {archive.kept_days}"
            " days (retention.event_archive_days)"
        )
        raise UsageError(reason, hint=f"the first day that it has begins at {written(oldest)}")


def written(moment: datetime) -> str:
    """Return a time as the options take it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the edge to AWS


class Replays:
    """EventBridge's replays, in one region. Its methods raise botocore's errors, and `CommandError`."""

    def __init__(self, client: EventBridgeClient) -> None:
        self._client = client

    def archive(self, name: str) -> Archive:
        """Return an archive."""
        found = self._client.describe_archive(ArchiveName=name)
        return Archive(
            arn=found["ArchiveArn"],
            bus_arn=found["EventSourceArn"],
            kept_days=found.get("RetentionDays") or None,
        )

    def rule_arn(self, name: str, archive: Archive) -> str:
        """Return the ARN of an enabled rule of the archive's bus, by its name or CloudFormation reference."""
        # "<bus>|<rule>": https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131
        plain = name.rpartition("|")[2]
        try:
            rule = self._client.describe_rule(Name=plain, EventBusName=archive.bus_name)
        except self._client.exceptions.ResourceNotFoundException as error:
            names = ", ".join(self._rule_names(archive)) or "none"
            reason = f"the bus has no rule {name}"
            raise CommandError(reason, hint=f"its rules: {names}") from error
        if rule["State"] == "DISABLED":
            reason = f"the rule {name} is disabled, so nothing would reach its targets"
            raise CommandError(reason, hint="enable it first")
        return rule["Arn"]

    def start(self, replay: Replay) -> None:
        """Start a replay."""
        destination: ReplayDestinationTypeDef = {"Arn": replay.archive.bus_arn}
        if replay.rule_arns:
            destination["FilterArns"] = replay.rule_arns
        self._client.start_replay(
            ReplayName=replay.name,
            EventSourceArn=replay.archive.arn,
            EventStartTime=replay.interval.start,
            EventEndTime=replay.interval.end,
            Destination=destination,
        )

    def progress(self, name: str) -> Progress:
        """Return the state of a replay."""
        try:
            found = self._client.describe_replay(ReplayName=name)
        except (ClientError, BotoCoreError) as error:
            doing = f"the state of the replay {name} cannot be read; it may continue"
            raise aws_errors.explain(error).as_error(doing) from error
        return Progress(
            state=found["State"],
            reason=found.get("StateReason"),
            reached=found.get("EventLastReplayedTime"),
        )

    def _rule_names(self, archive: Archive) -> list[str]:
        try:
            found = self._client.list_rules(EventBusName=archive.bus_name, Limit=RULES_SHOWN)
        except (ClientError, BotoCoreError):
            return []
        # The managed rule is the one that fills the archive.
        return [rule["Name"] for rule in found["Rules"] if "ManagedBy" not in rule]


def follow(replays: Replays, name: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Progress]:
    """Yield each new state of a replay until it ends. Raises `CommandError` if it does not complete."""
    last: Progress | None = None
    while last is None or last.state not in ENDS:
        if last is not None:
            sleep(POLL_SECONDS)
        now = replays.progress(name)
        if now != last:
            yield now
        last = now
    if not ENDS[last.state]:
        reason = f"the replay {name} ended as {last.state}: {last.reason or 'EventBridge gives no reason'}"
        raise CommandError(reason, hint="correct that, and replay the interval again")


def describe(progress: Progress) -> str:
    """Return one line on the progress."""
    reached = f", up to {written(progress.reached)}" if progress.reached else ""
    return f"{progress.state.lower()}{reached}"
