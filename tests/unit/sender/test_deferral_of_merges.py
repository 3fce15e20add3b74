from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from typing import Any

import pytest

from sender.batch import process
from tests.unit.sender.answers import UNREACHABLE
from tests.unit.sender.jobs import letter, newsletter, people
from tests.unit.sender.settings import BULK_QUEUE, FUNCTION_SECONDS, JOBS_BUCKET
from tests.unit.sender.world import World

# what SQS refuses in a message, though JSON allows it
UNSENDABLE = "\ufffe\uffff"
PDF = b"%PDF-1.7 of invoice 17"


def slow_queue(world: World, seconds: float) -> list[list[str]]:
    """Let each call that adds messages take time; the answer fills with the parts that they had."""
    calls: list[list[str]] = []
    put = world.queues.send_message_batch

    def slowly(**call: Any) -> dict[str, Any]:
        if "Waiting" not in call["Entries"][0]["MessageAttributes"]:
            calls.append([entry["Id"] for entry in call["Entries"]])
            world.wait(seconds)
        return put(**call)

    world.queues.send_message_batch = slowly  # type: ignore[method-assign] # to look on
    return calls


def test_characters_that_sqs_refuses_are_escaped_in_the_parts_of_a_merge() -> None:
    world = World()
    world.put(**newsletter(60, text=f"Hello {UNSENDABLE}"))
    world.deliver()
    bodies = [message.body for message in world.queues.messages.values()]
    assert [json.loads(body)["text"] for body in bodies] == [f"Hello {UNSENDABLE}"] * 2
    assert not any(character in body for body in bodies for character in UNSENDABLE)


def test_the_parts_of_a_large_merge_are_not_all_in_memory_at_once() -> None:
    world = World()
    brochure = {"filename": "brochure.pdf", "content": b64encode(b"%PDF" * 200_000).decode()}
    at = {"bucket": JOBS_BUCKET, "key": "jobs/job-news/1.json"}
    job = letter(**newsletter(1100, attachments=[brochure]))
    world.s3.objects[JOBS_BUCKET, at["key"]] = json.dumps(job).encode()
    kept: list[int] = []
    put = world.queues.send_message_batch

    def watched(**call: Any) -> dict[str, Any]:
        # parts of this size are stored in S3 when they are made
        kept.append(len(world.s3.objects) - 1)
        return put(**call)

    world.queues.send_message_batch = watched  # type: ignore[method-assign] # to look on
    world.queues.put(json.dumps({"job_id": "job-news", "content_ref": at}))
    world.deliver()
    assert (kept, len(world.queues.messages)) == ([11, 21, 22], 22)


def test_a_merge_with_too_little_time_for_its_parts_continues_where_it_stopped() -> None:
    world = World()
    calls = slow_queue(world, 25)
    world.put(**newsletter(1500))
    world.deliver()
    assert (len(calls), world.record("job-news").parts, world.log[-1]["error"]) == (2, 20, "NoTime")
    world.run()
    assert [len(call) for call in calls] == [10, 10, 10]
    assert sorted(world.ses.sent_to) == sorted(people(1500))
    assert world.queues.messages == {}


def test_a_merge_whose_parts_the_queue_did_not_take_continues_where_it_stopped() -> None:
    world = World()
    calls = slow_queue(world, 0)
    world.queues.failing_entries = [set(), {"10"}]
    world.put(**newsletter(600))
    world.run()
    assert [call[0] for call in calls] == ["0", "10", "10"]
    assert sorted(world.ses.sent_to) == sorted(people(600))


def test_a_merge_with_a_part_that_the_queue_will_never_take_is_refused() -> None:
    world = World()
    world.queues.failing_entries, world.queues.sender_fault = [{"1"}], True
    world.put(**newsletter(60))
    world.run()
    assert (world.outcomes[0], world.queues.messages) == ("failed", {})
    assert "SQS refuses part 1 of the job" in world.reasons[0]


def test_a_large_merge_is_split_into_parts_on_its_own_lane() -> None:
    world = World()
    world.queues.put(json.dumps(letter(**newsletter(130))), queue_arn=BULK_QUEUE)
    world.deliver()
    assert (world.ses.requests, world.outcomes) == ([], ["split"])
    parts = [json.loads(message.body) for message in world.queues.messages.values()]
    assert [message.attribute("Part") for message in world.queues.messages.values()] == ["0", "1", "2"]
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


def test_a_redelivered_large_merge_sends_nobody_a_second_message() -> None:
    world = World()
    world.put(**newsletter(120))
    world.put(**newsletter(120))
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(120), 1)
    world.put(**newsletter(120))
    world.run()
    assert len(world.ses.mails) == 120
    assert (world.queues.messages, world.queues.dead) == ({}, [])


@pytest.mark.parametrize("failing", ["call", "parts", "ledger"])
def test_parts_that_did_not_reach_the_queue_are_sent_again(failing: str) -> None:
    world = World()
    if failing == "call":
        world.queues.errors["send_message_batch"] = [UNREACHABLE]
    elif failing == "parts":
        world.queues.failing_entries = [{"1", "2"}]
    else:
        world.dynamodb.errors = [None, UNREACHABLE]
    world.put(**newsletter(120))
    world.deliver()
    assert "sqs-0" in world.waiting
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(120), 1)
    assert (world.queues.messages, world.queues.dead) == ({}, [])


def test_a_worker_that_ends_while_it_sends_parts_loses_none_and_duplicates_none() -> None:
    world = World()
    world.put(**newsletter(700))
    world.queues.errors["send_message_batch"] = [None, KeyboardInterrupt()]  # type: ignore[list-item] # its end
    with pytest.raises(KeyboardInterrupt):
        process(world.sender, world.queues.receive(), world.clock.now + FUNCTION_SECONDS)
    world.run()
    assert Counter(world.ses.sent_to) == dict.fromkeys(people(700), 1)
    assert world.queues.messages == {}


def test_parts_that_are_too_large_for_a_message_are_stored_in_s3() -> None:
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
