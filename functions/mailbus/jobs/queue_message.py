"""Writes a send job as a message of the send queue, checked as the sender checks it."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from mailbus.errors import InvalidJob
from mailbus.jobs.contract import S3Object, SendJob
from mailbus.jobs.json_paths import walk
from mailbus.jobs.parsing import content_reference, parse_document
from mailbus.jobs.strict_json import read_document
from mailbus.sqs_messages import MAX_BODY_BYTES, escape_json

if TYPE_CHECKING:
    from typing import Final

_WHOLE: Final = "$"
_ID: Final = "$.job_id"
BYTES: Final = (bytes, bytearray, memoryview)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A checked job as the body of a message: JSON in UTF-8. A `delayed` job has a `send_at`."""

    job_id: str
    body: str
    size: int
    delayed: bool = False

    @property
    def too_large(self) -> bool:
        """Whether the job is stored in S3 and the queue gets a reference instead."""
        return self.size > MAX_BODY_BYTES


def to_message(
    job: SendJob | Mapping[str, Any], *, send_defaults: Mapping[str, Any] | None = None
) -> Message:
    """Return the message of a job, checked as the sender will check it.

    A job without an id gets one, so that a repeated call enqueues the same job. `send_defaults` are those of
    the deployment: they are checked with the job, but not written into it. Raises `InvalidJob`.
    """
    document = _builtins(job)
    named = document.get("job_id") is not None
    if not named:
        document["job_id"] = uuid.uuid4().hex
    body = _json(document)
    read = read_document(body)
    if content_reference(read) is None:
        job_id = parse_document(read, document["job_id"], defaults=send_defaults).job_id
    elif named:
        job_id = read["job_id"]
    else:
        reason = "is missing; with content_ref, set it to the id of the job in S3"
        raise InvalidJob(_ID, reason)
    return Message(
        job_id=job_id, body=body, size=len(body.encode()), delayed=document.get("send_at") is not None
    )


def to_reference(message: Message, at: S3Object) -> Message:
    """Return the message that refers to a job in S3."""
    body = _json({"job_id": message.job_id, "content_ref": msgspec.to_builtins(at)})
    return Message(job_id=message.job_id, body=body, size=len(body.encode()), delayed=message.delayed)


def _builtins(job: SendJob | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(job, SendJob | Mapping):
        reason = f"must be a SendJob or a mapping of its fields, not {type(job).__name__}"
        raise InvalidJob(_WHOLE, reason)
    try:
        builtins: dict[str, Any] = msgspec.to_builtins(
            job if isinstance(job, SendJob) else dict(job),
            str_keys=True,
            enc_hook=_plain,
            # msgspec would write them in base64 in any field
            builtin_types=BYTES,
        )
    except (TypeError, ValueError, RecursionError) as error:
        # the text of the first two names a type, never a value
        why = "it refers to itself" if isinstance(error, RecursionError) else str(error)
        raise InvalidJob(_WHOLE, f"cannot be written as JSON: {why}") from None
    files = builtins.get("attachments")
    for file in files if isinstance(files, list | tuple) else ():
        if isinstance(file, dict) and isinstance(file.get("content"), BYTES):
            file["content"] = base64.b64encode(file["content"]).decode()
    for value, path in walk(builtins):
        if isinstance(value, BYTES):
            raise InvalidJob(path, "is bytes, which only the content of an attachment may be; decode it")
    return builtins


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, str):
        # msgspec accepts only str itself, and frameworks have subclasses, such as for safe HTML
        return str.__str__(value)
    reason = f"{type(value).__name__} is not a JSON value; use a string, number, boolean, list or object"
    raise TypeError(reason)


def _json(document: Mapping[str, Any]) -> str:
    # NaN is written as it is, so that the error on reading it has its path
    return escape_json(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
