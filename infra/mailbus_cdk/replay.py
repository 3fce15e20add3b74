"""`make replay`: gives past events of a stage to the rules of its bus once more, from the archive.

A replay is of an interval of the events' own time, and goes to all rules of the bus or to those named;
EventBridge cannot narrow it otherwise. Replayed events are as they were, their `event_id` too, with a field
`replay-name` beside their detail.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.errors import MailbusError
from mailbus_cdk.packaging import ROOT
from mailbus_cdk.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from types_boto3_cloudformation.client import CloudFormationClient
    from types_boto3_events.client import EventBridgeClient
    from types_boto3_events.type_defs import ReplayDestinationTypeDef

ARCHIVE_OUTPUT: Final = "EventArchiveName"
POLL_SECONDS: Final = 2.0
CALL_ATTEMPTS: Final = 6
INTERRUPTED: Final = 130
# Until then an event may not have got into the archive:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
ARCHIVING: Final = timedelta(minutes=10)
RULES_SHOWN: Final = 20
ReplayState = Literal["STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"]
# how a replay ends, and whether that is what was wanted
ENDS: Final[dict[ReplayState, bool]] = {"COMPLETED": True, "FAILED": False, "CANCELLED": False}


class ReplayError(MailbusError):
    """A replay cannot be started as asked, or did not get to its end."""


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to replay from. `kept_days` is None where events are kept for good."""

    arn: str
    bus_arn: str
    kept_days: int | None

    @property
    def bus_name(self) -> str:
        """Name the bus: `arn:…:event-bus/<name>`."""
        return self.bus_arn.rpartition("/")[2]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """From when to when, by the events' own time; both belong to it."""

    start: datetime
    end: datetime


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for. Without rules it goes to all of the bus."""

    name: str
    archive: Archive
    interval: Interval
    rule_arns: tuple[str, ...] = ()


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a replay has got: the time of the event that was replayed last, if any was."""

    state: ReplayState
    reason: str | None = None
    reached: datetime | None = None


# --- what is asked for


def parse_time(text: str, name: str) -> datetime:
    """Read a time with its zone; `name` is what the error calls it."""
    example = "write it like 2026-11-22T10:00:00Z, or with +01:00 in the place of Z"
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        reason = f"{name}={text!r} is no time; {example}" if text.strip() else f"{name} is missing; {example}"
        raise ReplayError(reason) from error
    if moment.tzinfo is None:
        reason = f"{name}={text} has no time zone; {example}"
        raise ReplayError(reason)
    return moment.astimezone(UTC)


def parse_interval(start: str, end: str, *, now: datetime) -> Interval:
    """Read both ends and hold them against each other and the clock."""
    interval = Interval(start=parse_time(start, "FROM"), end=parse_time(end, "TO"))
    if interval.start >= interval.end:
        reason = f"FROM={start} is not before TO={end}; exchange them, or choose a longer interval"
        raise ReplayError(reason)
    if interval.end > now:
        reason = f"TO={end} is still to come; it is {written(now)}"
        raise ReplayError(reason)
    return interval


def check_kept(interval: Interval, archive: Archive, *, now: datetime) -> None:
    """Refuse what the archive no longer has, so that nobody takes a part for the whole."""
    if archive.kept_days is None:
        return
    oldest = now - timedelta(days=archive.kept_days)
    if interval.start < oldest:
        reason = (
            f"FROM={written(interval.start)} is too early: the archive keeps events for {archive.kept_days}"
            f" days (retention.event_archive_days), so since {written(oldest)}"
        )
        raise ReplayError(reason)


def written(moment: datetime) -> str:
    """Write a time as it can be given, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- the edge to AWS


def archive_name(client: CloudFormationClient, stack: str) -> str:
    """Find the stage's archive in the outputs of its stack."""
    try:
        described = client.describe_stacks(StackName=stack)["Stacks"][0]
    except (ClientError, BotoCoreError) as error:
        reason = (
            f"the stack {stack} cannot be read: {_said(error)}; deploy the stage, and use credentials of its"
            " account (for the embedded AWS, set AWS_ENDPOINT_URL)"
        )
        raise ReplayError(reason) from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    if ARCHIVE_OUTPUT not in outputs:
        reason = (
            f"the stack {stack} has no output {ARCHIVE_OUTPUT}; deploy the stage with this version, unless "
            "its region has no archives (docs/deploy.md#regions)"
        )
        raise ReplayError(reason)
    return outputs[ARCHIVE_OUTPUT]


class Replays:
    """EventBridge's replays, in one region."""

    def __init__(self, client: EventBridgeClient) -> None:
        self._client = client

    def archive(self, name: str) -> Archive:
        """Describe an archive."""
        try:
            found = self._client.describe_archive(ArchiveName=name)
        except (ClientError, BotoCoreError) as error:
            reason = f"the archive {name} cannot be read: {_said(error)}"
            raise ReplayError(reason) from error
        return Archive(
            arn=found["ArchiveArn"],
            bus_arn=found["EventSourceArn"],
            kept_days=found.get("RetentionDays") or None,
        )

    def rule_arn(self, name: str, archive: Archive) -> str:
        """Find an enabled rule of the archive's bus, by its name or as CloudFormation refers to it."""
        # "<bus>|<rule>": https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1131
        plain = name.rpartition("|")[2]
        try:
            rule = self._client.describe_rule(Name=plain, EventBusName=archive.bus_name)
        except self._client.exceptions.ResourceNotFoundException as error:
            there = ", ".join(self._rule_names(archive)) or "none"
            reason = f"RULE={name}: the bus has no such rule; it has: {there}"
            raise ReplayError(reason) from error
        except (ClientError, BotoCoreError) as error:
            reason = f"RULE={name}: the rule cannot be read: {_said(error)}"
            raise ReplayError(reason) from error
        if rule["State"] == "DISABLED":
            reason = f"RULE={name} is disabled, so that nothing would reach its targets; enable it first"
            raise ReplayError(reason)
        return rule["Arn"]

    def start(self, replay: Replay) -> None:
        """Start it."""
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
            reason = f"the replay is not started: {_said(error)}"
            raise ReplayError(reason) from error

    def progress(self, name: str) -> Progress:
        """Ask how far a replay has got."""
        try:
            found = self._client.describe_replay(ReplayName=name)
        except (ClientError, BotoCoreError) as error:
            reason = f"nothing is known of the replay {name}, which goes on if it can: {_said(error)}"
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
        # One that EventBridge manages fills the archive.
        return [rule["Name"] for rule in found["Rules"] if "ManagedBy" not in rule]


def _said(error: ClientError | BotoCoreError) -> str:
    return str(error.response["Error"]["Message"]) if isinstance(error, ClientError) else str(error)


# --- the command


def follow(replays: Replays, name: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Progress]:
    """Yield each step of a replay until its end; one that does not complete is a `ReplayError`."""
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


def said_of(progress: Progress) -> str:
    """Write one line of progress."""
    reached = f", up to {written(progress.reached)}" if progress.reached else ""
    return f"{progress.state.lower()}{reached}"


def run(options: argparse.Namespace, *, now: datetime) -> None:
    """Check what is asked, start it, and show how it goes."""
    settings = load(ROOT / "mailbus.toml", options.stage)
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
    whom = ", ".join(options.rules) or "all rules of the bus"
    _say(f"replay {replay.name}: {written(interval.start)} to {written(interval.end)}, to {whom}")
    if now - interval.end < ARCHIVING:
        _say("note: events of the last ten minutes may not be in the archive yet")
    try:
        for progress in follow(replays, replay.name):
            _say(said_of(progress))
    except KeyboardInterrupt:
        _say(f"it goes on; to end it: aws events cancel-replay --replay-name {replay.name}")
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. 0 when all was replayed, 1 with a line on stderr otherwise."""
    parser = argparse.ArgumentParser(
        prog="make replay STAGE=… FROM=… TO=… [RULE=…]",
        description="Gives past events of a stage to the rules of its bus once more.",
    )
    parser.add_argument("--stage", required=True, help="of mailbus.toml")
    parser.add_argument("--from", dest="start", default="", help="a time with its zone: 2026-11-22T10:00:00Z")
    parser.add_argument("--to", dest="end", default="", help="the same")
    parser.add_argument(
        "--rule", dest="rules", action="append", default=[], help="of the bus; may be repeated"
    )
    try:
        run(parser.parse_args(arguments), now=datetime.now(UTC))
    except MailbusError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the command's output
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's output


if __name__ == "__main__":
    sys.exit(main())
