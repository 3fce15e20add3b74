"""`mailbus replay` on the deployed system: past events are delivered again, with the replay's name."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.system import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.commands import Commands
    from tests.e2e.system import System


NOTE = "note: events of the last ten minutes may not be in the archive yet\n"


class Rule:
    """A rule on the bus, with a queue as its target."""

    def __init__(self, system: System, name: str, pattern: dict[str, Any]) -> None:
        self.name = f"{name}-{uuid.uuid4().hex[:8]}"
        self._bus = system.outputs["EventBusName"]
        self._events, self._sqs = system.client("events"), system.client("sqs")
        self._url = self._sqs.create_queue(QueueName=self.name)["QueueUrl"]
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self._events.put_rule(Name=self.name, EventBusName=self._bus, EventPattern=json.dumps(pattern))
        self._events.put_targets(
            Rule=self.name,
            EventBusName=self._bus,
            Targets=[{"Id": "queue", "Arn": answer["Attributes"]["QueueArn"]}],
        )
        self.got: list[dict[str, Any]] = []

    def remove(self) -> None:
        self._events.remove_targets(Rule=self.name, EventBusName=self._bus, Ids=["queue"])
        self._events.delete_rule(Name=self.name, EventBusName=self._bus)

    def disable(self) -> None:
        self._events.disable_rule(Name=self.name, EventBusName=self._bus)

    def wait(self, count: int) -> list[dict[str, Any]]:
        """Wait until the rule has matched so many events; return all of them."""
        eventually(lambda: len(self.read(seconds=1)) >= count, f"{count} events of rule {self.name}")
        return self.got

    def read(self, seconds: int = 0) -> list[dict[str, Any]]:
        """Take what is on the queue; return all events so far."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds
        )
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
            self.got.append(json.loads(message["Body"]))
        return self.got


@pytest.fixture
def tag() -> str:
    return f"tag-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def rule(system: System, tag: str) -> Iterator[Rule]:
    rule = Rule(system, "again", {"source": ["mailbus"], "detail": {"tags": [tag]}})
    yield rule
    rule.remove()


@pytest.fixture
def live_rule(system: System, tag: str) -> Iterator[Rule]:
    pattern = {"source": ["mailbus"], "detail": {"tags": [tag]}, "replay-name": [{"exists": False}]}
    rule = Rule(system, "live", pattern)
    yield rule
    rule.remove()


def _interval(start: datetime) -> tuple[str, ...]:
    """Return an interval until now as arguments; the embedded AWS stores times in whole seconds."""
    return ("--from", start.isoformat(timespec="seconds"), "--to", datetime.now(UTC).isoformat())


def _sent(system: System, rule: Rule, tag: str) -> tuple[datetime, list[dict[str, Any]]]:
    start = datetime.now(UTC)
    system.send(tags=[tag])
    system.send(to=["bounce@simulator.amazonses.com"], tags=[tag])
    return start, list(rule.wait(6))


def test_replayed_events_have_their_ids_and_the_replays_name(
    system: System, commands: Commands, rule: Rule, live_rule: Rule, tag: str
) -> None:
    start, first = _sent(system, rule, tag)
    assert not [event for event in first if "replay-name" in event]

    done = commands("replay", "--local", *_interval(start), "--rule", rule.name)

    assert (done.returncode, done.stderr) == (0, NOTE)
    again = rule.wait(12)[6:]
    assert sorted(event["detail"]["event_id"] for event in again) == sorted(
        event["detail"]["event_id"] for event in first
    )
    (name,) = {event["replay-name"] for event in again}
    assert done.stdout.startswith(f"replay {name}: ")
    assert done.stdout.splitlines()[-1].startswith("completed")
    details = {event["detail"]["event_id"]: event["detail"] for event in first}
    assert all(event["detail"] == details[event["detail"]["event_id"]] for event in again)
    assert len(live_rule.wait(6)) == len(live_rule.read(seconds=1)) == 6


def test_a_replay_to_one_rule_has_it_in_its_destination(
    system: System, commands: Commands, rule: Rule, tag: str
) -> None:
    """The embedded AWS replays to all rules, so this checks the request."""
    start, _ = _sent(system, rule, tag)

    done = commands("replay", "--local", *_interval(start), "--rule", rule.name)

    name = done.stdout.split()[1].rstrip(":")
    destination = system.client("events").describe_replay(ReplayName=name)["Destination"]
    bus = f":event-bus/{system.outputs['EventBusName']}"
    assert destination["Arn"].endswith(bus)
    assert [arn.rsplit("/", 1)[1] for arn in destination["FilterArns"]] == [rule.name]


def test_an_interval_before_the_events_replays_none(
    system: System, commands: Commands, rule: Rule, tag: str
) -> None:
    start, _ = _sent(system, rule, tag)
    before = start - timedelta(hours=2)

    done = commands(
        "replay", "--local", "--from", before.isoformat(), "--to", (before + timedelta(hours=1)).isoformat()
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(rule.read(seconds=1)) == 6


def test_an_unknown_or_disabled_rule_is_refused_and_no_replay_starts(
    system: System, commands: Commands, rule: Rule
) -> None:
    events = system.client("events")
    before = len(events.list_replays()["Replays"])
    minutes = datetime.now(UTC) - timedelta(minutes=5)

    unknown = commands("replay", "--local", *_interval(minutes), "--rule", "no-such-rule")
    rule.disable()
    disabled = commands("replay", "--local", *_interval(minutes), "--rule", rule.name)

    assert (unknown.returncode, disabled.returncode) == (1, 1)
    assert "mailbus: the bus has no rule no-such-rule\nhint: its rules: " in unknown.stderr
    assert rule.name in unknown.stderr
    assert f"the rule {rule.name} is disabled" in disabled.stderr
    assert len(events.list_replays()["Replays"]) == before


def test_a_time_before_the_archive_is_refused_with_its_retention(commands: Commands) -> None:
    done = commands("replay", "--local", *_interval(datetime.now(UTC) - timedelta(days=31)))

    assert done.returncode == 2
    assert "the archive keeps events for 30 days" in done.stderr
