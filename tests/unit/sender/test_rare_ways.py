"""Ways that few jobs go: odd characters and attributes, waits of days, failing neighbours, large company."""

from __future__ import annotations

import json
from base64 import b64encode
from email import message_from_bytes, policy
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from mailbus.aws.sqs import records
from sender.preparing import is_memory_heavy
from sender.rate.gcra import QuotaExhausted, RetryAfter, SendAt
from tests.unit.sender.fake_world import (
    JOBS_BUCKET,
    SEND_QUEUE,
    START,
    Lost,
    World,
    letter,
    newsletter,
    people,
    refusal,
)
from tests.unit.sender.test_jobs_for_later import come_due

DAY = 24 * 3600
# what SQS refuses in a message, though JSON lets it pass
UNSENDABLE = "\ufffe\uffff"
BUS_AWAY = refusal("InternalFailure")


def sqs_event(part: dict[str, str]) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": "5fea7756-0ea4-451a-a703-a558b933e274",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": json.dumps(letter()),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795348800000"},
                "messageAttributes": {"Part": part},
                "eventSourceARN": SEND_QUEUE,
            }
        ]
    }


@pytest.mark.parametrize(
    "part",
    [
        {"dataType": "String", "stringValue": "two"},
        {"dataType": "Number", "stringValue": "1.5"},
        {"dataType": "Number", "stringValue": "-1"},
        {"dataType": "Number", "stringValue": "1e3"},
        {"dataType": "String", "stringValue": "\u0663"},
        {"dataType": "Number", "stringValue": "9" * 5000},
        {"dataType": "Binary", "binaryValue": "AA=="},
    ],
)
def test_an_attribute_that_numbers_no_part_is_somebody_elses_and_stops_no_batch(part: dict[str, str]) -> None:
    [record] = records(sqs_event(part))
    assert record.part is None


def test_somebody_elses_part_attribute_makes_no_part_of_a_job() -> None:
    world = World()
    world.queues.put(json.dumps(letter()), part=3)
    world.ses.calls = [Lost(ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com"))]
    world.deliver()
    # SES's event names the job alone
    world.tell()
    world.run()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_somebody_elses_part_attribute_keeps_no_merge_from_being_cut() -> None:
    world = World()
    world.queues.put(json.dumps(letter(**newsletter(60))), part=3)
    world.run()
    assert sorted(world.ses.sent_to) == sorted(people(60))


def test_characters_that_sqs_refuses_travel_escaped_in_the_parts_of_a_merge() -> None:
    world = World()
    world.put(**newsletter(60, text=f"Hello {UNSENDABLE}"))
    world.deliver()
    bodies = [message.body for message in world.queues.messages.values()]
    assert [json.loads(body)["text"] for body in bodies] == [f"Hello {UNSENDABLE}"] * 2
    assert not any(character in body for body in bodies for character in UNSENDABLE)


def test_characters_that_sqs_refuses_travel_escaped_in_a_schedule() -> None:
    world = World()
    world.put(text=f"Hello {UNSENDABLE}", send_at=START + DAY)
    world.deliver()
    [schedule] = world.scheduler.schedules.values()
    body = schedule["Target"]["Input"]
    assert json.loads(body)["text"] == f"Hello {UNSENDABLE}"
    assert not any(character in body for character in UNSENDABLE)


def test_the_parts_of_a_large_merge_are_not_all_in_memory_at_a_time() -> None:
    world = World()
    brochure = {"filename": "brochure.pdf", "content": b64encode(b"%PDF" * 200_000).decode()}
    at = {"bucket": JOBS_BUCKET, "key": "jobs/job-news/1.json"}
    job = letter(**newsletter(1100, attachments=[brochure]))
    world.s3.objects[JOBS_BUCKET, at["key"]] = json.dumps(job).encode()
    kept: list[int] = []
    put = world.queues.send_message_batch

    def watched(**call: Any) -> dict[str, Any]:
        # parts of this size lie in S3, from when they are written
        kept.append(len(world.s3.objects) - 1)
        return put(**call)

    world.queues.send_message_batch = watched  # type: ignore[method-assign] # to look on
    world.queues.put(json.dumps({"job_id": "job-news", "content_ref": at}))
    world.deliver()
    assert (kept, len(world.queues.messages)) == ([11, 21, 22], 22)


def slow_queue(world: World, seconds: float) -> list[list[str]]:
    """Let each call that adds messages take time; the answer fills with the parts that they had."""
    calls: list[list[str]] = []
    put = world.queues.send_message_batch

    def slowly(**call: Any) -> dict[str, Any]:
        calls.append([entry["Id"] for entry in call["Entries"]])
        world.wait(seconds)
        return put(**call)

    world.queues.send_message_batch = slowly  # type: ignore[method-assign] # to look on
    return calls


def test_a_merge_for_whose_parts_the_time_is_too_short_goes_on_where_it_was() -> None:
    world = World()
    calls = slow_queue(world, 25)
    world.put(**newsletter(1500))
    world.deliver()
    assert (len(calls), world.record("job-news").parts, world.log[-1]["error"]) == (2, 20, "NoTime")
    world.run()
    assert [len(call) for call in calls] == [10, 10, 10]
    assert sorted(world.ses.sent_to) == sorted(people(1500))
    assert world.queues.messages == {}


def test_a_merge_whose_parts_the_queue_failed_to_take_goes_on_where_it_was() -> None:
    world = World()
    calls = slow_queue(world, 0)
    world.queues.failing_parts = [set(), {"10"}]
    world.put(**newsletter(600))
    world.run()
    assert [call[0] for call in calls] == ["0", "10", "10"]
    assert sorted(world.ses.sent_to) == sorted(people(600))


def test_a_merge_with_a_part_that_the_queue_will_never_take_is_refused() -> None:
    world = World()
    world.queues.failing_parts, world.queues.sender_fault = [{"1"}], True
    world.put(**newsletter(60))
    world.run()
    assert (world.outcomes[0], world.queues.messages) == ("failed", {})
    assert "SQS refuses part 1 of the job" in world.reasons[0]


def test_a_failure_in_a_merge_from_a_schedule_is_told_though_the_bus_was_away() -> None:
    world = World()
    world.put(**newsletter(2, send_at=START + DAY))
    world.deliver()
    come_due(world)
    world.ses.answers = {"c0": ["MESSAGE_REJECTED"], "c1": ["TRANSIENT_FAILURE", None]}
    world.events.outages = [BUS_AWAY] * 4
    world.run()
    assert (world.told_of("rejected"), world.told_of("queued")) == (["c0"], ["c1"])


def test_a_failure_in_a_merge_from_the_dead_letters_is_told_though_the_bus_was_away() -> None:
    world = World()
    world.put(**newsletter(2))
    world.ses.answers = {
        "c0": ["MESSAGE_REJECTED"] * 2,
        "c1": ["INVALID_PARAMETER", "ACCOUNT_THROTTLED", None],
    }
    world.run()
    [dead] = world.queues.dead
    world.resend(dead)
    world.events.taken.clear()
    world.events.outages = [BUS_AWAY] * 4
    world.run()
    assert (world.told_of("rejected"), world.told_of("queued")) == (["c0"], ["c1"])


def test_a_merge_that_waits_longer_than_the_ledger_remembers_sends_nothing_twice() -> None:
    world = World(ledger_days=1)
    world.pace.largest = 1
    world.pace.turns = [lambda count: [SendAt(due=world.clock.now)] * count]
    world.pace.turns += [lambda count: [QuotaExhausted()] * count] * 30
    world.put(**newsletter(2))
    world.run(4 * DAY)
    assert (world.ses.sent_to, world.queues.messages) == (["c0", "c1"], {})
    assert world.clock.now > START + 2 * DAY
    assert world.record("job-news").expires_at <= world.clock.now + DAY + 1


def test_entries_are_tried_as_often_as_any_after_another_one_was_given_up() -> None:
    world = World()
    world.pace.largest = 1
    world.put(**newsletter(3))
    world.ses.answers = {
        "c0": ["FAILED"] * 9,
        "c1": ["TRANSIENT_FAILURE", None],
        "c2": ["TRANSIENT_FAILURE", None],
    }
    world.run()
    assert (world.told_of("failed"), world.told_of("queued")) == (["c0"], ["c1", "c2"])


def test_an_entry_that_joins_a_failing_one_in_a_call_has_all_its_own_tries() -> None:
    world = World()
    world.pace.largest = 1
    world.put(**newsletter(2))
    world.ses.answers = {"c0": ["FAILED"] * 9, "c1": ["TRANSIENT_FAILURE", None]}
    for _ in range(4):
        world.run(0)
        world.clock.now = min(message.visible_at for message in world.queues.messages.values())
    world.pace.largest = 50
    world.run()
    assert (world.told_of("failed"), world.told_of("queued")) == (["c0"], ["c1"])


def test_an_entry_that_fails_beside_throttled_ones_is_given_up_as_soon_as_any() -> None:
    world = World(max_attempts=2)
    world.put(**newsletter(2))
    world.ses.answers = {"c0": ["FAILED"] * 9, "c1": [*["ACCOUNT_THROTTLED"] * 4, None]}
    world.run()
    assert (world.told_of("failed"), world.told_of("queued")) == (["c0"], ["c1"])
    assert world.ses.answers["c0"] == ["FAILED"] * 7


def test_a_merge_that_is_in_doubt_tells_no_untried_recipient_as_failed() -> None:
    world = World(on_unknown="fail")
    world.pace.largest = 1
    world.put(**newsletter(2))
    world.wait(13 * DAY)
    world.ses.calls = [Lost(ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com"))]
    world.deliver()
    assert (world.ses.sent_to, world.told) == (["c0"], [])


def test_a_job_in_s3_gets_its_time_beside_jobs_that_wait_for_their_turn() -> None:
    world = World()
    at = {"bucket": JOBS_BUCKET, "key": "jobs/job-large/1.json"}
    world.s3.objects[JOBS_BUCKET, at["key"]] = json.dumps(letter("large")).encode()
    world.queues.put(json.dumps({"job_id": "job-large", "content_ref": at}))
    for name in ("ann", "ben", "cho"):
        world.put(to=name)
        world.pace.turns = [lambda count: [SendAt(due=world.clock.now + 11)] * count]
        world.deliver()
    assert "large" in world.ses.sent_to


def invoices(world: World, count: int) -> list[dict[str, Any]]:
    """Put files into a bucket; the answer attaches them."""
    places = [{"bucket": "shop-invoices", "key": f"invoice-{number}.pdf"} for number in range(count)]
    for at in places:
        world.s3.objects[at["bucket"], at["key"]] = f"%PDF {at['key']}".encode()
    return [{"filename": at["key"], "s3": at} for at in places]


def test_a_job_whose_files_take_too_long_comes_again_before_the_function_is_ended() -> None:
    world = World()
    world.put(attachments=invoices(world, 20))
    world.s3.on_read = lambda _: world.wait(5)
    world.deliver()
    assert world.clock.now < START + 60
    assert (world.log[-1]["outcome"], world.log[-1]["error"], world.told) == ("postponed", "NoTime", [])
    world.s3.on_read = lambda _: None
    world.run()
    assert (world.ses.sent_to, world.told_of("queued")) == (["ann"], ["ann"])


def test_a_job_in_s3_that_takes_too_long_to_come_waits_for_a_delivery_with_more_time() -> None:
    world = World()
    at = {"bucket": JOBS_BUCKET, "key": "jobs/job-large/1.json"}
    world.s3.objects[JOBS_BUCKET, at["key"]] = json.dumps(
        letter("large", attachments=invoices(world, 1))
    ).encode()
    world.s3.on_read = lambda key: world.wait(30 if key == at["key"] else 0)
    world.queues.put(json.dumps({"job_id": "job-large", "content_ref": at}))
    world.deliver()
    assert (world.log[-1]["error"], world.ses.requests) == ("NoTime", [])


def test_files_from_s3_keep_their_order_and_the_places_of_others() -> None:
    world = World()
    files = invoices(world, 20)
    files.insert(3, {"filename": "note.txt", "content": b64encode(b"a note").decode()})
    world.put(attachments=files)
    world.deliver()
    [request] = world.ses.requests
    mail = message_from_bytes(request["Content"]["Raw"]["Data"], policy=policy.default)
    assert [(part.get_filename(), part.get_content()) for part in mail.iter_attachments()] == [
        *((f"invoice-{number}.pdf", f"%PDF invoice-{number}.pdf".encode()) for number in range(3)),
        ("note.txt", b"a note"),
        *((f"invoice-{number}.pdf", f"%PDF invoice-{number}.pdf".encode()) for number in range(3, 20)),
    ]


def test_a_merge_that_other_send_defaults_make_an_ordinary_mail_of_is_refused_once_it_is_begun() -> None:
    world = World(send_defaults={"merge_global_data": {}})
    world.put(to=["ann", "ben"])
    world.ses.answers = {"ann": ["TRANSIENT_FAILURE"]}
    world.deliver()
    world.configure(send_defaults={})
    world.run()
    assert (world.ses.sent_to, world.told_of("failed"), world.queues.messages) == (
        ["ben"],
        ["ann", "ben"],
        {},
    )
    assert "other content, by itself or by send_defaults" in world.reasons[0]


def test_a_scheduled_job_that_other_send_defaults_make_a_merge_of_is_sent_as_one() -> None:
    world = World()
    world.put(to=["ann", "ben"], send_at=START + DAY)
    world.deliver()
    world.configure(send_defaults={"merge_global_data": {}})
    come_due(world)
    world.run()
    assert (world.ses.sent_to, world.told_of("queued")) == (["ann", "ben"], ["ann", "ben"])


def test_a_merge_that_is_sent_stays_so_when_other_send_defaults_make_an_ordinary_mail_of_it() -> None:
    world = World(send_defaults={"merge_global_data": {}})
    world.put(to=["ann", "ben"])
    world.events.outages = [BUS_AWAY] * 4
    world.deliver()
    world.configure(send_defaults={})
    world.run()
    assert (world.ses.sent_to, world.told_of("failed"), world.queues.messages) == (["ann", "ben"], [], {})


def test_an_unexpected_failure_around_a_call_is_told_before_sqs_drops_the_job() -> None:
    world = World()
    world.put()
    world.wait(13 * DAY)
    world.pace.turns = [lambda _: [RetryAfter(seconds=1 // 0)]]
    world.deliver()
    assert (len(world.told), len(world.queues.dead), world.queues.messages) == (1, 1, {})


def test_files_in_s3_that_send_defaults_attach_count_as_the_jobs_own() -> None:
    defaults = {
        "attachments": [{"filename": "terms.pdf", "s3": {"bucket": "shop-invoices", "key": "terms.pdf"}}]
    }
    plain, own = letter(), letter(attachments=[])
    assert not is_memory_heavy(plain, {})
    assert is_memory_heavy(plain, defaults)
    assert not is_memory_heavy(own, defaults)


def test_a_claim_whose_answer_got_lost_puts_no_job_in_doubt() -> None:
    world = World()
    write = world.dynamodb.transact_write_items
    answers: list[Exception] = [ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")]

    def losing(**call: Any) -> dict[str, Any]:
        answer = write(**call)
        if answers:
            raise answers.pop()
        return answer

    world.dynamodb.transact_write_items = losing  # type: ignore[method-assign] # to break an answer
    world.put()
    world.deliver()
    assert (world.record().open, world.record().lease_until, world.ses.requests) == ((), 0.0, [])
    world.run(10)
    assert (world.ses.sent_to, world.record().attempts) == (["ann"], {})


def test_a_claim_that_never_came_about_is_not_missed() -> None:
    world = World()
    world.dynamodb.troubles = [ReadTimeoutError(endpoint_url="https://dynamodb.eu-west-1.amazonaws.com")] * 2
    for name in ("ann", "ben", "cho"):
        world.put(to=name)
    world.deliver()
    assert (world.dynamodb.items, world.dynamodb.troubles) == ({}, [])
    world.run(10)
    assert sorted(world.ses.sent_to) == ["ann", "ben", "cho"]
