"""Events are put on the bus in few calls, and failures are retried or reported by position."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from mailbus.aws.event_bus import (
    ATTEMPTS,
    CALL_BYTES,
    NOT_TRIED,
    OVER_THE_LIMIT,
    SHORT_ENTRY_CHARACTERS,
    TOO_LARGE,
    WORKERS,
    EventBus,
    entry_size,
)
from mailbus.bus_entries import BusEntry
from mailbus.environment import ENTRY_BYTES
from tests.unit.fakes.clients import BUS, FakeEvents, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANSWERED = {"RequestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef", "HTTPHeaders": {}, "RetryAttempts": 0}
IDENTITY = "arn:aws:ses:eu-west-1:210987654321:identity/shop.example.com"


def delivered(number: int, padding: int = 0) -> BusEntry:
    detail = json.dumps({"event_type": "delivered", "number": number, "padding": "x" * padding})
    return BusEntry(detail_type="email.delivered", time=NOON, detail=detail, resources=(IDENTITY,))


def event(detail: str) -> BusEntry:
    return BusEntry(detail_type="email.delivered", time=NOON, detail=detail, resources=(IDENTITY,))


def number_of(entry: dict[str, str]) -> int:
    return int(json.loads(entry["Detail"])["number"])


def make(client: FakeEvents, naps: list[float] | None = None) -> EventBus:
    return EventBus(client, BUS, sleep=(naps if naps is not None else []).append)  # type: ignore[arg-type] # a fake


def test_an_entry_is_put_on_the_named_bus_with_its_time_type_and_resources() -> None:
    client = FakeEvents()
    assert make(client).publish([delivered(1)]) == {}
    assert client.taken == [
        {
            "EventBusName": BUS,
            "Source": "mailbus",
            "DetailType": "email.delivered",
            "Time": NOON,
            "Detail": delivered(1).detail,
            "Resources": (IDENTITY,),
        }
    ]


def test_no_entries_make_no_call() -> None:
    client = FakeEvents()
    assert make(client).publish([]) == {}
    assert client.calls == []


def test_a_call_has_at_most_ten_entries() -> None:
    client = FakeEvents()
    assert make(client).publish([delivered(number) for number in range(23)]) == {}
    assert sorted(len(call) for call in client.calls) == [3, 10, 10]


def test_a_call_of_large_entries_stays_within_its_bytes() -> None:
    client = FakeEvents()
    assert make(client).publish([delivered(number, padding=240_000) for number in range(8)]) == {}
    assert [len(call) for call in client.calls] == [4, 4]


@pytest.mark.parametrize("filling", ['"', "\\", "ö", "😀", "x", "\x7f"])
@pytest.mark.parametrize("length", [30, SHORT_ENTRY_CHARACTERS - 110, 9_000, 50_000])
def test_no_call_of_several_entries_has_more_than_its_bytes_on_the_wire(filling: str, length: int) -> None:
    client = FakeEvents()
    details = [json.dumps({"number": n, "text": filling * length}, ensure_ascii=False) for n in range(40)]
    assert make(client).publish([event(detail) for detail in details]) == {}
    # as botocore serializes it
    assert all(len(json.dumps({"Entries": call}, default=str)) <= CALL_BYTES for call in client.calls)
    assert sorted(entry["Detail"] for entry in client.taken) == sorted(details)


@pytest.mark.parametrize(
    ("code", "message", "status"),
    [
        ("ValidationException", f"{OVER_THE_LIMIT}.", 400),
        ("413", "Request Entity Too Large", 413),
        ("RequestEntityTooLargeException", "", 413),
    ],
)
def test_a_call_refused_for_its_size_is_split_and_an_entry_refused_alone_is_too_large(
    code: str, message: str, status: int
) -> None:
    class Strict(FakeEvents):
        def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
            if len(Entries) > 1 or "x" * 1000 in Entries[0]["Detail"]:
                self.calls.append(Entries)
                error = ClientError({"Error": {"Code": code, "Message": message}}, "PutEvents")
                error.response["ResponseMetadata"] = ANSWERED | {"HTTPStatusCode": status}  # type: ignore[typeddict-item] # typed as a dict
                raise error
            return super().put_events(Entries=Entries)

    client = Strict()
    failures = make(client).publish([delivered(0), delivered(1, padding=1000), delivered(2)])
    assert {index: (failure.code, failure.retryable) for index, failure in failures.items()} == {
        1: (TOO_LARGE, False)
    }
    assert [number_of(entry) for entry in client.taken] == [0, 2]
    assert len(client.calls) == 4


def test_only_the_entries_that_failed_are_put_again() -> None:
    tries: dict[int, int] = {}

    def once_throttled(entry: dict[str, str]) -> str | None:
        number = number_of(entry)
        tries[number] = tries.get(number, 0) + 1
        return "ThrottlingException" if number in {3, 7} and tries[number] == 1 else None

    client = FakeEvents(once_throttled)
    naps: list[float] = []
    assert make(client, naps).publish([delivered(number) for number in range(10)]) == {}
    assert [[number_of(entry) for entry in call] for call in client.calls] == [list(range(10)), [3, 7]]
    assert len(naps) == 1


def test_an_entry_that_keeps_failing_is_reported_by_its_position() -> None:
    client = FakeEvents(lambda entry: "InternalFailure" if number_of(entry) == 2 else None)
    failures = make(client).publish([delivered(number) for number in range(4)])
    assert list(failures) == [2]
    assert failures[2].code == "InternalFailure"
    assert failures[2].retryable
    assert len(client.calls) == ATTEMPTS


def test_a_malformed_entry_is_not_retried_and_not_retryable() -> None:
    client = FakeEvents(lambda entry: "MalformedDetail" if number_of(entry) == 0 else None)
    failures = make(client).publish([delivered(0), delivered(1)])
    assert {index: (failure.code, failure.retryable) for index, failure in failures.items()} == {
        0: ("MalformedDetail", False)
    }
    assert len(client.calls) == 1


def test_an_entry_over_the_limit_is_not_put_and_the_others_are() -> None:
    client = FakeEvents()
    failures = make(client).publish([delivered(0, padding=ENTRY_BYTES), delivered(1)])
    assert {index: (failure.code, failure.retryable) for index, failure in failures.items()} == {
        0: ("EntryTooLarge", False)
    }
    assert [number_of(entry) for entry in client.taken] == [1]


def test_a_permanent_failure_stays_reported_while_others_are_retried() -> None:
    client = FakeEvents(outages=(refusal("ThrottlingException"),))
    failures = make(client).publish([delivered(0, padding=ENTRY_BYTES), delivered(1)])
    assert list(failures) == [0]


def test_a_call_without_an_answer_is_made_again() -> None:
    outage = EndpointConnectionError(endpoint_url="https://events.eu-west-1.amazonaws.com")
    client = FakeEvents(outages=(outage, refusal("InternalException")))
    assert make(client).publish([delivered(1), delivered(2)]) == {}
    assert [number_of(entry) for entry in client.taken] == [1, 2]


def test_a_lasting_outage_leaves_every_entry_retryable() -> None:
    client = FakeEvents(outages=(refusal("AccessDeniedException"),) * ATTEMPTS)
    failures = make(client).publish([delivered(1), delivered(2)])
    assert {index: (failure.code, failure.retryable) for index, failure in failures.items()} == {
        0: ("AccessDeniedException", True),
        1: ("AccessDeniedException", True),
    }


class HangingEvents(FakeEvents):
    """Each call takes `seconds`, those that are made side by side the same."""

    def __init__(self, seconds: float, outages: tuple[Exception, ...] = ()) -> None:
        super().__init__(outages=outages)
        self.seconds = seconds
        self.now = 0.0

    def put_events(self, *, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - AWS's name
        self.now += self.seconds
        return super().put_events(Entries=Entries)

    def side_by_side(self, step: Callable[[T], R], items: Sequence[T], _most: int, /) -> list[R]:
        began, results = self.now, []
        for item in items:
            self.now = began
            results.append(step(item))
        return results

    def bus(self) -> EventBus:
        return EventBus(
            self,  # type: ignore[arg-type] # a fake
            BUS,
            sleep=lambda _: None,
            clock=lambda: self.now,
            side_by_side=self.side_by_side,
        )


def test_no_call_is_retried_after_failed_calls_have_taken_too_long() -> None:
    hang = ReadTimeoutError(endpoint_url="https://events.eu-west-1.amazonaws.com")
    client = HangingEvents(4.0, outages=(hang,) * 100)
    failures = client.bus().publish([delivered(number) for number in range(250)])
    assert len(client.calls) == 2 * WORKERS
    assert Counter((failure.code, failure.retryable) for failure in failures.values()) == {
        ("ReadTimeoutError", True): 160,
        (NOT_TRIED, True): 90,
    }


def test_calls_are_made_side_by_side() -> None:
    together = threading.Barrier(5, timeout=10)

    def wait(_: object) -> None:
        together.wait()

    client = FakeEvents(refuses=wait)
    assert make(client).publish([delivered(number) for number in range(45)]) == {}
    assert len(client.taken) == 45


def test_a_single_call_starts_no_thread() -> None:
    threads: list[str] = []
    client = FakeEvents(refuses=lambda _: threads.append(threading.current_thread().name))
    make(client).publish([delivered(number) for number in range(10)])
    assert threads == [threading.current_thread().name]


def test_very_many_events_leave_the_function_time_for_its_other_work() -> None:
    client = FakeEvents()
    bus = EventBus(client, BUS, sleep=lambda _: None, clock=lambda: float(len(client.calls)))  # type: ignore[arg-type] # a fake
    failures = bus.publish([delivered(number) for number in range(500)])
    assert len(client.taken) == 240
    assert {(failure.code, failure.retryable) for failure in failures.values()} == {(NOT_TRIED, True)}
    assert len(failures) == 260


def test_no_call_begins_after_the_callers_deadline() -> None:
    client = FakeEvents()
    bus = EventBus(client, BUS, sleep=lambda _: None, clock=lambda: float(len(client.calls)))  # type: ignore[arg-type] # a fake
    failures = bus.publish([delivered(number) for number in range(500)], seconds=2 * WORKERS)
    assert len(client.calls) == 2 * WORKERS
    assert {failure.code for failure in failures.values()} == {NOT_TRIED}
    assert len(bus.publish([delivered(1)], seconds=-3.0)) == 1
    assert len(client.calls) == 2 * WORKERS


def test_a_slow_bus_that_accepts_everything_is_not_given_up() -> None:
    client = HangingEvents(4.0)
    assert client.bus().publish([delivered(number) for number in range(45)]) == {}
    assert len(client.taken) == 45


def test_a_bad_entry_that_fails_its_call_does_not_fail_the_other_entries() -> None:
    client = FakeEvents(
        refuses=lambda call: "ValidationException" if any(number_of(e) == 1 for e in call) else None
    )
    failures = make(client).publish([delivered(number) for number in range(3)])
    assert {index: failure.retryable for index, failure in failures.items()} == {1: False}
    assert [number_of(entry) for entry in client.taken] == [0, 2]


def test_an_entrys_size_counts_bytes_not_characters() -> None:
    plain = BusEntry(detail_type="email.opened", time=NOON, detail='{"description":"e"}')
    accented = BusEntry(detail_type="email.opened", time=NOON, detail='{"description":"é"}')
    assert entry_size(plain) == 14 + len("mailbus") + len("email.opened") + 19
    assert entry_size(accented) == entry_size(plain) + 1
