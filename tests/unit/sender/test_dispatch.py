from __future__ import annotations

import json
from collections import Counter
from email import message_from_bytes, policy
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from sender.batch import process
from sender.rate.slots import QuotaExhausted, RetryAfter, SendAt
from tests.unit.sender.answers import THROTTLED, UNREACHABLE
from tests.unit.sender.clock import moment
from tests.unit.sender.jobs import letter, newsletter, people
from tests.unit.sender.settings import BULK_QUEUE, START
from tests.unit.sender.world import World


def test_ses_gets_the_envelope_the_job_id_and_the_configuration_set() -> None:
    world = World()
    world.put(cc=["Bob <bob@example.org>"], bcc=["eve@example.org"])
    world.deliver()
    [request] = world.ses.requests
    assert request["Destination"] == {
        "ToAddresses": ["ann@example.org"],
        "CcAddresses": ["bob@example.org"],
        "BccAddresses": ["eve@example.org"],
    }
    assert request["EmailTags"] == [{"Name": "mailbus-job-id", "Value": "job-ann"}]
    assert request["ConfigurationSetName"] == "mailbus-dev"
    message = message_from_bytes(request["Content"]["Raw"]["Data"], policy=policy.default)
    assert message["Subject"] == "Willkommen, Jürgen"
    assert message["Bcc"] is None


def test_mails_are_paced_by_recipients_in_the_lane_of_their_queue() -> None:
    world = World()
    world.put(to=["ann", "bob"], cc=["eve@example.org"])
    world.queues.put(json.dumps(letter("kim")))
    world.deliver()
    world.queues.put(json.dumps(letter("dan")), queue_arn=BULK_QUEUE)
    world.deliver()
    assert world.pace.reserved == [([3, 1], "transactional"), ([1], "bulk")]


def test_a_mail_is_sent_when_it_is_due() -> None:
    world = World()
    world.pace.decisions = [lambda count: [SendAt(due=START + 1.5 * at) for at in range(count)]]
    left: list[float] = []
    world.ses.on_call = lambda: left.append(world.clock.now)
    world.put(to="ann")
    world.put(to="bob")
    world.deliver()
    assert min(left) >= START
    assert max(left) == START + 1.5


def test_a_job_that_the_rate_allows_much_later_is_requeued_until_then_and_counts_no_attempt() -> None:
    world = World()
    world.pace.decisions = [lambda count: [RetryAfter(seconds=30.0)] * count]
    message_id = world.put()
    world.deliver()
    assert world.queues.delays == [(message_id, 35)]
    assert (world.ses.requests, world.dynamodb.items) == ([], {})
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_a_job_waits_for_the_accounts_quota_before_ses_is_called() -> None:
    world = World()
    world.pace.decisions = [lambda count: [QuotaExhausted()] * count]
    message_id = world.put()
    world.deliver()
    assert world.queues.delays == [(message_id, 15)]
    assert (world.ses.requests, world.dynamodb.items) == ([], {})


def test_a_function_that_runs_out_of_time_does_not_call_ses_and_leaves_nothing_in_doubt() -> None:
    world = World()
    world.put()
    [record] = world.queues.receive()
    answer = process(world.sender, [record], world.clock.now + 15.0)
    assert answer == {"batchItemFailures": []}
    del world.queues.messages["sqs-0"]
    assert (world.ses.requests, world.record().open, world.record().lease_until) == ([], (), 0.0)
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_a_job_that_expires_before_it_is_due_is_not_sent() -> None:
    world = World()
    world.pace.decisions = [lambda count: [SendAt(due=START + 8.0)] * count]
    world.put(expires_at=moment(5))
    world.deliver()
    assert (world.ses.requests, world.recipients_of("failed"), world.queues.messages) == ([], ["ann"], {})
    assert world.codes[0] == "Expired"


def test_a_claim_whose_answer_is_lost_puts_no_job_in_doubt() -> None:
    world = World()
    write = world.dynamodb.batch_execute_statement
    answers: list[Exception] = [ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")]

    def losing(**call: Any) -> dict[str, Any]:
        answer = write(**call)
        if answers:
            raise answers.pop()
        return answer

    world.dynamodb.batch_execute_statement = losing  # type: ignore[method-assign] # to break an answer
    world.put()
    world.deliver()
    assert (world.record().open, world.record().lease_until, world.ses.requests) == ((), 0.0, [])
    world.run(10)
    assert (world.ses.sent_to, world.record().attempts) == (["ann"], {})


def test_a_claim_that_was_never_written_needs_no_revert() -> None:
    world = World()
    world.dynamodb.errors = [ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")] * 2
    for name in ("ann", "ben", "cho"):
        world.put(to=name)
    world.deliver()
    assert (world.dynamodb.items, world.dynamodb.errors) == ({}, [])
    world.run(10)
    assert sorted(world.ses.sent_to) == ["ann", "ben", "cho"]


@pytest.mark.parametrize(("count", "calls"), [(1, [1]), (50, [50]), (51, [50, 1]), (130, [50, 50, 30])])
def test_each_recipient_of_a_merge_gets_one_message_in_calls_of_at_most_fifty(
    count: int, calls: list[int]
) -> None:
    world = World()
    world.put(**newsletter(count))
    world.run(60)
    assert sorted(len(request["BulkEmailEntries"]) for request in world.ses.requests) == sorted(calls)
    assert sorted(world.ses.sent_to) == sorted(people(count))
    assert sorted(world.recipients_of("queued")) == sorted(people(count))
    assert len(world.published) == count
    assert (world.queues.messages, world.queues.dead) == ({}, [])
    assert {mail.job_id for mail in world.ses.mails} == {"job-news"}


def test_a_bulk_call_that_is_refused_as_a_whole_sends_nothing_twice() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    world.put(**newsletter(50))
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(50), 1)


def test_a_merge_is_sent_in_calls_that_the_rate_allows() -> None:
    world = World()
    world.pace.largest = 7
    world.put(**newsletter(20))
    world.deliver()
    assert [len(request["BulkEmailEntries"]) for request in world.ses.requests] == [7, 7, 6]
    assert world.ses.sent_to == people(20)
    assert sorted(world.recipients_of("queued")) == sorted(people(20))
    assert (len(world.record("job-news").accepted), world.queues.messages) == (20, {})


def test_a_call_counts_every_recipient_of_its_messages() -> None:
    world = World()
    world.pace.largest = 10
    world.put(**newsletter(7, cc=["desk@example.com"], bcc=["archive@example.com"]))
    world.deliver()
    assert [recipients for recipients, _ in world.pace.reserved] == [[9], [9], [3]]


@pytest.mark.parametrize("decision", [RetryAfter(seconds=60.0), QuotaExhausted()])
def test_a_merge_that_the_rate_interrupts_continues_later_where_it_stopped(
    decision: RetryAfter | QuotaExhausted,
) -> None:
    world = World()
    world.pace.largest = 5
    world.pace.decisions = [lambda _: [SendAt(due=START)], lambda _: [decision]]
    world.put(**newsletter(12))
    world.deliver()
    assert (world.ses.sent_to, world.recipients_of("queued")) == (people(5), people(5))
    assert world.record("job-news").attempts == {}
    world.run(3 * 3600)
    assert world.ses.sent_to == people(12)
    assert (sorted(world.recipients_of("queued")), world.queues.messages) == (sorted(people(12)), {})


def test_a_merge_stops_at_the_first_call_with_entries_that_wait() -> None:
    world = World()
    world.pace.largest = 5
    world.ses.answers = {"c2": ["ACCOUNT_THROTTLED"]}
    world.put(**newsletter(12))
    world.deliver()
    assert len(world.ses.requests) == 1
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(12), 1)


def test_a_merge_continues_after_entries_that_fail_permanently() -> None:
    world = World()
    world.pace.largest = 5
    world.ses.answers = {
        "c2": ["MESSAGE_REJECTED"],
        **{name: ["MESSAGE_REJECTED"] for name in people(12)[5:10]},
    }
    world.put(**newsletter(12))
    world.deliver()
    assert world.ses.sent_to == ["c0", "c1", "c3", "c4", "c10", "c11"]
    assert (len(world.recipients_of("rejected")), len(world.queues.dead), world.queues.messages) == (6, 1, {})


@pytest.mark.parametrize("failing", [1, 2, 3])
def test_without_the_ledger_between_two_calls_nobody_gets_two_messages(failing: int) -> None:
    world = World()
    world.pace.largest = 5
    # a claim, then after each step a write and a look
    world.dynamodb.errors = [*[None] * failing, UNREACHABLE]
    world.put(**newsletter(12))
    world.deliver()
    world.report_sends()
    world.put(**newsletter(12))
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(12), 1)
    assert (sorted(set(world.recipients_of("queued"))), world.queues.messages) == (sorted(people(12)), {})


def test_what_tracking_writes_between_two_calls_is_kept() -> None:
    world = World()
    world.pace.largest = 5
    world.ses.on_call = world.report_sends
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
