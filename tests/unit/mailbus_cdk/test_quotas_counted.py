"""What the table of quotas says of a mail, as the code's own calls are counted, in full batches.

SNS's messages are counted where SES is simulated, in tests/unit/mailbus_local/ses/events/test_publishing.py,
and the webhook's requests where it is deployed, in tests/e2e/test_webhook.py.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from inbound.handler import process
from mailbus_cdk import limits
from mailbus_cdk.quotas import BY_NAME
from mailbus_cdk.settings import Settings
from sender.rate.pacer import Pacer
from sender.rate.slots import Limits
from tests.unit.inbound.encrypted_mail import ENCRYPTED, EncryptingWorld, FakeKms, encrypted
from tests.unit.inbound.encrypted_mail import MAIL as RECEIVED
from tests.unit.inbound.world import received, record
from tests.unit.mailbus.timeline.timelines import event, message
from tests.unit.sender.rate.shared_item import NOW, SharedItem
from tests.unit.sender.world import World as Sender
from tests.unit.timeline.recording import Function as Timeline
from tests.unit.tracking.notifications import envelope, payload
from tests.unit.tracking.world import World as Tracking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailbus.events import EventType

MAILS: Final = 100
SETTINGS: Final = Settings(stage="prod", region="us-east-1", identity="example.com")
#: What SES reports of a mail that arrives, and is opened and clicked once.
REPORTED: Final = ("send", "delivery", "open", "click")
#: The events of that mail on the bus.
EVENTS: Final[tuple[EventType, ...]] = ("queued", "sent", "delivered", "opened", "clicked")
#: The write units of an operation on items of up to 1 KB, for each item:
#: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
WRITE_UNITS: Final = {"BatchExecuteStatement": 1, "BatchWriteItem": 1, "UpdateItem": 1, "PutItem": 1}
#: The read units, consistent, of up to 4 KB.
READ_UNITS: Final = {"BatchGetItem": 1, "Query": 1, "GetItem": 1}


@pytest.fixture(scope="module")
def sender() -> Sender:
    """A sender that has sent the mails, in full batches."""
    world = Sender()
    for number in range(MAILS):
        world.put(to=f"reader{number}")
    size = limits.sender(SETTINGS).batch_size
    for _ in range(MAILS // size):
        world.deliver(size)
    assert len(world.ses.mails) == MAILS
    return world


@pytest.fixture(scope="module")
def tracking() -> Tracking:
    """A tracking function that has processed SES's reports of the mails, in full batches."""
    world = Tracking()
    assert limits.TRACKING.batch_size == MAILS
    for kind in REPORTED:
        assert world.run(*(reported(kind, number) for number in range(MAILS))) == []
    return world


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    """A timeline that has recorded each kind of event of all mails in batches of its own."""
    function = Timeline()
    assert limits.TIMELINE.batch_size == MAILS
    for minute, kind in enumerate(EVENTS):
        of_kind = [
            event(kind, minute, message_id=message(number), job_id=f"order-{number}")
            for number in range(MAILS)
        ]
        assert function.record(*of_kind) == []
    return function


def reported(kind: str, number: int) -> str:
    changed: dict[str, Any] = payload(f"event_{kind}")
    changed["mail"] |= {
        "destination": [f"reader{number}@example.org"],
        "messageId": f"0102019a9c1f0a26-{number:06}",
    }
    changed["mail"]["tags"] |= {"mailbus-job-id": [f"order-{number}"]}
    if "recipients" in changed.get(kind, {}):
        changed[kind]["recipients"] = [f"reader{number}@example.org"]
    return envelope(json.dumps(changed))


def units(calls: Iterable[tuple[str, int]], costs: dict[str, int]) -> int:
    """The units of calls; each operation must be in one of the tables."""
    made = list(calls)
    assert {operation for operation, _ in made} <= {*WRITE_UNITS, *READ_UNITS}
    return sum(costs.get(operation, 0) * items for operation, items in made)


def per_mail(name: str) -> float:
    return BY_NAME[name].per_mail


def in_timeline(name: str) -> float:
    return BY_NAME[name].per_mail_in_timeline


def test_a_mail_is_one_recipient_of_one_call_of_ses(sender: Sender) -> None:
    assert len(sender.ses.requests) == MAILS
    assert sum(len(mail.recipients) for mail in sender.ses.mails) / MAILS == per_mail("ses-rate")


def test_calls_of_put_events(sender: Sender, tracking: Tracking) -> None:
    assert (len(sender.events.calls) + len(tracking.events.calls)) / MAILS == per_mail("events-put")


def test_events_that_rules_pass_on(sender: Sender, tracking: Tracking) -> None:
    entries = [*sender.events.taken, *tracking.events.taken]
    kinds = Counter(entry["DetailType"] for entry in entries)
    assert kinds == {f"email.{kind}": MAILS for kind in EVENTS}
    # by the timeline's rule; tests/infra/test_expected_rate.py counts the rules
    assert len(entries) / MAILS == in_timeline("events-invocations")


def test_write_and_read_units_of_the_ledger(sender: Sender, tracking: Tracking) -> None:
    calls = [*sender.dynamodb.calls, *tracking.dynamodb.calls]
    assert units(calls, WRITE_UNITS) / MAILS == per_mail("ledger-writes") == per_mail("ledger-new-table")
    assert units(calls, READ_UNITS) / MAILS == per_mail("ledger-reads")


def test_writes_of_the_rates_item(sender: Sender) -> None:
    item, limits = SharedItem(), Limits(max_send_rate=1_000.0)
    pacer = Pacer(item.rates(), lambda: limits, cache_seconds=60, clock=lambda: NOW, sleep=lambda _: None)
    # it is asked for the limits once
    pacer.largest_call()
    item.calls.clear()
    for recipients, lane in sender.pace.reserved:
        pacer.reserve(recipients, lane)
    assert item.calls.count("write") / MAILS == per_mail("rate-item")


def test_write_units_of_the_timeline(timeline: Timeline) -> None:
    made = units(timeline.dynamodb.calls, WRITE_UNITS) / MAILS
    assert made == in_timeline("timeline-writes") == in_timeline("timeline-new-table")


def test_entries_of_a_shard_of_the_timelines_index(timeline: Timeline) -> None:
    shards = Counter(item["shard"]["S"] for item in timeline.dynamodb.items.values() if "shard" in item)
    assert sum(shards.values()) == MAILS, "an entry a mail"
    assert len(shards) == 1 / in_timeline("timeline-shard"), "spread over all shards"


def test_a_job_for_later_is_one_schedule_and_a_job_for_now_none(sender: Sender) -> None:
    assert sender.scheduler.schedules == {}
    world = Sender()
    due = datetime.fromtimestamp(world.clock.now, UTC) + timedelta(hours=1)
    for number in range(10):
        world.put(to=f"reader{number}", send_at=due.isoformat())
    world.deliver()
    made = len(world.scheduler.schedules) / 10
    assert made == per_mail("scheduler-create") == per_mail("scheduler-invocations")


def test_a_received_mail_that_is_encrypted_is_decrypted_once() -> None:
    kms = FakeKms()
    content, metadata = encrypted(RECEIVED, kms)
    world = EncryptingWorld(content, metadata, kms, ENCRYPTED)
    assert process([record(received())], world.wiring) == ()
    # SES has made the key before: tests/unit/mailbus_local/ses/receiving/test_encryption.py
    assert 1 + kms.asked == per_mail("kms-requests")


def test_every_quota_that_grows_with_the_mails_is_counted() -> None:
    assert {name for name, quota in BY_NAME.items() if quota.per_mail or quota.per_mail_in_timeline} == {
        "ses-rate",
        "sns-publish",
        "api-requests",
        "kms-requests",
        "events-put",
        "events-invocations",
        "ledger-writes",
        "ledger-new-table",
        "ledger-reads",
        "rate-item",
        "timeline-writes",
        "timeline-new-table",
        "timeline-shard",
        "scheduler-create",
        "scheduler-invocations",
    }
