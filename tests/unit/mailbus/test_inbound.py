"""A received mail's parts, bodies and bytes, out of the bucket that its event names."""

from __future__ import annotations

import hashlib
import io
import json
import random
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import Stubber

import mailbus
from mailbus import inbound
from mailbus.errors import InboundError, InvalidEvent
from mailbus.events import EmailEvent, parse
from tests.unit.mailbus.whole_events import whole

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "mailbus-prod-inbound-210987654321"
PLACE = "parts/o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
INVOICE = random.Random(4711).randbytes(3 * inbound.CHUNK_BYTES + 17)  # noqa: S311 - no secret
LOGO = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
RAW = b"From: ada@example.org\r\nSubject: invoice\r\n\r\n"


def _part(filename: str, content: bytes, disposition: str) -> dict[str, Any]:
    return {
        "filename": filename,
        "content_type": "application/octet-stream",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content_id": None,
        "disposition": disposition,
        "s3": {"bucket": BUCKET, "key": f"{PLACE}/{filename}"},
    }


def _event(**message: Any) -> dict[str, Any]:
    return whole(
        {
            "event_type": "inbound",
            "event_id": "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
            "timestamp": "2026-11-20T09:14:03Z",
            "message": {
                "text": "Please find the invoice attached.",
                "attachments": [_part("1-invoice.pdf", INVOICE, "attachment")],
                "inlines": [_part("2-logo.png", LOGO, "inline")],
                **message,
            },
            "raw": {
                "bucket": BUCKET,
                "key": "raw/o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
                "size": len(RAW),
            },
        }
    )


FAILED = whole(
    {
        "event_type": "inbound_failed",
        "event_id": "o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1",
        "timestamp": "2026-11-20T09:14:03Z",
        "description": "the mail is empty: its object in S3 has no bytes",
        "raw": {"bucket": BUCKET, "key": "raw/o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1", "size": None},
    }
)


class Bucket:
    """boto3's own client of S3, with the answers that S3 will give."""

    def __init__(self) -> None:
        self.client = boto3.client(
            "s3", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none"
        )
        self.stubber = Stubber(self.client)
        self.stubber.activate()

    def holds(self, key: str, content: bytes) -> None:
        body = StreamingBody(io.BytesIO(content), len(content))
        self.stubber.add_response(
            "get_object", {"Body": body, "ContentLength": len(content)}, {"Bucket": BUCKET, "Key": key}
        )

    def refuses(self, code: str, status: int) -> None:
        self.stubber.add_client_error("get_object", code, "no", status)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    bucket = Bucket()
    yield bucket
    bucket.stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    "given",
    [_event(), json.dumps(_event()), json.dumps(_event()).encode(), _event()["detail"], parse(_event())],
)
def test_an_attachment_streams_in_chunks_whatever_form_its_event_has(given: Any, bucket: Bucket) -> None:
    bucket.holds(f"{PLACE}/1-invoice.pdf", INVOICE)

    content = inbound.attachment(given, 0, client=bucket.client)
    chunks = list(content)

    assert b"".join(chunks) == INVOICE
    assert [len(chunk) for chunk in chunks] == [inbound.CHUNK_BYTES] * 3 + [17]
    assert content.size == len(INVOICE)


def test_an_inline_part_is_counted_apart_from_attachments(bucket: Bucket) -> None:
    bucket.holds(f"{PLACE}/2-logo.png", LOGO)
    assert inbound.inline(_event(), 0, client=bucket.client).read() == LOGO


def test_the_raw_mail_can_be_had_of_an_event_of_each_kind(bucket: Bucket) -> None:
    key = "raw/o3vrnil0e2ic28trm7dfhrc2v0clambda4nbp0g1"
    bucket.holds(key, RAW)
    bucket.holds(key, b"")
    assert inbound.raw(_event(), client=bucket.client).read() == RAW
    failed = inbound.raw(FAILED, client=bucket.client)
    assert (failed.read(), failed.size) == (b"", None)


def test_a_body_in_the_event_takes_no_call_to_s3(bucket: Bucket) -> None:
    assert inbound.text(_event(), client=bucket.client) == "Please find the invoice attached."
    assert inbound.html(_event(), client=bucket.client) is None


def test_a_body_that_is_too_large_for_the_event_comes_from_s3(bucket: Bucket) -> None:
    event = _event(
        text=None,
        text_ref={"bucket": BUCKET, "key": f"{PLACE}/body.txt"},
        html_ref={"bucket": BUCKET, "key": f"{PLACE}/body.html"},
    )
    bucket.holds(f"{PLACE}/body.txt", ("Grüße\n" * 100_000).encode())
    bucket.holds(f"{PLACE}/body.html", "<p>Grüße</p>".encode())
    assert inbound.text(event, client=bucket.client) == "Grüße\n" * 100_000
    assert inbound.html(event, client=bucket.client) == "<p>Grüße</p>"


def test_altered_bytes_of_the_right_size_are_refused_at_the_end(bucket: Bucket) -> None:
    altered = INVOICE[:-1] + bytes([INVOICE[-1] ^ 1])
    bucket.holds(f"{PLACE}/1-invoice.pdf", altered)
    content = iter(inbound.attachment(_event(), 0, client=bucket.client))
    with pytest.raises(InboundError, match=r"SHA-256 differs.*the raw mail still has the content"):
        list(content)


@pytest.mark.parametrize("content", [INVOICE[:-1], INVOICE + b"x", b""])
def test_an_object_of_another_size_is_refused_before_its_first_byte(content: bytes, bucket: Bucket) -> None:
    bucket.holds(f"{PLACE}/1-invoice.pdf", content)
    chunks = iter(inbound.attachment(_event(), 0, client=bucket.client))
    with pytest.raises(InboundError, match=f"it has {len(content)} bytes, not {len(INVOICE)}"):
        next(chunks)


def test_a_connection_that_ends_within_the_object_is_an_error_of_ours(bucket: Bucket) -> None:
    body = StreamingBody(io.BytesIO(INVOICE[:-1]), len(INVOICE))
    bucket.stubber.add_response("get_object", {"Body": body, "ContentLength": len(INVOICE)})
    with pytest.raises(InboundError, match=r"IncompleteReadError.*try again"):
        inbound.attachment(_event(), 0, client=bucket.client).read()


class Breaking:
    """A client whose calls, or whose bodies, fail as the network does."""

    def __init__(self, body: object = None) -> None:
        self.body = body

    def get_object(self, **_: str) -> dict[str, Any]:
        if self.body is None:
            raise EndpointConnectionError(endpoint_url="https://s3.eu-west-1.amazonaws.com")
        return {"ContentLength": len(INVOICE), "Body": self.body}

    def read(self, _amount: int) -> bytes:
        raise ReadTimeoutError(endpoint_url="https://s3.eu-west-1.amazonaws.com")

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("client", [Breaking(), Breaking(Breaking())])
def test_a_network_that_fails_is_an_error_of_ours_too(client: Any) -> None:
    with pytest.raises(InboundError, match=r"cannot be read .*try again"):
        inbound.attachment(_event(), 0, client=client).read()


@pytest.mark.parametrize(
    ("code", "status", "says"),
    [
        ("NoSuchKey", 404, "retention.parts_days"),
        ("AccessDenied", 403, "s3:GetObject"),
        ("NoSuchBucket", 404, "bucket does not exist"),
        ("SlowDown", 503, "try again"),
    ],
)
def test_what_s3_refuses_says_what_to_do_and_never_the_senders_file_name(
    code: str, status: int, says: str, bucket: Bucket
) -> None:
    bucket.refuses(code, status)
    with pytest.raises(InboundError, match=f"{code}.*{says}") as raised:
        inbound.attachment(_event(), 0, client=bucket.client).read()
    assert "invoice" not in str(raised.value)
    assert BUCKET in str(raised.value)


@pytest.mark.parametrize("n", [1, -1, 1000])
def test_a_part_that_the_event_does_not_list_is_named(n: int, bucket: Bucket) -> None:
    with pytest.raises(InboundError, match=f"no index {n} in the event's attachments: it has 1"):
        inbound.attachment(_event(), n, client=bucket.client)
    with pytest.raises(InboundError, match=f"no index {n} in the event's inlines"):
        inbound.inline(_event(), n, client=bucket.client)


@pytest.mark.parametrize("n", ["0", None, 0.0, slice(0, 1)])
def test_an_index_that_is_not_an_integer_is_refused_with_its_type(n: Any, bucket: Bucket) -> None:
    kind = type(n).__name__
    with pytest.raises(InboundError, match=f"event's attachments must be an integer .* of type {kind}"):
        inbound.attachment(_event(), n, client=bucket.client)
    with pytest.raises(InboundError, match=f"event's inlines must be an integer .* of type {kind}"):
        inbound.inline(_event(), n, client=bucket.client)


def test_mail_that_could_not_be_read_has_no_parts_and_says_why(bucket: Bucket) -> None:
    for call in (inbound.text, inbound.html):
        with pytest.raises(InboundError, match="only `raw` has it: the mail is empty"):
            call(FAILED, client=bucket.client)
    with pytest.raises(InboundError, match="only `raw` has it"):
        inbound.attachment(FAILED, 0, client=bucket.client)


def test_an_event_without_the_object_of_the_raw_mail_is_an_error(bucket: Bucket) -> None:
    event = _event()
    event["detail"]["raw"] = None
    with pytest.raises(InboundError, match="does not name the object"):
        inbound.raw(event, client=bucket.client)


def test_an_event_of_sent_mail_is_refused_and_the_rule_named(bucket: Bucket) -> None:
    sent = {"event_type": "sent", "event_id": "0" * 32, "timestamp": "2026-11-20T09:14:03Z"}
    for event in (whole(sent), parse(sent)):
        assert isinstance(event, dict | EmailEvent)
        with pytest.raises(InvalidEvent, match=r"'sent' has no received mail.*email.inbound"):
            inbound.raw(event, client=bucket.client)


@pytest.mark.parametrize(
    "event", [{}, {"Records": []}, "not JSON", b"\xff", "[]", {"detail": {"event_type": "new"}}]
)
def test_what_is_no_event_is_refused_before_anything_is_read(event: Any, bucket: Bucket) -> None:
    with pytest.raises(InvalidEvent):
        inbound.attachment(event, 0, client=bucket.client)


def test_an_application_finds_it_beside_the_events() -> None:
    assert mailbus.inbound is inbound
    assert "inbound" in mailbus.__all__


def test_without_a_client_one_is_made_the_way_boto3_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(InboundError, match=r"NoCredentialsError.*give the application a role"):
        inbound.raw(_event()).read()
