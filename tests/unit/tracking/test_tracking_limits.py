"""What a batch may take of the function's time and memory, whatever hangs and whoever wrote its reports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from mailbus.aws.event_bus import EventBus
from mailbus.aws.sqs import Record
from mailbus.ledger.claims import Claim
from mailbus.ledger.records import JobRecord, RecordKey
from mailbus_cdk.settings.schema import Tracking
from tests.unit.fakes.clients import FakeEvents, FakeSqs
from tests.unit.fakes.lambda_context import FakeLambdaContext
from tests.unit.tracking.notifications import envelope, payload, text
from tests.unit.tracking.world import MAX_RECEIVES, NOW, World
from tracking import batch, handler, wiring
from tracking.batch import process
from tracking.normalize import EVENTS_BYTES
from tracking.publishing import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

    from mailbus.events import BusEntry

SECONDS = float(Tracking().timeout_seconds)
HANG = ReadTimeoutError(endpoint_url="https://aws.amazon.com")
DELIVERY = envelope(text("event_delivery"))
POISON = "no envelope"


def notification() -> str:
    """A report without tags: which job it is of, the ledger says."""
    return envelope(text("notification_bounce"))


def sent(number: int = 0) -> str:
    """A report that the ledger has to be told of, if its job is in doubt."""
    changed = payload("event_send")
    changed["mail"]["tags"] |= {"mailbus-job-id": [f"order-{number}"]}
    return envelope(json.dumps(changed))


def large() -> str:
    changed = payload("event_bounce")
    changed["mail"]["headers"].append({"name": "X-Trace", "value": "x" * 300_000})
    return envelope(json.dumps(changed))


def found(world: World, jobs: Sequence[JobRecord]) -> dict[RecordKey, JobRecord]:
    answer = world.wiring.ledger.find([job.key for job in jobs])
    assert isinstance(answer, dict)
    return answer


def opened(recipients: int, padding: int = 0) -> str:
    changed = payload("event_open")
    changed["mail"] |= {
        "destination": [f"reader-{number}@example.org" for number in range(recipients)],
        "headers": [{"name": "X-Long", "value": "x" * padding}],
    }
    return envelope(json.dumps(changed))


CALLS = {
    "dynamodb": ("batch_get_item", "update_item"),
    "events": ("put_events",),
    "sqs": ("send_message", "change_message_visibility"),
    "s3": ("put_object",),
}


def hang(world: World, service: str, seconds: float, *, fails: bool = True) -> None:
    """Have each call of a service take so many seconds of the world's, and then fail or not."""

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


def test_a_ledger_that_hangs_keeps_no_event_from_the_bus_that_needs_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(index_messages=True)
    hang(world, "dynamodb", wiring.CALL_SECONDS)
    back = world.run(monkeypatch, notification(), sent(), DELIVERY, seconds=SECONDS)
    assert back == ["record-0", "record-1"]
    assert "delivered" in {event["event_type"] for event in world.details}
    assert world.now - NOW < SECONDS / 2


def test_what_a_slow_ledger_is_not_told_in_time_goes_back_and_comes_as_events_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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
    back = world.run(monkeypatch, *(sent(number) for number in range(100)), seconds=SECONDS)
    assert len({event["job_id"] for event in world.details}) == 100
    assert world.now - NOW < SECONDS / 2
    told = {record.key for record in found(world, jobs).values() if record.accepted}
    assert 0 < len(told) < 100
    assert back == [f"record-{number}" for number, job in enumerate(jobs) if job.key not in told]


def test_a_store_that_hangs_keeps_only_large_events_from_the_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    hang(world, "s3", wiring.CALL_SECONDS)
    back = world.run(monkeypatch, large(), *([large()] * 4), DELIVERY, seconds=SECONDS)
    assert back == [f"record-{number}" for number in range(5)]
    assert [event["event_type"] for event in world.details] == ["delivered"]
    assert world.now - NOW < SECONDS
    lines = [json.loads(line) for line in world.stream.getvalue().splitlines()]
    assert {line["error"] for line in lines if line["message"] == "requeued"} == {
        "ReadTimeoutError",
        "NotTried",
    }


def test_a_function_without_time_begins_nothing_and_gives_everything_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(index_messages=True)
    back = world.run(monkeypatch, notification(), sent(), DELIVERY, POISON, seconds=5.0)
    assert back == [f"record-{number}" for number in range(4)]
    assert (world.events.calls, world.dynamodb.calls, world.sqs.sent, world.sqs.delayed) == ([], [], [], [])


def test_what_never_had_its_time_is_kept_with_that_as_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    short = wiring.PUBLISH_SECONDS - 1
    assert world.run(monkeypatch, DELIVERY, seconds=short, receive_count=MAX_RECEIVES) == []
    (letter,) = world.sqs.sent
    assert (letter["attributes"]["Error"], letter["attributes"]["Code"]) == ("PublishError", "NotTried")
    assert "no time left" in letter["attributes"]["Reason"]


def test_the_function_is_told_of_its_time_by_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []
    world = World()

    def within(seconds: float) -> Any:
        told.append(seconds)
        return world.within(seconds)

    monkeypatch.setattr(handler, "wire", lambda: within)
    assert handler.lambda_handler({"Records": []}, FakeLambdaContext(29.5)) == {"batchItemFailures": []}  # type: ignore[arg-type] # as Lambda's
    assert told == [29.5]


@settings(max_examples=60, deadline=None)
@given(
    hanging=st.dictionaries(
        st.sampled_from(["dynamodb", "s3", "sqs", "events"]), st.booleans(), min_size=1, max_size=4
    ),
    share=st.floats(0.01, 1),
    seconds=st.sampled_from([SECONDS, 60.0, 900.0]),
    kinds=st.lists(st.sampled_from(["notification", "sent", "large", "delivery", "poison"]), max_size=4),
)
def test_whatever_hangs_the_function_ends_in_its_time(
    hanging: dict[str, bool], share: float, seconds: float, kinds: list[str]
) -> None:
    bodies = {
        "notification": notification(),
        "sent": sent(),
        "large": large(),
        "delivery": DELIVERY,
        "poison": POISON,
    }
    world = World(FakeEvents(), FakeSqs(), index_messages=True)
    for service, fails in hanging.items():
        longest = wiring.PUT_SECONDS if service == "events" else wiring.CALL_SECONDS
        hang(world, service, share * longest, fails=fails)
    process(records(*(bodies[kind] for kind in kinds)), world.within(seconds))
    assert world.now - NOW <= seconds


def test_at_its_least_the_functions_time_holds_a_hanging_ledger_and_a_call_to_the_bus() -> None:
    assert SECONDS * wiring.LEDGER_SHARE + wiring.CALL_SECONDS < SECONDS - wiring.PUBLISH_SECONDS


def records(*bodies: str) -> tuple[Record, ...]:
    return tuple(
        Record(message_id=f"record-{number}", receipt_handle=f"handle-{number}", body=body)
        for number, body in enumerate(bodies)
    )


def test_a_report_on_more_recipients_than_ses_has_is_kept_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    hostile = opened(recipients=5_000)
    assert world.run(monkeypatch, hostile, DELIVERY) == []
    assert [event["event_type"] for event in world.details] == ["delivered"]
    assert world.kept == [("record-0", "InvalidNotification")]
    assert world.sqs.sent[0]["body"] == hostile
    assert f"more than {EVENTS_BYTES}" in world.sqs.sent[0]["attributes"]["Reason"]
    assert "example.org" not in world.sqs.sent[0]["attributes"]["Reason"]


def test_a_report_as_large_as_ses_can_mean_is_published_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    assert world.run(monkeypatch, opened(recipients=50, padding=240_000)) == []
    assert len(world.details) == 50
    assert all(event["esp_event"] for event in world.details)


def test_events_are_wrapped_so_much_at_a_time_as_there_is_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[int] = []
    publish = EventBus.publish

    def measured(bus: EventBus, entries: Sequence[BusEntry], *, seconds: float) -> Any:
        together.append(sum(len(entry.detail) for entry in entries))
        return publish(bus, entries, seconds=seconds)

    monkeypatch.setattr(EventBus, "publish", measured)
    world = World()
    bodies = [opened(recipients=50, padding=20_000)] * 20
    assert world.run(monkeypatch, *bodies) == []
    assert len(world.details) == 1_000
    assert sum(together) > CHUNK_BYTES
    assert max(together) < CHUNK_BYTES


def test_what_a_refused_report_held_is_let_go_of_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = []
    world = World()
    send = world.wiring.dead_letters.send

    def keep(record: Record, error: Any) -> None:
        errors.append(error)
        send(record, error)

    monkeypatch.setattr(world.wiring.dead_letters, "send", keep)
    world.run(monkeypatch, opened(recipients=5_000), envelope('{"eventType": "Bounce"'), POISON)
    assert [(e.__traceback__, e.__cause__, e.__context__) for e in errors] == [(None, None, None)] * 3


def test_a_batch_of_very_many_events_is_worked_off_in_helpings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "EVENTS_AT_ONCE", 20)
    world = World(index_messages=True)
    bodies = [opened(recipients=7), POISON, *(sent(number) for number in range(30)), DELIVERY]
    assert world.run(monkeypatch, *bodies) == []
    assert [event["event_type"] for event in world.details][:7] == ["opened"] * 7
    assert world.details[-1]["event_type"] == "delivered"
    assert world.kept == [("record-1", "InvalidNotification")]
    assert [name for name, _ in world.dynamodb.calls].count("BatchGetItem") > 1
