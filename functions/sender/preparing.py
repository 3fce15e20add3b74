"""Turns a message of the queue into a job with the call that sends it: read, check, compose."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.chunks import chunked
from mailbus.errors import InvalidJob, SendError
from mailbus.jobs.contract import S3Object
from mailbus.jobs.defaults import without_nulls
from mailbus.jobs.job import Job, envelopes
from mailbus.jobs.job_id import job_id_of
from mailbus.jobs.parsing import content_reference, parse_document
from mailbus.jobs.splitting import PART_RECIPIENTS
from mailbus.jobs.strict_json import read_document
from sender import failures
from sender.ses.mime import MESSAGE_BYTES
from sender.ses.send_bulk_email import BulkRequest, build_bulk_request
from sender.ses.send_email import Request, build_request
from sender.work import Message, NotDue, Oversized, Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailbus.aws.sqs import Record
    from sender.wiring import Sender

# A mail of 40 MB as a job: its files are in base64 already, its texts may be escaped.
DOCUMENT_BYTES: Final = 64 * 1000 * 1000
# the code of a job that must wait for a delivery with more time
NO_TIME: Final = "NoTime"
# What reading from S3 may take, tried twice, and saving the outcome of the job.
READ_SECONDS: Final = 18.0
READERS: Final = 8
# base64 makes 4 bytes of 3
FILES_BYTES: Final = MESSAGE_BYTES * 3 // 4
# Mailbus's own limit: a schedule takes any date, and one that far ahead is usually a mistake
FARTHEST_SECONDS: Final = 366 * 24 * 60 * 60


def read_message(record: Record) -> Message:
    """Read the JSON of a message. Raises `InvalidJob`."""
    return Message(record=record, document=read_document(record.body))


def is_memory_heavy(document: Mapping[str, Any], defaults: Mapping[str, Any]) -> bool:
    """Return whether a job has more content than its message: two at a time might exceed the memory.

    `defaults` are the deployment's fields for all jobs.
    """
    files = without_nulls(document).get("attachments", defaults.get("attachments"))
    return "content_ref" in document or (
        isinstance(files, list) and any(isinstance(file, dict) and "s3" in file for file in files)
    )


def parse(sender: Sender, message: Message, deadline: float) -> tuple[Message, Job]:
    """Return the job of a message, and the message with the whole job if it refers to one in S3.

    Raises `InvalidJob`, and `SendError` if S3 does not answer or there is no time to read it.
    """
    record = message.record
    document = _with_reference(sender, message.document, deadline)
    job = parse_document(
        document,
        job_id_of(message.document, record.original_message_id),
        defaults=sender.settings.send_defaults,
        message_tag_name=sender.settings.message_tag_name,
    )
    if not _may_be_part(job):
        # an attribute of that name, but not the sender's
        record = msgspec.structs.replace(record, part=None)
    return Message(record=record, document=document), job


def prepare(sender: Sender, message: Message, job: Job, deadline: float) -> Work | NotDue | Oversized:
    """Compose a job, and return what is next: send it, wait until it is due, or split it.

    Raises a `MailbusError` that says why the job cannot be sent, or a retryable `SendError`.
    """
    now = sender.now().timestamp()
    if job.expires_at is not None and job.expires_at <= now:
        if _is_oversized(job):
            # its parts are refused one by one: there is no time here for an event for each recipient
            return Oversized(record=message.record, job=job, document=message.document)
        raise failures.expired()
    if job.send_at is not None and job.send_at > now + FARTHEST_SECONDS:
        path = "$.send_at"
        raise InvalidJob(path, "is more than a year ahead; schedule it later")
    # compose now, so that errors are reported at once: not when the job is due, and not once for each part
    call = _compose(sender, message.record, job, deadline)
    without_attachments = msgspec.structs.replace(job, attachments=())
    if job.send_at is not None and job.send_at > now:
        return NotDue(
            record=message.record, job=without_attachments, document=message.document, due=job.send_at
        )
    if _is_oversized(job):
        return Oversized(record=message.record, job=job, document=message.document)
    to = envelopes(job)
    return Work(
        record=message.record,
        job=without_attachments,
        call=call,
        envelopes=to,
        entries=tuple(range(len(to))),
    )


def _with_reference(sender: Sender, document: dict[str, Any], deadline: float) -> dict[str, Any]:
    """Return the document that `content_ref` names, if the job has one."""
    at = content_reference(document)
    if at is None:
        return document
    path = "$.content_ref"
    data = _read_object(sender, at, path, max_bytes=DOCUMENT_BYTES, deadline=deadline)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidJob(path, "names an object that is not UTF-8") from error
    whole = read_document(text)
    own, outer = whole.get("job_id"), document.get("job_id")
    if own is not None and outer is not None and own != outer:
        path = "$.job_id"
        raise InvalidJob(path, "differs from the job_id of the job that content_ref names; make them equal")
    return whole


def _is_oversized(job: Job) -> bool:
    """Return whether a merge must be split into parts; a part is never split."""
    return job.merge is not None and len(job.merge.recipients) > PART_RECIPIENTS


def _may_be_part(job: Job) -> bool:
    return job.merge is not None and not _is_oversized(job)


def _compose(sender: Sender, record: Record, job: Job, deadline: float) -> Request | BulkRequest:
    whole = _with_files(sender, job, deadline)
    if whole.merge is None:
        return build_request(whole, sender.settings)
    first = msgspec.structs.replace(whole.merge, recipients=whole.merge.recipients[:PART_RECIPIENTS])
    return build_bulk_request(msgspec.structs.replace(whole, merge=first), sender.settings, record.part)


def _with_files(sender: Sender, job: Job, deadline: float) -> Job:
    """Return the job with the attachments that are in S3, read a few at a time."""
    objects = {
        f"$.attachments[{index}].s3": file.content
        for index, file in enumerate(job.attachments)
        if isinstance(file.content, S3Object)
    }
    if not objects:
        return job
    room = FILES_BYTES - sum(len(file.content) for file in job.attachments if isinstance(file.content, bytes))
    contents: list[bytes] = []
    for files in chunked(objects.items(), READERS):
        # each of them may use all that is left; their sum is checked before the mail is composed
        read = functools.partial(_read_file, sender, max_bytes=max(room, 0), deadline=deadline)
        chunk = sender.side_by_side(read, files, READERS)
        room -= sum(len(content) for content in chunk)
        contents += chunk
    remaining = iter(contents)
    return msgspec.structs.replace(
        job,
        attachments=tuple(
            msgspec.structs.replace(file, content=next(remaining))
            if isinstance(file.content, S3Object)
            else file
            for file in job.attachments
        ),
    )


def _read_file(sender: Sender, file: tuple[str, S3Object], *, max_bytes: int, deadline: float) -> bytes:
    path, at = file
    return _read_object(sender, at, path, max_bytes=max_bytes, deadline=deadline)


def _read_object(sender: Sender, at: S3Object, path: str, *, max_bytes: int, deadline: float) -> bytes:
    """Read an object if there is time for it, and for SES after it."""
    if sender.now().timestamp() > deadline - READ_SECONDS - sender.settings.ses_seconds:
        reason = f"there was no time left to read {path} from S3"
        raise SendError(NO_TIME, reason, retryable=True)
    return sender.objects.read(at, path, max_bytes=max_bytes)
