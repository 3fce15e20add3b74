from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

from sender.batch import process
from sender.rate.slots import RetryAfter, SendAt
from tests.unit.sender.answers import REJECTED, THROTTLED, UNANSWERED, breaks
from tests.unit.sender.fake_ses import Lost
from tests.unit.sender.jobs import invoice, letter
from tests.unit.sender.settings import DAY, FUNCTION_SECONDS, JOBS_BUCKET, START
from tests.unit.sender.world import World

if TYPE_CHECKING:
    from sender.rate.slots import Decision


BUCKET = "shop-invoices"
PDF = b"%PDF-1.7 of invoice 17"


def peak(jobs: int) -> int:
    """Measure the most memory that a batch of so many large jobs takes, in bytes."""
    world = World()
    world.ses.send_email = lambda **_: {"MessageId": "0102018f"}  # type: ignore[method-assign] # keeps no request
    for number in range(jobs):
        world.s3.objects[BUCKET, f"{number}.pdf"] = bytes(4_000_000)
        world.put(to=f"c{number}", attachments=[invoice(f"{number}.pdf")])
    records = world.queues.receive()
    tracemalloc.start()
    try:
        process(world.sender, records, world.clock.now + FUNCTION_SECONDS)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_batch_is_one_claim_and_one_write_however_many_jobs_it_has() -> None:
    world = World()
    for name in "abcdefghij":
        world.put(to=name)
    world.deliver()
    assert sorted(world.ses.sent_to) == list("abcdefghij")
    assert world.dynamodb.calls == [("BatchExecuteStatement", 10), ("BatchWriteItem", 10)]


def test_a_job_that_the_rate_does_not_allow_yet_waits_in_the_function() -> None:
    world = World()
    world.pace.decisions = [lambda count: [RetryAfter(seconds=4.0)] * count]
    world.put()
    world.deliver()
    assert (world.ses.sent_to, world.queues.messages) == (["ann"], {})
    assert world.clock.now == START + 4.0


def test_duplicates_do_not_make_the_function_reserve_without_a_pause() -> None:
    world = World()

    def at_three(count: int) -> list[Decision]:
        left = START + 3.0 - world.clock.now
        assert len(world.pace.reserved) < 5
        return [RetryAfter(seconds=left) if left > 0 else SendAt(due=world.clock.now)] * count

    world.pace.decisions = [at_three] * 100
    world.put()
    world.put()
    world.deliver()
    assert world.ses.sent_to == ["ann"]
    assert sorted(world.outcomes) == ["duplicate", "queued"]


def test_jobs_with_files_in_s3_are_processed_one_by_one() -> None:
    world = World()
    steps: list[str] = []
    world.s3.on_read = lambda key: steps.append(f"read {key}")
    world.ses.on_call = lambda: steps.append("sent")
    for number in range(3):
        world.s3.objects[BUCKET, f"{number}.pdf"] = PDF
        world.put(to=f"c{number}", attachments=[invoice(f"{number}.pdf")])
    world.put(to="light")
    world.deliver()
    assert steps == ["sent", "read 0.pdf", "sent", "read 1.pdf", "sent", "read 2.pdf", "sent"]
    assert world.queues.messages == {}


def test_a_batch_of_large_jobs_needs_no_more_memory_than_one() -> None:
    peak(1)
    assert peak(4) < 1.2 * peak(1)


def test_large_jobs_that_a_batch_has_no_time_for_are_requeued_unread() -> None:
    world = World()
    world.s3.objects[BUCKET, "17.pdf"] = PDF
    world.ses.on_call = lambda: world.wait(11)
    reads: list[str] = []
    world.s3.on_read = reads.append
    for number in range(3):
        world.put(to=f"c{number}", attachments=[invoice()])
    world.deliver()
    assert (len(reads), world.ses.sent_to) == (1, ["c0"])
    assert [seconds for _, seconds in world.queues.delays] == [2, 2]
    world.run()
    assert world.ses.sent_to == ["c0", "c1", "c2"]


def test_a_job_in_s3_is_sent_with_jobs_that_use_up_the_time() -> None:
    world = World()
    at = {"bucket": JOBS_BUCKET, "key": "jobs/job-large/1.json"}
    world.s3.objects[JOBS_BUCKET, at["key"]] = json.dumps(letter("large")).encode()
    world.queues.put(json.dumps({"job_id": "job-large", "content_ref": at}))
    for name in ("ann", "ben", "cho"):
        world.put(to=name)
        world.pace.decisions = [lambda count: [SendAt(due=world.clock.now + 11)] * count]
        world.deliver()
    assert "large" in world.ses.sent_to


@pytest.mark.parametrize("step", ["sender.preparing.read_document", "sender.preparing.build_request"])
def test_an_unexpected_error_in_one_job_does_not_affect_the_others(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.put(to="ann")
    world.put(to="bob", subject="break this")
    module, _, name = step.rpartition(".")
    real = getattr(__import__(module, fromlist=[name]), name)

    def sometimes(what: Any, *rest: Any) -> Any:
        return breaks() if "break this" in str(what) else real(what, *rest)

    monkeypatch.setattr(step, sometimes)
    world.deliver()
    assert (world.ses.sent_to, world.waiting) == (["ann"], ["sqs-1"])
    world.run(DAY)
    assert world.ses.sent_to == ["ann"]
    assert (len(world.queues.dead), world.queues.messages) == (1, {})
    assert world.reasons[0].startswith("unexpected ZeroDivisionError in the sender; report it")
    assert world.published[-1]["event_type"] == "failed"
    assert world.published[-1]["job_id"] == "job-bob"


@pytest.mark.parametrize(
    "step",
    [
        "sender.verdicts._look_up",
        "sender.batch.dispatch_round",
        "sender.dispatch.claim_for",
        "sender.dispatch.with_answers",
        "sender.verdicts.apply_verdict",
        "sender.attempts.settle",
        "sender.completion.dead_letter",
        "sender.waiting._send_copies",
    ],
)
def test_an_unexpected_error_in_any_step_loses_no_mail_and_sends_none_twice(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.put(to="ann")
    world.put(to="ann")
    world.put(to="bob")
    world.ses.answers = {"kim": [REJECTED, REJECTED], "bob": [THROTTLED]}
    world.put(to="kim")
    world.queues.put("not JSON")
    with monkeypatch.context() as patched:
        patched.setattr(step, breaks)
        world.deliver()
    world.report_sends()
    world.run(DAY)
    assert sorted(world.ses.sent_to) == ["ann", "bob"]
    assert sorted(set(world.recipients_of("queued"))) == ["ann", "bob"]
    assert (world.recipients_of("rejected"), world.queues.messages) == (["kim"], {})
    assert {dead["MessageBody"][:8] for dead in world.queues.dead} == {"not JSON", '{"job_id'}


@pytest.mark.parametrize("call", ["reserve", "largest_call"])
def test_an_unexpected_error_in_pacing_sends_nothing_and_loses_nothing(call: str) -> None:
    world = World()
    world.put()
    setattr(world.pace, call, breaks)
    world.deliver()
    assert (world.ses.requests, world.waiting) == ([], ["sqs-0"])
    delattr(world.pace, call)
    world.run()
    assert world.ses.sent_to == ["ann"]


def test_an_unexpected_error_around_a_call_is_reported_before_sqs_drops_the_job() -> None:
    world = World()
    world.put()
    world.wait(13 * DAY)
    world.pace.decisions = [lambda _: [RetryAfter(seconds=1 // 0)]]
    world.deliver()
    assert (len(world.published), len(world.queues.dead), world.queues.messages) == (1, 1, {})


def test_a_message_of_an_unknown_queue_does_not_affect_the_others() -> None:
    world = World()
    world.ses.calls = [THROTTLED]
    world.queues.put(json.dumps(letter()), queue_arn="arn:aws:sqs:eu-west-1:210987654321:other")
    world.put(to="bob")
    world.deliver()
    assert world.ses.sent_to == ["bob"]
    assert world.waiting == ["sqs-0"]


def test_neither_addresses_nor_content_are_logged() -> None:
    world = World()
    world.ses.answers = {"kim": [REJECTED], "bob": [THROTTLED], "eve": [Lost(UNANSWERED)]}
    for name in ("ann", "bob", "kim", "eve"):
        world.put(to=name, job_id=f"job-{len(name)}{world.queues.messages.__len__()}")
    world.queues.put(json.dumps(letter(subjet="Secret")))
    world.deliver()
    text = world.stream.getvalue()
    for secret in ("example.org", "Your order", "Willkommen", "Secret"):
        assert secret not in text
