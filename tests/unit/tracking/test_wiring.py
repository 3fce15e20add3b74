"""The batch's time: what happens if a service does not answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbus.aws.sqs import Record
from mailbus.ledger.claims import Claim
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus_cdk.limits import TRACKING
from tests.unit.fakes.clients import BUS, DEAD_LETTERS, FakeEvents, FakeSqs
from tests.unit.fakes.dynamodb import TABLE
from tests.unit.tracking.notifications import (
    TOPIC,
    envelope,
    payload,
    sent,
    text,
)
from tests.unit.tracking.world import EVENTS_BUCKET, MAX_RECEIVES, NOW, QUEUE, World
from tracking import wiring
from tracking.batch import process
from tracking.health import HealthNotes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest


FUNCTION = "mailbus-dev-tracking"


def test_the_tracker_is_wired_once_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "EVENT_BUS_NAME": BUS,
        "DEAD_LETTER_QUEUE_URL": DEAD_LETTERS,
        "TRACKING_TOPIC_ARN": TOPIC,
        "TRACKING_QUEUE_URL": QUEUE,
        "LEDGER_TABLE_NAME": TABLE,
        "MAX_RECEIVES": "10",
        "EVENTS_BUCKET_NAME": EVENTS_BUCKET,
        "ESP_EVENTS_PREFIX": "esp-events/",
    }.items():
        monkeypatch.setenv(name, value)
    wiring.wire.cache_clear()
    try:
        assert wiring.wire(FUNCTION) is wiring.wire(FUNCTION)
        assert wiring.wire(FUNCTION)(30.0).settings.tracking_topic_arn == TOPIC
    finally:
        wiring.wire.cache_clear()


SECONDS = float(TRACKING.timeout_seconds)
HANG = ReadTimeoutError(endpoint_url="https://aws.amazon.com")
DELIVERY = envelope(text("event_delivery"))
INVALID = "no envelope"


def notification() -> str:
    """A notification without tags: its job is found in the ledger."""
    return envelope(text("notification_bounce"))


def large() -> str:
    changed = payload("event_bounce")
    changed["mail"]["headers"].append({"name": "X-Trace", "value": "x" * 300_000})
    return envelope(json.dumps(changed))


def found(world: World, jobs: Sequence[JobRecord]) -> dict[RecordKey, JobRecord]:
    return world.tracker.ledger.find([job.key for job in jobs])


CALLS = {
    "dynamodb": ("batch_get_item", "update_item"),
    "events": ("put_events",),
    "sqs": ("send_message", "change_message_visibility_batch"),
    "s3": ("put_object",),
}


def hang(world: World, service: str, seconds: float, *, fails: bool = True) -> None:
    """Have each call of a service take so many seconds of the world, then fail or not."""

    def slow(call: Callable[..., Any]) -> Callable[..., Any]:
        def waited(**request: Any) -> Any:
            world.now += seconds
            if fails:
                raise HANG
            return call(**request)

        return waited

    fake = getattr(world, service)
    for name in CALLS[service]:
        setattr(fake, name, slow(getattr(fake, name)))


def test_a_ledger_that_hangs_delays_no_event_that_does_not_need_it() -> None:
    world = World(index_messages=True)
    hang(world, "dynamodb", wiring.CALL_SECONDS)
    requeued = world.run(notification(), sent(), DELIVERY, seconds=SECONDS)
    assert requeued == ["record-0", "record-1"]
    assert "delivered" in {event["event_type"] for event in world.details}
    assert world.now - NOW < SECONDS / 2


def test_acceptances_not_recorded_in_time_are_requeued_and_their_events_published() -> None:
    world = World()
    jobs = [
        JobRecord(
            key=RecordKey(job_id=f"order-{number}"),
            fingerprint="9f86d081884c7d659a2feaa0c55ad015",
            open=(0,),
            called_at=NOW - 60,
            lease_until=NOW,
            expires_at=int(NOW) + 604_800,
        )
        for number in range(100)
    ]
    world.claims.claim([Claim(record=job) for job in jobs], now=NOW - 60)
    hang(world, "dynamodb", wiring.READ_TIMEOUT, fails=False)
    requeued = world.run(*(sent(number) for number in range(100)), seconds=SECONDS)
    assert len({event["job_id"] for event in world.details}) == 100
    assert world.now - NOW < SECONDS / 2
    recorded = {record.key for record in found(world, jobs).values() if record.accepted}
    assert 0 < len(recorded) < 100
    assert requeued == [f"record-{number}" for number, job in enumerate(jobs) if job.key not in recorded]


def test_a_ledger_that_takes_all_of_its_time_fails_no_batch() -> None:
    world = World()
    world.health = HealthNotes()
    hang(world, "dynamodb", wiring.CALL_SECONDS)
    # that a report was late is to be recorded
    assert world.run(sent(0), DELIVERY, seconds=SECONDS, sent_at=NOW - 100) == ["record-0"]
    assert world.details[-1]["event_type"] == "delivered"


def test_s3_that_hangs_delays_only_large_events() -> None:
    world = World()
    hang(world, "s3", wiring.CALL_SECONDS)
    requeued = world.run(large(), *([large()] * 4), DELIVERY, seconds=SECONDS)
    assert requeued == [f"record-{number}" for number in range(5)]
    assert [event["event_type"] for event in world.details] == ["delivered"]
    assert world.now - NOW < SECONDS
    lines = [json.loads(line) for line in world.stream.getvalue().splitlines()]
    assert {line["error"] for line in lines if line["message"] == "requeued"} == {
        "ReadTimeoutError",
        "NotTried",
    }


def test_a_function_without_time_calls_nothing_and_requeues_everything() -> None:
    world = World(index_messages=True)
    requeued = world.run(notification(), sent(), DELIVERY, INVALID, seconds=5.0)
    assert requeued == [f"record-{number}" for number in range(4)]
    assert (world.events.calls, world.dynamodb.calls, world.sqs.sent, world.sqs.delayed) == ([], [], [], [])


def test_a_record_that_never_had_enough_time_is_dead_lettered_with_that_reason() -> None:
    world = World()
    short = wiring.PUBLISH_SECONDS - 1
    assert world.run(DELIVERY, seconds=short, receive_count=MAX_RECEIVES) == []
    (dead_letter,) = world.sqs.sent
    assert (dead_letter["attributes"]["Error"], dead_letter["attributes"]["Code"]) == (
        "PublishError",
        "NotTried",
    )
    assert "no time left" in dead_letter["attributes"]["Reason"]


@settings(max_examples=60, deadline=None)
@given(
    hanging=st.dictionaries(
        st.sampled_from(["dynamodb", "s3", "sqs", "events"]), st.booleans(), min_size=1, max_size=4
    ),
    share=st.floats(0.01, 1),
    seconds=st.sampled_from([SECONDS, 60.0, 900.0]),
    kinds=st.lists(st.sampled_from(["notification", "sent", "large", "delivery", "invalid"]), max_size=4),
)
def test_whichever_service_hangs_the_function_ends_in_time(
    hanging: dict[str, bool], share: float, seconds: float, kinds: list[str]
) -> None:
    bodies = {
        "notification": notification(),
        "sent": sent(),
        "large": large(),
        "delivery": DELIVERY,
        "invalid": INVALID,
    }
    world = World(FakeEvents(), FakeSqs(), index_messages=True)
    for service, fails in hanging.items():
        longest = wiring.PUT_SECONDS if service == "events" else wiring.CALL_SECONDS
        hang(world, service, share * longest, fails=fails)
    process(records(*(bodies[kind] for kind in kinds)), world.within(seconds))
    assert world.now - NOW <= seconds


def test_the_shortest_timeout_has_time_for_a_hanging_ledger_and_a_call_to_the_bus() -> None:
    assert SECONDS * wiring.LEDGER_SHARE + wiring.CALL_SECONDS < SECONDS - wiring.PUBLISH_SECONDS


def records(*bodies: str) -> tuple[Record, ...]:
    return tuple(
        Record(message_id=f"record-{number}", receipt_handle=f"handle-{number}", body=body)
        for number, body in enumerate(bodies)
    )
