"""Live events of a stage's bus, through a rule and a queue of its own, which are removed at the end.

    with event_stream.open(deployment) as stream:
        for live in stream.events(wait_seconds=5):
            ...

A process that is killed leaves both. A tag of the queue has the time of its last use, so that `remove_stale`
finds what is not in use any more.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus import events
from mailbus.events import SOURCE, AnyEvent
from mailbus_cli import aws_errors
from mailbus_cli.bus_events import event_of_entry
from mailbus_cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mailbus_cli.deployment import Deployment

# the shortest that SQS has: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
RETENTION_SECONDS: Final = 60
# Longer than the retention: SQS deletes a received message before it would be delivered again, so that no
# call has to.
VISIBILITY_SECONDS: Final = 2 * RETENTION_SECONDS
# SQS's longest, and the most messages of a call
LONGEST_WAIT_SECONDS: Final = 20
BATCH: Final = 10
# calls side by side as soon as one call cannot keep up
RECEIVERS: Final = 4
# event ids that are remembered, to leave out repeated events
REMEMBERED: Final = 50_000
HEARTBEAT: Final = timedelta(minutes=5)
STALE: Final = timedelta(hours=1)
STAGE_TAG: Final = "mailbus-stage"
HEARTBEAT_TAG: Final = "mailbus-last-used"
TARGET_ID: Final = "tail"
RIGHTS: Final = (
    "needed are events:PutRule, PutTargets, RemoveTargets, DeleteRule on rule/{bus}/{name}, and "
    "sqs:CreateQueue, TagQueue, ReceiveMessage, DeleteQueue on {name}"
)
_GONE: Final = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
# in the description of a rule: without a queue there is no tag
_MADE: Final = re.compile(r"made at (\S+)$")


class LiveEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event, and the whole EventBridge event that it came in."""

    event: AnyEvent
    entry: dict[str, Any]


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """What a killed process had left, and when it was last used."""

    name: str
    last_used: datetime


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def pattern_of(*, event_types: frozenset[str] = frozenset(), job_id: str | None = None) -> dict[str, Any]:
    """Return the pattern of the rule: all of Mailbus's events, or those of some types, or of a job."""
    pattern: dict[str, Any] = {"source": [SOURCE]}
    if event_types:
        pattern["detail-type"] = sorted(map(events.detail_type, event_types))
    if job_id is not None:
        pattern["detail"] = {"job_id": [job_id]}
    return pattern


@contextlib.contextmanager
def open(  # noqa: A001 - read as `event_stream.open`
    deployment: Deployment, *, pattern: Mapping[str, Any] | None = None, now: Callable[[], datetime] = utc_now
) -> Iterator[EventStream]:
    """Make a rule and a queue, and remove them at the end. Raises `CommandError` with what to do."""
    stream = EventStream(deployment, pattern=pattern or pattern_of(), now=now)
    try:
        stream.open()
        yield stream
    except BaseException:
        # its own error is the one to report
        with contextlib.suppress(CommandError):
            stream.close()
        raise
    stream.close()


class EventStream:
    """The events on one queue. Not to be shared by threads."""

    def __init__(
        self, deployment: Deployment, *, pattern: Mapping[str, Any], now: Callable[[], datetime]
    ) -> None:
        self.name = f"{_prefix(deployment.stage)}{secrets.token_hex(6)}"
        self._deployment = deployment
        self._bus = deployment.output("EventBusName")
        self._pattern = pattern
        self._now = now
        self._sqs = deployment.client("sqs")
        self._events = deployment.client("events")
        self._url: str | None = None
        self._last_used = now()
        self._busy = False
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._pool = ThreadPoolExecutor(max_workers=RECEIVERS)

    def open(self) -> None:
        """Make the rule, then the queue, to which only this rule may send.

        A policy that is set later would take up to a minute to count:
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
        """
        stage, made_at = self._deployment.stage, self._last_used.isoformat(timespec="seconds")
        try:
            rule_arn = self._events.put_rule(
                Name=self.name,
                EventBusName=self._bus,
                EventPattern=json.dumps(self._pattern),
                Description=f"Live events for a reader of Mailbus {stage}, made at {made_at}",
            )["RuleArn"]
            queue_arn = _queue_arn(rule_arn, self.name)
            self._url = self._sqs.create_queue(
                QueueName=self.name,
                Attributes={
                    "MessageRetentionPeriod": str(RETENTION_SECONDS),
                    "VisibilityTimeout": str(VISIBILITY_SECONDS),
                    "Policy": json.dumps(_policy(queue_arn, rule_arn)),
                },
                tags={STAGE_TAG: stage, HEARTBEAT_TAG: made_at},
            )["QueueUrl"]
            self._events.put_targets(
                Rule=self.name, EventBusName=self._bus, Targets=[{"Id": TARGET_ID, "Arn": queue_arn}]
            )
        except (ClientError, BotoCoreError) as error:
            raise self._refused(error) from error

    def events(self, wait_seconds: float) -> Iterator[LiveEvent]:
        """Yield the events that have come in; wait for the first one for so long, 20 seconds at most.

        Each event comes once, however often the bus or the queue delivers it.
        """
        try:
            self._beat()
            bodies = self._receive(wait_seconds)
        except (ClientError, BotoCoreError) as error:
            if _code(error) in _GONE:
                reason = "the queue of live events has been removed, since it was not read for an hour"
                raise CommandError(reason, hint="begin again") from error
            raise self._refused(error) from error
        for body in bodies:
            live = _parsed(body)
            if live is not None and self._is_new(live.event.event_id):
                yield live

    def close(self) -> None:
        """Remove rule and queue. Raises `CommandError` if one of them stays."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        try:
            _remove(self._deployment, self.name, self._url)
        except (ClientError, BotoCoreError) as error:
            explained = aws_errors.explain(error)
            reason = f"the rule or the queue {self.name} could not be removed: {explained.reason}"
            raise CommandError(
                reason, hint="the next `mailbus tail` or `mailbus doctor` removes them, in an hour"
            ) from error

    def _receive(self, wait_seconds: float) -> list[str]:
        receivers = RECEIVERS if self._busy else 1
        wait = 0 if self._busy else min(int(wait_seconds), LONGEST_WAIT_SECONDS)
        answers = list(self._pool.map(self._receive_batch, [wait] * receivers))
        self._busy = any(len(bodies) == BATCH for bodies in answers)
        return [body for bodies in answers for body in bodies]

    def _receive_batch(self, wait: int) -> list[str]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait
        )
        return [message["Body"] for message in answer.get("Messages", ())]

    def _beat(self) -> None:
        """Write the time on the queue, every few minutes."""
        now = self._now()
        if now - self._last_used >= HEARTBEAT:
            self._sqs.tag_queue(QueueUrl=self._url, Tags={HEARTBEAT_TAG: now.isoformat(timespec="seconds")})
            self._last_used = now

    def _is_new(self, event_id: str) -> bool:
        if event_id in self._seen:
            return False
        self._seen[event_id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _refused(self, error: ClientError | BotoCoreError) -> CommandError:
        explained = aws_errors.explain(error)
        if explained.kind == "denied":
            rights = RIGHTS.format(bus=self._bus, name=f"{_prefix(self._deployment.stage)}*")
            explained = msgspec.structs.replace(explained, hint=rights)
        return explained.as_error("live events cannot be read")


def remove_stale(deployment: Deployment, *, now: Callable[[], datetime] = utc_now) -> tuple[Removed, ...]:
    """Remove rules and queues of this stage that were not used for an hour; return them.

    Raises botocore's errors: whoever may not list them goes on without.
    """
    stale = {one.name: one for one in (*_stale_rules(deployment, now()), *_stale_queues(deployment, now()))}
    sqs = deployment.client("sqs")
    for name in stale:
        _remove(deployment, name, _url_of(sqs, name))
    return tuple(stale.values())


def _stale_queues(deployment: Deployment, now: datetime) -> Iterator[Removed]:
    sqs = deployment.client("sqs")
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=_prefix(deployment.stage))
    for url in [url for page in pages for url in page.get("QueueUrls", ())]:
        name = url.rpartition("/")[2]
        tags = _tags_of(sqs, url) if _is_of(deployment.stage, name) else {}
        last_used = _instant(tags.get(HEARTBEAT_TAG))
        if tags.get(STAGE_TAG) == deployment.stage and last_used is not None and now - last_used > STALE:
            yield Removed(name=name, last_used=last_used)


def _stale_rules(deployment: Deployment, now: datetime) -> Iterator[Removed]:
    """Yield rules without a queue, which a process leaves that is killed before it has made the queue."""
    sqs, bus = deployment.client("sqs"), deployment.output("EventBusName")
    pages = (
        deployment.client("events")
        .get_paginator("list_rules")
        .paginate(EventBusName=bus, NamePrefix=_prefix(deployment.stage))
    )
    for rule in [rule for page in pages for rule in page["Rules"]]:
        made = _MADE.search(rule.get("Description", ""))
        at = _instant(made[1]) if made else None
        if (
            _is_of(deployment.stage, rule["Name"])
            and at is not None
            and now - at > STALE
            and _url_of(sqs, rule["Name"]) is None
        ):
            yield Removed(name=rule["Name"], last_used=at)


def _remove(deployment: Deployment, name: str, url: str | None) -> None:
    """Remove a rule with its target, and the queue; each also if another one fails."""
    bus, client = deployment.output("EventBusName"), deployment.client("events")
    calls: list[Callable[[], Any]] = [
        lambda: client.remove_targets(Rule=name, EventBusName=bus, Ids=[TARGET_ID]),
        lambda: client.delete_rule(Name=name, EventBusName=bus),
    ]
    if url is not None:
        calls.append(lambda: deployment.client("sqs").delete_queue(QueueUrl=url))
    failed: ClientError | BotoCoreError | None = None
    for call in calls:
        try:
            call()
        except (ClientError, BotoCoreError) as error:
            if _code(error) not in _GONE:
                failed = failed or error
    if failed is not None:
        raise failed


def _parsed(body: str) -> LiveEvent | None:
    """Return the event of a message; None if it is none."""
    try:
        entry = json.loads(body)
    except (ValueError, RecursionError):
        return None
    event = event_of_entry(entry)
    return None if event is None else LiveEvent(event=event, entry=entry)


def _queue_arn(rule_arn: str, name: str) -> str:
    """Return the ARN of a queue in the account and region of a rule."""
    partition, _, region, account = rule_arn.split(":")[1:5]
    return f"arn:{partition}:sqs:{region}:{account}:{name}"


def _policy(queue_arn: str, rule_arn: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": queue_arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
            }
        ],
    }


def _prefix(stage: str) -> str:
    return f"mailbus-{stage}-tail-"


def _is_of(stage: str, name: str) -> bool:
    """Return True if the name is one of the stage's: that of `a-tail-b` begins as those of `a` do."""
    return re.fullmatch(r"[0-9a-f]{12}", name.removeprefix(_prefix(stage))) is not None


def _url_of(sqs: Any, name: str) -> str | None:  # noqa: ANN401 - boto3's client
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except ClientError as error:
        if _code(error) in _GONE:
            return None
        raise


def _tags_of(sqs: Any, url: str) -> dict[str, str]:  # noqa: ANN401 - as above
    try:
        return dict(sqs.list_queue_tags(QueueUrl=url).get("Tags", {}))
    except ClientError as error:
        if _code(error) in _GONE:
            # listed for a while after it was deleted
            return {}
        raise


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _code(error: ClientError | BotoCoreError) -> str:
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""
