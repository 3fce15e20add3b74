"""Reads what the event of a received mail refers to: attachments, inline parts, large bodies, the raw mail.

    for chunk in inbound.attachment(event, 0):
        file.write(chunk)

Each function takes an event that `mailbus.events.parse` returned, or anything that `parse` accepts. `client`
is a boto3 client of S3; without one it is created with boto3's own credentials and region. It needs
`s3:GetObject` on the objects of the bucket in the event. Raises `InvalidEvent` if the event is not of a
received mail, and `InboundError` if the object does not exist or cannot be read.
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
    "it does not exist any more: parts are kept for retention.parts_days, raw mail for retention.raw_days; "
    "read them earlier, or keep them longer"
)
_NOT_ALLOWED: Final = (
    "it does not exist any more, or the reader is not allowed s3:GetObject on the bucket's objects"
)
_FIXES: Final = {
    "NoSuchKey": _GONE,
    "NoSuchBucket": "the deployment's bucket does not exist",
    "404": _GONE,
    "AccessDenied": _NOT_ALLOWED,
    "403": _NOT_ALLOWED,
    "NoCredentialsError": "no AWS credentials; give the application a role, or set them in its environment",
    "PartialCredentialsError": "half of the AWS credentials is missing; set both the key id and the secret",
}
_TRY_AGAIN: Final = "try again in a moment"


class _Expected(msgspec.Struct, frozen=True, kw_only=True):
    """An object as the event describes it; `size` in bytes, `sha256` in hex, None if unknown."""

    at: StoredObject
    size: int | None = None
    sha256: str | None = None


class Content:
    """The content of an object in S3: iterate over it in chunks, or `read` it whole.

    It is fetched on every use, and compared with the event at its end: discard chunks that came before an
    `InboundError`. A chunk has at most `CHUNK_BYTES`. `size` is in bytes, None if the event does not have it.
    """

    def __init__(self, expected: _Expected, client: S3Client) -> None:
        self._expected = expected
        self._client = client

    @property
    def size(self) -> int | None:
        """The size in bytes in the event, None if it has none."""
        return self._expected.size

    def __iter__(self) -> Iterator[bytes]:
        """Yield the content in chunks."""
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
        """Return the whole content, which may have 40 MB."""
        return b"".join(self)

    def _chunks(self) -> Iterator[bytes]:
        at = self._expected.at
        try:
            answer = self._client.get_object(Bucket=at.bucket, Key=at.key)
            with contextlib.closing(answer["Body"]) as body:
                # the only check that is possible before the first chunk
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
            f"{self._name()} differs from the event: {difference}; read it again; if that does not help, it "
            "was overwritten: the raw mail still has the content"
        )
        raise InboundError(reason)

    def _name(self) -> str:
        # the end of a key may be the name of a file, which the mail's sender chose
        return f"the object {self._expected.at.key.rpartition('/')[0]}/… in {self._expected.at.bucket}"


def attachment(event: Event, n: int, *, client: S3Client | None = None) -> Content:
    """Return an attachment by its index in the event's `message.attachments`, from 0."""
    return _part(_message(event).attachments, n, "attachments", client)


def inline(event: Event, n: int, *, client: S3Client | None = None) -> Content:
    """Return an inline part, such as an image, by its index in the event's `message.inlines`, from 0."""
    return _part(_message(event).inlines, n, "inlines", client)


def text(event: Event, *, client: S3Client | None = None) -> str | None:
    """Return the text, which may be in the event or in S3; None if the mail has none."""
    message = _message(event)
    return message.text if message.text_ref is None else _body(message.text_ref, client)


def html(event: Event, *, client: S3Client | None = None) -> str | None:
    """Return the HTML body, which may be in the event or in S3; None if the mail has none."""
    message = _message(event)
    return message.html if message.html_ref is None else _body(message.html_ref, client)


def raw(event: Event, *, client: S3Client | None = None) -> Content:
    """Return the mail as SES stored it, of `inbound_failed` too; encrypted if SES encrypts it."""
    found = _received(event).raw
    if found is None:
        reason = "the event does not name the object of the raw mail"
        raise InboundError(reason)
    at = StoredObject(bucket=found.bucket, key=found.key)
    return _content(_Expected(at=at, size=found.size), client)


def _received(event: Event) -> InboundEvent:
    received = parse(event) if isinstance(event, Mapping | str | bytes) else event
    if not isinstance(received, InboundEvent):
        reason = (
            f"an event of type {received.event_type!r} has no received mail: let the rule match the "
            "detail-type email.inbound, or check for InboundEvent first"
        )
        raise InvalidEvent(reason)
    return received


def _message(event: Event) -> InboundMessage:
    received = _received(event)
    if received.message is None:
        reason = f"the mail could not be read, only `raw` has it: {received.description or 'no reason given'}"
        raise InboundError(reason)
    return received.message


def _part(parts: tuple[StoredPart, ...], n: int, what: str, client: S3Client | None) -> Content:
    # a caller without a type checker may pass a string, such as from a URL
    if not isinstance(n, int):
        kind = type(n).__name__
        reason = f"the index among the event's {what} must be an integer from 0, not {n!r} of type {kind}"
        raise InboundError(reason)
    if not 0 <= n < len(parts):
        reason = f"there is no index {n} in the event's {what}: it has {len(parts)}, counted from 0"
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
