"""Merges on their way: entries with a fate of their own, calls in parts, jobs in parts."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from sender.batch import process
from sender.rate.gcra import QuotaExhausted, RetryAfter, SendAt
from tests.unit.sender.fake_world import (
    BULK_QUEUE,
    FUNCTION_SECONDS,
    JOBS_BUCKET,
    START,
    Lost,
    World,
    letter,
    newsletter,
    people,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GONE = {"filename": "brochure.pdf", "s3": {"bucket": "shop-invoices", "key": "gone.pdf"}}
UNANSWERED = ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com")
AWAY = EndpointConnectionError(endpoint_url="https://sqs.eu-west-1.amazonaws.com")
THROTTLED = refusal("TooManyRequestsException", "Maximum sending rate exceeded.", 429)


@pytest.mark.parametrize(("count", "calls"), [(1, [1]), (50, [50]), (51, [50, 1]), (130, [50, 50, 30])])
def test_each_recipient_of_a_merge_gets_one_message_in_calls_of_at_most_fifty(
    count: int, calls: list[int]
) -> None:
    world = World()
    world.put(**newsletter(count))
    world.run(60)
    assert sorted(len(request["BulkEmailEntries"]) for request in world.ses.requests) == sorted(calls)
    assert sorted(world.ses.sent_to) == sorted(people(count))
    assert sorted(world.told_of("queued")) == sorted(people(count))
    assert len(world.told) == count
    assert (world.queues.messages, world.queues.dead) == ({}, [])
    assert {mail.job_id for mail in world.ses.mails} == {"job-news"}


def test_each_event_of_a_merge_has_its_recipients_own_metadata_and_message() -> None:
    world = World()
    world.put(**newsletter(3, metadata={"campaign": "spring"}))
    world.deliver()
    ids = {mail.recipients[0]: mail.message_id for mail in world.ses.mails}
    assert [event["metadata"] for event in world.told] == [
        {"campaign": "spring", "customer": name} for name in people(3)
    ]
    assert {event["recipient"]: event["message_id"] for event in world.told} == ids


def test_copies_of_a_merge_are_counted_and_announced_with_each_message() -> None:
    world = World()
    world.put(**newsletter(2, cc=["desk@example.com"]))
    world.deliver()
    assert world.pace.asked == [([4], "transactional")]
    assert Counter(world.told_of("queued")) == {"c0": 1, "c1": 1, "desk": 2}


def test_only_the_entries_that_may_pass_are_tried_again() -> None:
    world = World()
    world.ses.answers = {"c1": ["TRANSIENT_FAILURE"], "c3": ["ACCOUNT_THROTTLED", "ACCOUNT_THROTTLED"]}
    world.put(**newsletter(5))
    world.deliver()
    assert sorted(world.told_of("queued")) == ["c0", "c2", "c4"]
    assert list(world.queues.messages) == ["sqs-0"]
    world.run()
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [5, 2, 1]
    assert sorted(world.ses.sent_to) == people(5)
    assert sorted(world.told_of("queued")) == people(5)
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_entries_that_fail_for_good_are_announced_each_and_kept_once_at_the_end() -> None:
    world = World()
    world.ses.answers = {
        "c1": ["MESSAGE_REJECTED"] * 9,
        "c2": ["TRANSIENT_FAILURE"],
        "c3": ["TEMPLATE_NOT_FOUND"] * 9,
    }
    world.put(**newsletter(5))
    world.deliver()
    assert (world.told_of("rejected"), world.told_of("failed"), world.queues.dead) == (["c1"], ["c3"], [])
    world.run()
    assert sorted(world.ses.sent_to) == ["c0", "c2", "c4"]
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [5, 1]
    assert (world.told_of("rejected"), world.told_of("failed")) == (["c1"], ["c3"])
    assert len(world.queues.dead) == 1
    assert "2 of 5 recipients failed (MESSAGE_REJECTED, TEMPLATE_NOT_FOUND)" in world.reasons[0]
    assert world.queues.messages == {}


def test_sent_again_from_the_dead_letter_queue_only_the_failed_recipients_get_a_message() -> None:
    world = World()
    world.ses.answers = {"c1": ["MESSAGE_REJECTED"]}
    world.put(**newsletter(3))
    world.deliver()
    world.resend(world.queues.dead.pop())
    world.run()
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [3, 1]
    assert sorted(world.ses.sent_to) == people(3)
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_a_merge_without_an_id_is_the_same_job_however_often_it_comes_from_the_dead_letter_queue() -> None:
    world = World()
    world.ses.answers = {"c1": ["MESSAGE_REJECTED"] * 2}
    message_id = world.put(**newsletter(3, job_id=None))
    for _ in range(2):
        world.deliver()
        dead = world.queues.dead.pop()
        assert dead["MessageAttributes"]["OriginalMessageId"]["StringValue"] == message_id
        world.resend(dead)
    world.run()
    assert sorted(world.ses.sent_to) == people(3)
    assert {mail.job_id for mail in world.ses.mails} == {message_id}
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_a_part_in_the_dead_letter_queue_keeps_its_number_and_is_sent_again_by_itself() -> None:
    world = World()
    world.ses.answers = {"c60": ["MESSAGE_REJECTED"]}
    world.put(**newsletter(130))
    world.run(60)
    [dead] = world.queues.dead
    assert dead["MessageAttributes"]["Part"] == {"DataType": "Number", "StringValue": "1"}
    world.resend(dead)
    world.run(60)
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(130), 1)
    assert [mail.entry for mail in world.ses.mails if mail.recipients[0] == "c60@example.org"] == ["1-10"]


def test_a_retry_of_entries_is_given_up_after_so_many_attempts() -> None:
    world = World()
    world.ses.answers = {"c1": ["TRANSIENT_FAILURE"] * 20}
    world.put(**newsletter(3))
    world.run(24 * 3600)
    assert len(world.ses.requests) == 5
    assert (sorted(world.told_of("queued")), world.told_of("failed")) == (["c0", "c2"], ["c1"])
    assert (len(world.queues.dead), world.queues.messages) == (1, {})


def test_a_bulk_call_that_is_refused_as_a_whole_sends_nobody_twice() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    world.put(**newsletter(50))
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(50), 1)


@pytest.mark.parametrize("on_unknown", ["resend", "fail"])
def test_a_bulk_call_without_an_answer_is_settled_by_its_events(on_unknown: str) -> None:
    world = World(on_unknown=on_unknown)
    world.ses.calls = [Lost(UNANSWERED)]
    world.put(**newsletter(50))
    world.deliver()
    assert (world.told, world.outcomes) == ([], ["unanswered"])
    world.tell()
    world.run()
    assert len(world.ses.requests) == 1
    assert sorted(world.told_of("queued")) == sorted(people(50))
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_entries_without_an_answer_are_waited_for_and_the_others_are_announced_at_once() -> None:
    world = World()
    world.ses.answers = {"c1": [Lost(UNANSWERED)], "c2": ["NEW_STATUS"]}
    world.put(**newsletter(4))
    world.deliver()
    assert sorted(world.told_of("queued")) == ["c0", "c3"]
    assert world.record("job-news").open == (1, 2)
    world.tell()
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(4), 1)
    assert sorted(world.told_of("queued")) == people(4)


def test_entries_that_stay_unknown_fail_where_nothing_may_be_sent_twice() -> None:
    world = World(on_unknown="fail")
    world.ses.answers = {"c1": [Lost(UNANSWERED)], "c2": ["TRANSIENT_FAILURE"]}
    world.put(**newsletter(4))
    world.run(24 * 3600)
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(4), 1)
    assert (sorted(world.told_of("queued")), world.told_of("failed")) == (["c0", "c2", "c3"], ["c1"])
    assert (len(world.queues.dead), world.queues.messages) == (1, {})
    assert world.reasons[0].startswith("OutcomeUnknown")


def test_entries_that_failed_are_not_tried_again_when_the_others_turn_out_to_be_accepted() -> None:
    world = World()
    world.ses.answers = {"c0": ["MESSAGE_REJECTED"], "c1": [Lost(UNANSWERED)], "c2": ["INVALID_PARAMETER"]}
    world.put(**newsletter(3))
    world.deliver()
    assert (world.told_of("rejected"), world.told_of("failed"), world.queues.dead) == (["c0"], ["c2"], [])
    world.tell()
    world.run()
    assert (world.ses.sent_to, len(world.ses.requests)) == (["c1"], 1)
    assert (world.told_of("rejected"), world.told_of("failed")) == (["c0"], ["c2"])
    assert (world.told_of("queued"), world.queues.messages) == (["c1"], {})
    assert "2 of 3 recipients failed (INVALID_PARAMETER, MESSAGE_REJECTED)" in world.reasons[0]
    world.resend(world.queues.dead.pop())
    world.run()
    assert sorted(world.ses.sent_to) == people(3)


def test_the_events_of_an_earlier_delivery_are_told_again_once_the_bus_is_back() -> None:
    world = World()
    world.events.outages = [AWAY] * 4
    world.ses.answers = {"c1": ["TRANSIENT_FAILURE"], "c2": ["MESSAGE_REJECTED"]}
    world.put(**newsletter(4))
    world.deliver()
    assert world.told == []
    world.run()
    assert (sorted(world.told_of("queued")), world.told_of("rejected")) == (["c0", "c1", "c3"], ["c2"])
    assert (len(world.queues.dead), world.queues.messages) == (1, {})


# ---- several calls for one message


def test_a_merge_is_called_for_in_steps_that_the_rate_is_large_enough_for() -> None:
    world = World()
    world.pace.largest = 7
    world.put(**newsletter(20))
    world.deliver()
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [7, 7, 6]
    assert world.ses.sent_to == people(20)
    assert sorted(world.told_of("queued")) == sorted(people(20))
    assert (len(world.record("job-news").accepted), world.queues.messages) == (20, {})


def test_a_step_counts_every_recipient_of_its_messages() -> None:
    world = World()
    world.pace.largest = 10
    world.put(**newsletter(7, cc=["desk@example.com"], bcc=["archive@example.com"]))
    world.deliver()
    assert [recipients for recipients, _ in world.pace.asked] == [[9], [9], [3]]


@pytest.mark.parametrize("turn", [RetryAfter(seconds=60.0), QuotaExhausted()])
def test_a_merge_that_has_no_turn_any_more_goes_on_later_where_it_was(
    turn: RetryAfter | QuotaExhausted,
) -> None:
    world = World()
    world.pace.largest = 5
    world.pace.turns = [lambda _: [SendAt(due=START)], lambda _: [turn]]
    world.put(**newsletter(12))
    world.deliver()
    assert (world.ses.sent_to, world.told_of("queued")) == (people(5), people(5))
    assert world.record("job-news").attempts == {}
    world.run(3 * 3600)
    assert world.ses.sent_to == people(12)
    assert (sorted(world.told_of("queued")), world.queues.messages) == (sorted(people(12)), {})


def test_a_merge_stops_at_the_first_step_with_entries_that_wait() -> None:
    world = World()
    world.pace.largest = 5
    world.ses.answers = {"c2": ["ACCOUNT_THROTTLED"]}
    world.put(**newsletter(12))
    world.deliver()
    assert len(world.ses.requests) == 1
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(12), 1)


def test_a_merge_goes_on_after_entries_that_fail_for_good() -> None:
    world = World()
    world.pace.largest = 5
    world.ses.answers = {
        "c2": ["MESSAGE_REJECTED"],
        **{name: ["MESSAGE_REJECTED"] for name in people(12)[5:10]},
    }
    world.put(**newsletter(12))
    world.deliver()
    assert world.ses.sent_to == ["c0", "c1", "c3", "c4", "c10", "c11"]
    assert (len(world.told_of("rejected")), len(world.queues.dead), world.queues.messages) == (6, 1, {})


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_a_ledger_that_is_away_between_two_steps_makes_nobody_get_two_messages(failing: int) -> None:
    world = World()
    world.pace.largest = 5
    # a claim, then after each step a write and a look
    world.dynamodb.troubles = [*[None] * failing, AWAY]
    world.put(**newsletter(12))
    world.deliver()
    world.tell()
    world.put(**newsletter(12))
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(12), 1)
    assert (sorted(set(world.told_of("queued"))), world.queues.messages) == (sorted(people(12)), {})


def test_what_tracking_writes_between_two_steps_is_kept() -> None:
    world = World()
    world.pace.largest = 5
    world.ses.during = world.tell
    world.put(**newsletter(12))
    world.deliver()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(12), 1)
    assert (len(world.record("job-news").accepted), world.queues.messages) == (12, {})


def test_a_merge_twice_in_a_batch_is_sent_once() -> None:
    world = World()
    world.pace.largest = 5
    world.put(**newsletter(12))
    world.put(**newsletter(12))
    world.run(120)
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(12), 1)
    assert world.queues.messages == {}


# ---- more recipients than a message is for


def test_a_large_merge_goes_on_in_parts_on_its_own_lane() -> None:
    world = World()
    world.queues.put(json.dumps(letter(**newsletter(130))), queue_arn=BULK_QUEUE)
    world.deliver()
    assert (world.ses.requests, world.outcomes) == ([], ["split"])
    parts = [json.loads(message.body) for message in world.queues.messages.values()]
    assert [message.part for message in world.queues.messages.values()] == [0, 1, 2]
    assert {message.queue_arn for message in world.queues.messages.values()} == {BULK_QUEUE}
    assert (
        [len(part["to"]) for part in parts] == [len(part["merge_metadata"]) for part in parts] == [50, 50, 30]
    )
    assert {part["job_id"] for part in parts} == {"job-news"}


def test_a_large_merge_without_an_id_has_its_messages_id_in_all_parts() -> None:
    world = World()
    world.put(**newsletter(60) | {"job_id": None})
    world.run(60)
    assert {mail.job_id for mail in world.ses.mails} == {"sqs-0"}
    assert len(world.ses.mails) == 60


def test_a_large_merge_that_comes_again_makes_no_second_message_for_anybody() -> None:
    world = World()
    world.put(**newsletter(120))
    world.put(**newsletter(120))
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(120), 1)
    world.put(**newsletter(120))
    world.run()
    assert len(world.ses.mails) == 120
    assert (world.queues.messages, world.queues.dead) == ({}, [])


@pytest.mark.parametrize("trouble", ["call", "parts", "ledger"])
def test_parts_that_did_not_get_onto_the_queue_are_put_there_again(trouble: str) -> None:
    world = World()
    if trouble == "call":
        world.queues.troubles["send_message_batch"] = [AWAY]
    elif trouble == "parts":
        world.queues.failing_parts = [{"1", "2"}]
    else:
        world.dynamodb.troubles = [None, AWAY]
    world.put(**newsletter(120))
    world.deliver()
    assert "sqs-0" in world.queues.messages
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(120), 1)
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_a_worker_that_ends_while_it_puts_parts_on_the_queue_loses_and_doubles_none() -> None:
    world = World()
    world.put(**newsletter(700))
    world.queues.troubles["send_message_batch"] = [None, KeyboardInterrupt()]  # type: ignore[list-item] # its end
    with pytest.raises(KeyboardInterrupt):
        process(world.sender, world.queues.receive(), world.clock.now + FUNCTION_SECONDS)
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(700), 1)
    assert world.queues.messages == {}


def test_parts_that_are_too_large_for_a_message_go_by_s3() -> None:
    world = World()
    data = {f"{name}@example.org": {"letter": name * 8000} for name in people(60)}
    job = letter(**newsletter(60), merge_data=data)
    world.s3.objects["shop-invoices", "news.json"] = json.dumps(job).encode()
    world.queues.put(
        json.dumps({"job_id": "job-news", "content_ref": {"bucket": "shop-invoices", "key": "news.json"}})
    )
    world.deliver()
    bodies = [json.loads(message.body) for message in world.queues.messages.values()]
    assert set(bodies[0]) == {"job_id", "content_ref"}
    assert bodies[0]["content_ref"]["bucket"] == JOBS_BUCKET
    assert bodies[0]["content_ref"]["key"].startswith("jobs/job-news/")
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(60), 1)
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_a_large_merge_that_ses_could_never_take_is_refused_once_and_not_for_each_part() -> None:
    world = World()
    world.put(**newsletter(130), headers={f"X-{number}": "a" for number in range(16)})
    world.deliver()
    assert (len(world.queues.dead), world.queues.messages, world.ses.requests) == (1, {}, [])


def test_a_large_merge_whose_time_is_over_is_refused_for_each_recipient() -> None:
    world = World()
    world.put(**newsletter(60), expires_at=START - 1)
    world.run()
    assert world.ses.requests == []
    assert sorted(world.told_of("failed")) == sorted(people(60))


def test_a_large_merge_whose_time_is_over_is_refused_in_parts_that_a_worker_has_the_time_for() -> None:
    world = World()
    world.put(**newsletter(5000), expires_at=START - 1)
    calls: list[int] = []
    while world.queues.messages:
        before = len(world.events.calls)
        world.deliver()
        calls.append(len(world.events.calls) - before)
        world.wait(1)
    assert max(calls) <= 50
    assert Counter(world.told_of("failed")) == dict.fromkeys(people(5000), 1)
    assert (len(world.queues.dead), world.ses.requests) == (100, [])


def _cancelled(world: World) -> None:
    world.cancel("job-news")


def _with_other_content(world: World) -> None:
    world.put(job_id="job-news")
    world.deliver()
    world.events.taken.clear()
    world.events.calls.clear()


@pytest.mark.parametrize(
    ("before", "fields", "reason", "dead"),
    [
        (_cancelled, {}, "cancelled before it was sent", 0),
        (_with_other_content, {}, "$.job_id: is the id of a job with other content", 1),
        (None, {"send_at": START + 400 * 86_400}, "$.send_at: is more than a year ahead", 1),
        (None, {"attachments": [GONE]}, "$.attachments[0].s3: ", 1),
    ],
)
def test_a_large_merge_that_is_refused_as_a_whole_has_one_event_for_all_its_recipients(
    before: Callable[[World], None] | None, fields: dict[str, Any], reason: str, dead: int
) -> None:
    world = World()
    if before is not None:
        before(world)
    world.put(**newsletter(5000, metadata={"campaign": "spring"}, tags=["news"]), **fields)
    world.deliver()
    assert len(world.events.calls) == 1
    (event,) = world.told
    assert (event["event_type"], event["job_id"], event["recipient"]) == ("failed", "job-news", None)
    assert (event["metadata"], event["tags"]) == ({"campaign": "spring"}, ["news"])
    assert event["description"].startswith(reason)
    assert event["description"].endswith("; so for all 5000 recipients of the merge")
    assert (len(world.queues.dead), world.queues.messages) == (dead, {})


def test_a_large_merge_that_can_no_longer_be_cut_into_parts_has_one_event_for_all_its_recipients() -> None:
    world = World()
    world.queues.troubles["send_message_batch"] = [AWAY]
    world.put(**newsletter(60, attachments=[{"filename": "a.pdf", "s3": GONE["s3"]}]))
    world.s3.objects["shop-invoices", "gone.pdf"] = b"%PDF-1.7"
    world.deliver()
    world.s3.objects.clear()
    world.run()
    (event,) = world.told
    assert (event["recipient"], len(world.queues.dead)) == (None, 1)
    assert event["description"].endswith("; so for all 60 recipients of the merge")
