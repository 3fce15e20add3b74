"""`make replay`: replays past events of a stage from the archive to the rules of its bus.

A replay has an interval of the events' own time, and goes to all rules of the bus or to those named;
EventBridge has no other filter. Replayed events are unchanged, with the same `event_id`, and have a field
`replay-name` next to their detail.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import MailbusError
from mailbus_cdk.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import ReplayDestinationTypeDef

ARCHIVE_OUTPUT: Final = "EventArchiveName"
POLL_SECONDS: Final = 2.0
CALL_ATTEMPTS: Final = 6
INTERRUPTED: Final = 130
# An event may take this long to reach the archive:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
ARCHIVING: Final = timedelta(minutes=10)
RULES_SHOWN: Final = 20
ReplayState = Literal["STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"]
# the states in which a replay ends, and whether it succeeded
ENDS: Final[dict[ReplayState, bool]] = {"COMPLETED": True, "FAILED": False, "CANCELLED": False}


class ReplayError(MailbusError):
    """A replay cannot be started, or did not complete."""


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


def parse_time(text: str, name: str) -> datetime:
    """Parse a time with its zone; `name` is its name in errors."""
    example = "write it as 2026-11-22T10:00:00Z, or with an offset such as +01:00"
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        reason = (
            f"{name}={text!r} is not a time; {example}" if text.strip() else f"{name} is missing; {example}"
        )
        raise ReplayError(reason) from error
    if moment.tzinfo is None:
        reason = f"{name}={text} has no time zone; {example}"
        raise ReplayError(reason)
    return moment.astimezone(UTC)


def parse_interval(start: str, end: str, *, now: datetime) -> Interval:
    """Parse both ends of an interval, which must be in order and in the past."""
    interval = Interval(start=parse_time(start, "FROM"), end=parse_time(end, "TO"))
    if interval.start >= interval.end:
        reason = f"FROM={start} is not before TO={end}; swap them, or choose a longer interval"
        raise ReplayError(reason)
    if interval.end > now:
        reason = f"TO={end} is in the future; the time is {written(now)}"
        raise ReplayError(reason)
    return interval


def check_kept(interval: Interval, archive: Archive, *, now: datetime) -> None:
    """Raise `ReplayError` if the archive no longer has all events of an interval."""
    if archive.kept_days is None:
        return
    oldest = now - timedelta(days=archive.kept_days)
    if interval.start < oldest:
        reason = (
            f"FROM={written(interval.start)} is too early: the archive keeps events for {archive.kept_days}"
            f" days (retention.event_archive_days), since {written(oldest)}"
        )
        raise ReplayError(reason)


def written(moment: datetime) -> str:
    """Return a time as the options take it, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the edge to AWS


def archive_name(client: CloudFormationClient, stack: str) -> str:
    """Return the name of the stage's archive, from the outputs of its stack."""
    try:
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
    except (ClientError, BotoCoreError) as error:
        reason = (
            f"the stack {stack} cannot be read: {_message(error)}; deploy the stage, and use credentials of"
            " its account (for the embedded AWS, set AWS_ENDPOINT_URL)"
        )
        raise ReplayError(reason) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    if ARCHIVE_OUTPUT not in outputs:
        reason = (
            f"the stack {stack} has no output {ARCHIVE_OUTPUT}; deploy the stage with this version, unless "
            "its region has no archives (docs/stacks.md#regions)"
        )
        raise ReplayError(reason)
    return outputs[ARCHIVE_OUTPUT]


class Replays:
    """EventBridge's replays, in one region."""

    def __init__(self, client: EventBridgeClient) -> None:
        self._client = client

    def archive(self, name: str) -> Archive:
        """Return an archive."""
        try:
            found = self._client.describe_archive(ArchiveName=name)
        except (ClientError, BotoCoreError) as error:
            reason = f"the archive {name} cannot be read: {_message(error)}"
            raise ReplayError(reason) from error
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
            reason = f"RULE={name}: the bus has no such rule; its rules: {names}"
            raise ReplayError(reason) from error
        except (ClientError, BotoCoreError) as error:
            reason = f"RULE={name}: the rule cannot be read: {_message(error)}"
            raise ReplayError(reason) from error
        if rule["State"] == "DISABLED":
            reason = f"RULE={name} is disabled, so nothing would reach its targets; enable it first"
            raise ReplayError(reason)
        return rule["Arn"]

    def start(self, replay: Replay) -> None:
        """Start a replay."""
        destination: ReplayDestinationTypeDef = {"Arn": replay.archive.bus_arn}
        if replay.rule_arns:
            destination["FilterArns"] = replay.rule_arns
        try:
            self._client.start_replay(
                ReplayName=replay.name,
                EventSourceArn=replay.archive.arn,
                EventStartTime=replay.interval.start,
                EventEndTime=replay.interval.end,
                Destination=destination,
            )
        except (ClientError, BotoCoreError) as error:
            reason = f"the replay was not started: {_message(error)}"
            raise ReplayError(reason) from error

    def progress(self, name: str) -> Progress:
        """Return the state of a replay."""
        try:
            found = self._client.describe_replay(ReplayName=name)
        except (ClientError, BotoCoreError) as error:
            reason = f"the state of the replay {name} cannot be read; it may continue: {_message(error)}"
            raise ReplayError(reason) from error
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


def _message(error: ClientError | BotoCoreError) -> str:
    return str(error.response["Error"]["Message"]) if isinstance(error, ClientError) else str(error)


# --- the command


def follow(replays: Replays, name: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Progress]:
    """Yield each new state of a replay until it ends. Raises `ReplayError` if it does not complete."""
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
        raise ReplayError(reason)


def describe(progress: Progress) -> str:
    """Return one line on the progress."""
    reached = f", up to {written(progress.reached)}" if progress.reached else ""
    return f"{progress.state.lower()}{reached}"


def run(options: argparse.Namespace, *, now: datetime) -> None:
    """Start the replay and print its progress."""
    settings = Settings.load(Path("mailbus.toml"), options.stage)
    interval = parse_interval(options.start, options.end, now=now)
    config = Config(
        region_name=settings.region, retries={"total_max_attempts": CALL_ATTEMPTS, "mode": "standard"}
    )
    replays = Replays(boto3.client("events", config=config))
    stack = f"{settings.name}-state"
    archive = replays.archive(archive_name(boto3.client("cloudformation", config=config), stack))
    check_kept(interval, archive, now=now)
    replay = Replay(
        name=f"{settings.name[:40]}-{now:%Y%m%dT%H%M%S%f}",
        archive=archive,
        interval=interval,
        rule_arns=tuple(replays.rule_arn(rule, archive) for rule in options.rules),
    )
    replays.start(replay)
    receivers = ", ".join(options.rules) or "all rules of the bus"
    _print(f"replay {replay.name}: {written(interval.start)} to {written(interval.end)}, to {receivers}")
    if now - interval.end < ARCHIVING:
        _print("note: events of the last ten minutes may not be in the archive yet")
    try:
        for progress in follow(replays, replay.name):
            _print(describe(progress))
    except KeyboardInterrupt:
        _print(f"the replay continues; to cancel it: aws events cancel-replay --replay-name {replay.name}")
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. 0 when all was replayed, 1 with a line on stderr otherwise."""
    parser = argparse.ArgumentParser(
        prog="make replay STAGE=… FROM=… TO=… [RULE=…]",
        description="Replays past events of a stage to the rules of its bus.",
    )
    parser.add_argument("--stage", required=True, help="a stage of mailbus.toml")
    parser.add_argument("--from", dest="start", default="", help="a time with its zone: 2026-11-22T10:00:00Z")
    parser.add_argument("--to", dest="end", default="", help="a later time, in the same form")
    parser.add_argument(
        "--rule",
        dest="rules",
        action="append",
        default=[],
        help="a rule of the bus, all by default; may be repeated",
    )
    try:
        run(parser.parse_args(arguments), now=datetime.now(UTC))
    except MailbusError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main())
