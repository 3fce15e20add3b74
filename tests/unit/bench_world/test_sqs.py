from __future__ import annotations

from collections import Counter

from bench.world.clock import Clock
from bench.world.sqs import Queue, SqsClient
from tests.unit.bench_world.worlds import chance, process, timed

ARN = "arn:aws:sqs:eu-west-1:123456789012:mailbus-sim-send"
URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/mailbus-sim-send"


def queue(clock: Clock, *, most_in_flight: int = 120_000) -> Queue:
    return Queue(clock, chance(), arn=ARN, visibility=90, most_in_flight=most_in_flight)


def bodies(received: Queue, most: int = 10) -> list[str]:
    return [message.body for message in received.receive(most)]


def wait(clock: Clock, seconds: float) -> None:
    clock.run(clock.now + seconds)


def test_a_message_in_flight_comes_again_when_its_visibility_timeout_is_over() -> None:
    clock = Clock()
    send = queue(clock)
    send.put("a")
    [first] = send.receive(10)
    assert first.record(ARN)["attributes"]["ApproximateReceiveCount"] == "1"
    wait(clock, 89.9)
    assert send.receive(10) == []
    wait(clock, 0.2)
    [second] = send.receive(10)
    assert second.record(ARN)["attributes"]["ApproximateReceiveCount"] == "2"
    assert send.messages == 1


def test_a_deleted_message_never_comes_again_but_one_that_another_has_is_not_deleted() -> None:
    clock = Clock()
    send = queue(clock)
    send.put("a")
    [late] = send.receive(10)
    stale = late.receipt_handle
    wait(clock, 91)
    [again] = send.receive(10)
    send.delete(stale)
    assert send.messages == 1
    send.delete(again.receipt_handle)
    wait(clock, 1000)
    assert (send.messages, send.receive(10)) == (0, [])


def test_a_copy_is_delayed_by_whole_seconds_and_is_not_in_flight_meanwhile() -> None:
    clock = Clock()
    send, calls = queue(clock), Counter[str]()
    client = SqsClient(process(clock), {URL: send}, chance(), calls=calls, dead_letters=[])
    entry = {
        "MessageBody": "a",
        "MessageAttributes": {"Part": {"DataType": "Number", "StringValue": "3"}},
        "DelaySeconds": 2,
    }
    timed(clock, lambda: client.send_message_batch(QueueUrl=URL, Entries=[entry]))
    assert (send.receive(10), send.in_flight, send.messages) == ([], {}, 1)
    wait(clock, 2)
    [copy] = send.receive(10)
    assert copy.record(ARN)["messageAttributes"] == {"Part": {"dataType": "Number", "stringValue": "3"}}
    assert calls == {"SendMessageBatch": 1}


def test_a_message_can_be_hidden_for_longer_or_shown_sooner() -> None:
    clock = Clock()
    send = queue(clock)
    send.put("a")
    send.put("b")
    longer, sooner = send.receive(2)
    send.change_visibility(longer.receipt_handle, 300)
    send.change_visibility(sooner.receipt_handle, 5)
    wait(clock, 5)
    assert bodies(send) == ["b"]
    wait(clock, 90)
    assert bodies(send) == ["b"]
    wait(clock, 205)
    assert "a" in bodies(send)


def test_nothing_is_received_while_too_many_messages_are_in_flight() -> None:
    clock = Clock()
    send = queue(clock, most_in_flight=3)
    for _ in range(5):
        send.put("a")
    taken = send.receive(10)
    assert (len(taken), send.receive(10)) == (3, [])
    send.delete(taken[0].receipt_handle)
    assert len(send.receive(10)) == 1


def test_messages_that_come_again_are_drawn_in_proportion_to_new_ones() -> None:
    clock = Clock()
    send = queue(clock)
    for _ in range(1000):
        send.put("again", {})
    for _ in range(3000):
        send.put("new")
    drawn = Counter(body for _ in range(100) for body in bodies(send))
    assert 220 <= drawn["again"] <= 280
    assert drawn.total() == 1000


def test_a_queue_knows_since_when_it_has_messages() -> None:
    clock = Clock()
    send = queue(clock)
    send.put("a")
    [message] = send.receive(1)
    send.delete(message.receipt_handle)
    wait(clock, 10)
    send.put("b")
    wait(clock, 10)
    send.put("c")
    assert send.filled_at == clock.now - 10
