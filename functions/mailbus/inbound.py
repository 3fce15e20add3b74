"""What the event of a received mail refers to: attachments, inline parts, large bodies, the mail as it came.

    for chunk in inbound.attachment(event, 0):
        file.write(chunk)

Each function takes an event as `mailbus.events.parse` gives it, or anything that `parse` takes. `client` is
boto3's of S3; without one it is made by boto3's own way to credentials and region. It needs `s3:GetObject` on
the objects of the bucket that the event names. Errors are `InvalidEvent`, where it is not the event of a
received mail, and `InboundError`, where what is asked for is not there or cannot be read.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from mailbus.aws import sessions
from mailbus.errors import InboundError, InvalidEvent
from mailbus.events import InboundEvent, StoredObject, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_s3.client import S3Client

    from mailbus.events import EmailEvent, InboundMessage, StoredPart

    Event = InboundEvent | EmailEvent | Mapping[str, Any] | str | bytes

CALL_ATTEMPTS: Final = 4
CHUNK_BYTES: Final = 256 * 1024

_GONE: Final = (
    "it is not there any more: parts are kept for retention.parts_days, raw mail for retention.raw_days; "
    "read them in time, or keep them longer"
)
_NOT_ALLOWED: Final = (
    "either it is not there any more, or whoever reads it lacks s3:GetObject on the bucket's objects"
)
_FIXES: Final = {
    "NoSuchKey": _GONE,
    "NoSuchBucket": "the deployment's bucket is gone",
    "404": _GONE,
    "AccessDenied": _NOT_ALLOWED,
    "403": _NOT_ALLOWED,
    "NoCredentialsError": "no AWS credentials; give the application a role, or its environment keys",
    "PartialCredentialsError": "half of the AWS credentials is missing; give key id and secret",
}
_TRY_AGAIN: Final = "try again in a moment"


class _Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What the event says of an object; `size` is in bytes, `sha256` in hex, None is not known."""

    at: StoredObject
    size: int | None = None
    sha256: str | None = None


class Content:
    """The bytes of an object in S3: iterate over it in chunks, or take it whole by `read`.

    Each time it is fetched anew, and held against the event at its end: what came before an `InboundError` is
    not to be relied on. A chunk is at most `CHUNK_BYTES` long. `size` is in bytes, None where the event does
    not say it.
    """

    def __init__(self, expected: _Expected, client: S3Client) -> None:
        self._expected = expected
        self._client = client

    @property
    def size(self) -> int | None:
        """How many bytes it has, as the event says."""
        return self._expected.size

    def __iter__(self) -> Iterator[bytes]:
        """Fetch it chunk by chunk."""
        digest = hashlib.sha256()
        received = 0
        for chunk in self._chunks():
            digest.update(chunk)
            received += len(chunk)
            yield chunk
        self._check_size(received)
        if self._expected.sha256 not in {None, digest.hexdigest()}:
            self._refuse("its SHA-256 differs")

    def read(self) -> bytes:
        """Fetch it whole; it may have 40 MB."""
        return b"".join(self)

    def _chunks(self) -> Iterator[bytes]:
        at = self._expected.at
        try:
            answer = self._client.get_object(Bucket=at.bucket, Key=at.key)
            with contextlib.closing(answer["Body"]) as body:
                # the one thing that can be told before any byte is given away
                self._check_size(answer["ContentLength"])
                while chunk := body.read(CHUNK_BYTES):
                    yield chunk
        except (ClientError, BotoCoreError) as error:
            code = sessions.error_code(error)
            reason = f"{self._name()} cannot be read ({code}): {_FIXES.get(code, _TRY_AGAIN)}"
            raise InboundError(reason) from error

    def _check_size(self, received: int) -> None:
        expected = self._expected.size
        if expected not in {None, received}:
            self._refuse(f"it has {received} bytes, not {expected}")

    def _refuse(self, difference: str) -> NoReturn:
        reason = (
            f"{self._name()} is not what the event tells of: {difference}; read it again; where that does "
            "not help, somebody wrote over it: the raw mail still has it"
        )
        raise InboundError(reason)

    def _name(self) -> str:
        # the end of a key may be a file's name, which is the sender's
        return f"the object {self._expected.at.key.rpartition('/')[0]}/… in {self._expected.at.bucket}"


def attachment(event: Event, n: int, *, client: S3Client | None = None) -> Content:
    """Give an attachment, by its place in the event's `message.attachments`, from 0."""
    return _part(_message(event).attachments, n, "attachments", client)


def inline(event: Event, n: int, *, client: S3Client | None = None) -> Content:
    """Give an inline part, such as an image, by its place in the event's `message.inlines`, from 0."""
    return _part(_message(event).inlines, n, "inlines", client)


def text(event: Event, *, client: S3Client | None = None) -> str | None:
    """Give the text, which may be in the event or in S3; None where the mail has none."""
    message = _message(event)
    return message.text if message.text_ref is None else _body(message.text_ref, client)


def html(event: Event, *, client: S3Client | None = None) -> str | None:
    """Give the HTML body, which may be in the event or in S3; None where the mail has none."""
    message = _message(event)
    return message.html if message.html_ref is None else _body(message.html_ref, client)


def raw(event: Event, *, client: S3Client | None = None) -> Content:
    """Give the mail as SES wrote it, of `inbound_failed` too; encrypted, where SES encrypts it."""
    found = _received(event).raw
    if found is None:
        reason = "the event does not say where the mail lies"
        raise InboundError(reason)
    at = StoredObject(bucket=found.bucket, key=found.key)
    return _content(_Expected(at=at, size=found.size), client)


def _received(event: Event) -> InboundEvent:
    told = parse(event) if isinstance(event, Mapping | str | bytes) else event
    if not isinstance(told, InboundEvent):
        reason = (
            f"an event of type {told.event_type!r} has no received mail: let the rule match the detail-type "
            "email.inbound, or ask for mail of an InboundEvent alone"
        )
        raise InvalidEvent(reason)
    return told


def _message(event: Event) -> InboundMessage:
    told = _received(event)
    if told.message is None:
        reason = f"the mail could not be read, only `raw` has it: {told.description or 'no reason given'}"
        raise InboundError(reason)
    return told.message


def _part(parts: tuple[StoredPart, ...], n: int, what: str, client: S3Client | None) -> Content:
    # a caller without a type checker may give what came as text, as in a URL
    if not isinstance(n, int):
        kind = type(n).__name__
        reason = f"the place among the event's {what} is a whole number, from 0, not {n!r} of type {kind}"
        raise InboundError(reason)
    if not 0 <= n < len(parts):
        reason = f"there is no {n} among the event's {what}: it lists {len(parts)} of them, counted from 0"
        raise InboundError(reason)
    part = parts[n]
    return _content(_Expected(at=part.s3, size=part.size, sha256=part.sha256), client)


def _body(at: StoredObject, client: S3Client | None) -> str:
    return _content(_Expected(at=at), client).read().decode("utf-8", "replace")


def _content(expected: _Expected, client: S3Client | None) -> Content:
    return Content(
        expected,
        client or sessions.open_session().client("s3", config=sessions.config(max_attempts=CALL_ATTEMPTS)),
    )
