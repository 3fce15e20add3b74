from __future__ import annotations

import base64
import json
from base64 import b64encode
from email import message_from_bytes, policy
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from tests.unit.sender.answers import UNREACHABLE, refusal
from tests.unit.sender.jobs import invoice, letter
from tests.unit.sender.settings import DAY, JOBS_BUCKET, START
from tests.unit.sender.world import World

BUCKET = "shop-invoices"
PDF = b"%PDF-1.7 of invoice 17"


def invoices(world: World, count: int) -> list[dict[str, Any]]:
    """Put files into a bucket; the answer attaches them."""
    places = [{"bucket": "shop-invoices", "key": f"invoice-{number}.pdf"} for number in range(count)]
    for at in places:
        world.s3.objects[at["bucket"], at["key"]] = f"%PDF {at['key']}".encode()
    return [{"filename": at["key"], "s3": at} for at in places]


def refers(key: str = "job.json", *, bucket: str = BUCKET, **fields: Any) -> str:
    return json.dumps({"job_id": "job-ann", "content_ref": {"bucket": bucket, "key": key}} | fields)


def sent(world: World) -> bytes:
    data: bytes = world.ses.requests[0]["Content"]["Raw"]["Data"]
    return data


@pytest.mark.parametrize("bucket", [BUCKET, JOBS_BUCKET])
def test_a_job_in_s3_is_sent(bucket: str) -> None:
    world = World()
    world.s3.objects[bucket, "job.json"] = json.dumps(letter(text="x" * 2_000_000)).encode()
    world.queues.put(refers(bucket=bucket))
    world.deliver()
    assert (world.ses.sent_to, world.recipients_of("queued"), world.queues.messages) == (["ann"], ["ann"], {})


def test_a_file_in_s3_is_attached() -> None:
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
        (json.dumps(letter(job_id="job-bob")).encode(), "$.job_id: differs from the job_id of the job"),
        (refers().encode(), "$.content_ref: is not allowed here"),
    ],
)
def test_a_job_in_s3_that_cannot_be_read_fails_with_its_reason(content: bytes | None, reason: str) -> None:
    world = World()
    if content is not None:
        world.s3.objects[BUCKET, "job.json"] = content
    world.queues.put(refers())
    world.deliver()
    assert [(event["event_type"], event["job_id"]) for event in world.published] == [("failed", "job-ann")]
    assert world.reasons[0].startswith(reason)
    assert (world.ses.requests, world.queues.messages) == ([], {})


@pytest.mark.parametrize(
    "fields", [{"subject": "x"}, {"content_ref": {"bucket": BUCKET}}, {"content_ref": "s3://x"}]
)
def test_an_invalid_reference_fails(fields: dict[str, Any]) -> None:
    world = World()
    world.queues.put(refers(**fields))
    world.deliver()
    assert (len(world.queues.dead), world.queues.messages, world.ses.requests) == (1, {}, [])


@pytest.mark.parametrize("where", ["job", "file"])
def test_a_bucket_that_the_settings_do_not_name_is_never_read(where: str) -> None:
    world = World()
    world.s3.objects["foreign", "x"] = json.dumps(letter()).encode()
    if where == "job":
        world.queues.put(refers("x", bucket="foreign"))
    else:
        world.put(attachments=[invoice("x", "foreign")])
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
    assert world.recipients_of("failed") == ["ann", "bob"]
    reason = "does not exist, or the sender's role may not read it (AccessDenied)"
    assert world.reasons == [f"$.attachments[0].s3: {reason}"]
    assert world.queues.messages == {}


@pytest.mark.parametrize(
    "error",
    [
        UNREACHABLE,
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
    assert (world.published, len(world.queues.messages)) == ([], 1)
    world.run(DAY)
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


def test_a_sent_mail_does_not_fail_if_its_files_are_missing_at_its_second_delivery() -> None:
    world = World()
    world.s3.objects[BUCKET, "17.pdf"] = PDF
    world.events.outages = [UNREACHABLE] * 4
    world.put(attachments=[invoice()])
    world.deliver()
    world.s3.objects.clear()
    world.run()
    assert (world.recipients_of("queued"), world.recipients_of("failed")) == (["ann"], [])
    assert (world.queues.dead, world.queues.messages) == ([], {})


def test_a_job_whose_files_take_too_long_is_requeued_before_the_function_ends() -> None:
    world = World()
    world.put(attachments=invoices(world, 20))
    world.s3.on_read = lambda _: world.wait(5)
    world.deliver()
    assert world.clock.now < START + 60
    assert (world.log[-1]["outcome"], world.log[-1]["error"], world.published) == ("postponed", "NoTime", [])
    world.s3.on_read = lambda _: None
    world.run()
    assert (world.ses.sent_to, world.recipients_of("queued")) == (["ann"], ["ann"])


def test_a_job_in_s3_that_takes_too_long_to_read_waits_for_a_delivery_with_more_time() -> None:
    world = World()
    at = {"bucket": JOBS_BUCKET, "key": "jobs/job-large/1.json"}
    world.s3.objects[JOBS_BUCKET, at["key"]] = json.dumps(
        letter("large", attachments=invoices(world, 1))
    ).encode()
    world.s3.on_read = lambda key: world.wait(30 if key == at["key"] else 0)
    world.queues.put(json.dumps({"job_id": "job-large", "content_ref": at}))
    world.deliver()
    assert (world.log[-1]["error"], world.ses.requests) == ("NoTime", [])


def test_files_from_s3_keep_their_place_among_the_others() -> None:
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
