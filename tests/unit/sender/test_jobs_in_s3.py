"""Jobs and files that lie in S3: read from the buckets that the settings name, one job at a time."""

from __future__ import annotations

import base64
import json
import tracemalloc
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from sender.batch import process
from tests.unit.sender.fake_world import FUNCTION_SECONDS, JOBS_BUCKET, World, letter, refusal

BUCKET = "shop-invoices"
AWAY = EndpointConnectionError(endpoint_url="https://s3.eu-west-1.amazonaws.com")
PDF = b"%PDF-1.7 of invoice 17"


def refers(key: str = "job.json", *, bucket: str = BUCKET, **fields: Any) -> str:
    return json.dumps({"job_id": "job-ann", "content_ref": {"bucket": bucket, "key": key}} | fields)


def invoice(key: str = "17.pdf", bucket: str = BUCKET) -> dict[str, Any]:
    return {
        "filename": "17.pdf",
        "content_type": "application/pdf",
        "s3": {"bucket": bucket, "key": key},
    }


def sent(world: World) -> bytes:
    data: bytes = world.ses.requests[0]["Content"]["Raw"]["Data"]
    return data


@pytest.mark.parametrize("bucket", [BUCKET, JOBS_BUCKET])
def test_a_job_that_lies_in_s3_is_sent(bucket: str) -> None:
    world = World()
    world.s3.objects[bucket, "job.json"] = json.dumps(letter(text="x" * 2_000_000)).encode()
    world.queues.put(refers(bucket=bucket))
    world.deliver()
    assert (world.ses.sent_to, world.told_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_file_that_lies_in_s3_is_attached() -> None:
    world = World()
    world.s3.objects[BUCKET, "17.pdf"] = PDF
    world.put(attachments=[invoice()])
    world.deliver()
    assert base64.b64encode(PDF) in sent(world)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "$.content_ref: does not exist (NoSuchKey)"),
        (b"not JSON", "$: is not valid JSON"),
        (b"\xff\xfe", "$.content_ref: names an object that is not UTF-8"),
        (b"[]", "$: "),
        (b"{}", "$.from_email: "),
        (json.dumps(letter(subjet="")).encode(), "$.subjet: is unknown"),
        (json.dumps(letter(job_id="job-bob")).encode(), "$.job_id: is another one than in the referred job"),
        (refers().encode(), "$.content_ref: is not allowed here"),
    ],
)
def test_a_job_in_s3_that_cannot_be_read_fails_with_its_reason(content: bytes | None, reason: str) -> None:
    world = World()
    if content is not None:
        world.s3.objects[BUCKET, "job.json"] = content
    world.queues.put(refers())
    world.deliver()
    assert [(event["event_type"], event["job_id"]) for event in world.told] == [("failed", "job-ann")]
    assert world.reasons[0].startswith(reason)
    assert (world.ses.requests, world.queues.messages) == ([], {})


@pytest.mark.parametrize(
    "fields", [{"subject": "x"}, {"content_ref": {"bucket": BUCKET}}, {"content_ref": "s3://x"}]
)
def test_a_reference_that_is_not_one_fails(fields: dict[str, Any]) -> None:
    world = World()
    world.queues.put(refers(**fields))
    world.deliver()
    assert (len(world.queues.dead), world.queues.messages, world.ses.requests) == (1, {}, [])


@pytest.mark.parametrize("where", ["job", "file"])
def test_a_bucket_that_the_settings_do_not_name_is_never_read(where: str) -> None:
    world = World()
    world.s3.objects["somebody-elses", "x"] = json.dumps(letter()).encode()
    if where == "job":
        world.queues.put(refers("x", bucket="somebody-elses"))
    else:
        world.put(attachments=[invoice("x", "somebody-elses")])
    reads: list[str] = []
    world.s3.on_read = reads.append
    world.deliver()
    assert (reads, world.ses.requests, world.queues.messages) == ([], [], {})
    assert "source_buckets; add the bucket there and deploy again" in world.reasons[0]


def test_a_file_that_cannot_be_read_fails_each_recipient_and_is_named_in_the_reason() -> None:
    world = World()
    world.s3.errors = [refusal("AccessDenied", operation="GetObject")]
    world.put(to=["ann", "bob"], attachments=[invoice()])
    world.deliver()
    assert world.told_of("failed") == ["ann", "bob"]
    reason = "does not exist, or the sender's role may not read it (AccessDenied)"
    assert world.reasons == [f"$.attachments[0].s3: {reason}"]
    assert world.queues.messages == {}


@pytest.mark.parametrize(
    "error",
    [
        AWAY,
        ReadTimeoutError(endpoint_url="https://s3.eu-west-1.amazonaws.com"),
        refusal("SlowDown", status=503, operation="GetObject"),
        refusal("InternalError", status=500, operation="GetObject"),
    ],
)
@pytest.mark.parametrize("where", ["job", "file"])
def test_without_s3_a_job_waits_and_counts_no_attempt(error: Exception, where: str) -> None:
    world = World()
    world.s3.objects[BUCKET, "job.json"] = json.dumps(letter()).encode()
    world.s3.objects[BUCKET, "17.pdf"] = PDF
    world.s3.errors = [error] * 8
    if where == "job":
        world.queues.put(refers())
    else:
        world.put(attachments=[invoice()])
    world.deliver()
    assert (world.told, len(world.queues.messages)) == ([], 1)
    world.run(24 * 3600)
    assert (world.ses.sent_to, world.queues.messages, world.queues.dead) == (["ann"], {}, [])


@pytest.mark.parametrize(
    ("count", "size", "reason"),
    [
        (2, 20_000_000, "$.attachments: would make a mail of at least "),
        (9, 5_000_000, "$.attachments[8].s3: has 5000000 bytes, where at most 0 are allowed"),
    ],
)
def test_files_that_are_too_large_together_are_refused_before_they_are_composed(
    count: int, size: int, reason: str
) -> None:
    world = World()
    world.s3.objects[BUCKET, "17.pdf"] = bytes(size)
    world.put(attachments=[invoice()] * count)
    world.deliver()
    assert world.reasons[0].startswith(reason)
    assert (world.ses.requests, world.queues.messages) == ([], {})


def test_a_job_that_is_too_large_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sender.preparing.DOCUMENT_BYTES", 1000)
    world = World()
    world.s3.objects[BUCKET, "job.json"] = json.dumps(letter(text="x" * 1000)).encode()
    world.queues.put(refers())
    world.deliver()
    assert world.reasons[0].startswith("$.content_ref: has ")
    assert (world.ses.requests, world.queues.messages) == ([], {})


def test_a_mail_that_was_sent_is_no_failure_when_its_files_are_gone_at_its_second_delivery() -> None:
    world = World()
    world.s3.objects[BUCKET, "17.pdf"] = PDF
    world.events.outages = [AWAY] * 4
    world.put(attachments=[invoice()])
    world.deliver()
    world.s3.objects.clear()
    world.run()
    assert (world.told_of("queued"), world.told_of("failed")) == (["ann"], [])
    assert (world.queues.dead, world.queues.messages) == ([], {})


def test_jobs_with_files_in_s3_are_taken_one_after_the_other() -> None:
    world = World()
    steps: list[str] = []
    world.s3.on_read = lambda key: steps.append(f"read {key}")
    world.ses.during = lambda: steps.append("sent")
    for number in range(3):
        world.s3.objects[BUCKET, f"{number}.pdf"] = PDF
        world.put(to=f"c{number}", attachments=[invoice(f"{number}.pdf")])
    world.put(to="light")
    world.deliver()
    assert steps == ["sent", "read 0.pdf", "sent", "read 1.pdf", "sent", "read 2.pdf", "sent"]
    assert world.queues.messages == {}


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


def test_a_batch_of_large_jobs_takes_no_more_memory_than_one() -> None:
    peak(1)
    assert peak(4) < 1.2 * peak(1)


def test_large_jobs_that_a_batch_has_no_time_for_go_back_unread() -> None:
    world = World()
    world.s3.objects[BUCKET, "17.pdf"] = PDF
    world.ses.during = lambda: world.wait(11)
    reads: list[str] = []
    world.s3.on_read = reads.append
    for number in range(3):
        world.put(to=f"c{number}", attachments=[invoice()])
    world.deliver()
    assert (len(reads), world.ses.sent_to) == (1, ["c0"])
    assert [seconds for _, seconds in world.queues.hidden] == [2, 2]
    world.run()
    assert world.ses.sent_to == ["c0", "c1", "c2"]
