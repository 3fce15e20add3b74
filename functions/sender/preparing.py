"""A message of the queue becomes a job with the call that sends it: read, checked, composed."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import msgspec

from mailbus.aws.sqs import Record
from mailbus.errors import InvalidJob, MailbusError, SendError
from mailbus.jobs.contract import S3Object
from mailbus.jobs.job import Job, envelopes
from mailbus.jobs.parsing import job_id_of, parse_document, peek_job_id, referred
from mailbus.jobs.splitting import PART_RECIPIENTS
from mailbus.jobs.strict_json import given, read_document
from sender.results import Early, Large, Postponed, Prepared, Refused, Unexpected, Unreadable, Work
from sender.ses.mime import MESSAGE_BYTES
from sender.ses.send_bulk_email import BulkRequest, build_bulk_request
from sender.ses.send_email import Request, build_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sender.wiring import Sender

# A mail of 40 MB as a job: its files are in base64 already, its texts may be escaped.
DOCUMENT_BYTES: Final = 64 * 1000 * 1000
# the code of what has to wait for a delivery with more time
NO_TIME: Final = "NoTime"
# What reading from S3 may take, tried twice, and to write down what came of the job.
READ_SECONDS: Final = 18.0
READERS: Final = 8
# base64 makes 4 bytes of 3
FILES_BYTES: Final = MESSAGE_BYTES * 3 // 4
# Mailbus's own bound: a schedule takes any date, and one that far off is a mistake more often than not
FARTHEST_SECONDS: Final = 366 * 24 * 60 * 60
# what is this near is due: the clocks of schedules and queues are no finer
DUE_SECONDS: Final = 1.0


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A message with the JSON in it."""

    record: Record
    document: dict[str, Any]


Opened = Read | Unreadable | Unexpected


def open_record(record: Record) -> Opened:
    """Read the JSON of a message."""
    try:
        return Read(record=record, document=read_document(record.body))
    except InvalidJob as error:
        return Unreadable(
            record=record, job_id=peek_job_id(record.body, record.original_message_id), error=error
        )
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=record, error_type=type(error).__name__)


def is_heavy(read: Read, defaults: Mapping[str, Any]) -> bool:
    """Tell whether a job brings more than its message: two at a time might be too much for the memory.

    `defaults` are the deployment's fields for all jobs.
    """
    files = given(read.document).get("attachments", defaults.get("attachments"))
    return "content_ref" in read.document or (
        isinstance(files, list) and any(isinstance(file, dict) and "s3" in file for file in files)
    )


def prepare(sender: Sender, read: Read, deadline: float) -> Prepared:  # noqa: PLR0911 - one exit for each way to fail
    """Take one message as far as it goes without the ledger and SES."""
    record = read.record
    job_id = record.original_message_id
    try:
        job_id = job_id_of(read.document, record.original_message_id)
        document = _referred(sender, read.document, deadline)
        job = parse_document(
            document,
            job_id,
            defaults=sender.settings.send_defaults,
            message_tag_name=sender.settings.message_tag_name,
        )
    except InvalidJob as error:
        return Unreadable(record=record, job_id=job_id, error=error)
    except SendError as error:
        return Postponed(record=record, job_id=job_id, error=error.code)
    except Exception as error:  # noqa: BLE001 - one job must not take the batch with it
        return Unexpected(record=record, error_type=type(error).__name__)
    if not _may_be_part(job):
        # an attribute of that name, but not the sender's
        record = msgspec.structs.replace(record, part=None)
    try:
        return _plan(sender, record, job, document, deadline)
    except SendError as error:
        return Postponed(record=record, job_id=job.job_id, error=error.code)
    except MailbusError as error:
        return Refused(record=record, job=job, error=error)
    except Exception as error:  # noqa: BLE001 - as above
        return Unexpected(record=record, error_type=type(error).__name__)


def _referred(sender: Sender, document: dict[str, Any], deadline: float) -> dict[str, Any]:
    at = referred(document)
    if at is None:
        return document
    path = "$.content_ref"
    data = _fetch(sender, at, path, most=DOCUMENT_BYTES, deadline=deadline)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InvalidJob(path, "names an object that is not UTF-8") from error
    whole = read_document(text)
    own, outer = whole.get("job_id"), document.get("job_id")
    if own is not None and outer is not None and own != outer:
        path = "$.job_id"
        raise InvalidJob(path, "is another one than in the referred job; make them agree")
    return whole


def _plan(sender: Sender, record: Record, job: Job, document: dict[str, Any], deadline: float) -> Prepared:
    now = sender.now().timestamp()
    if job.expires_at is not None and job.expires_at <= now:
        if _is_large(job):
            # its parts are refused each by itself: an event for each recipient takes more time than there is
            return Large(record=record, job=job, document=document)
        return Refused(record=record, job=job, error=expired())
    if job.send_at is not None and job.send_at > now + FARTHEST_SECONDS:
        reason = "is more than a year ahead; schedule it later"
        return Refused(record=record, job=job, error=InvalidJob("$.send_at", reason))
    # what cannot be composed is told now: not when it is due, and not once for each part
    call = _call(sender, record, job, deadline)
    lean = msgspec.structs.replace(job, attachments=())
    if job.send_at is not None and job.send_at > now + DUE_SECONDS:
        return Early(record=record, job=lean, document=document, due=job.send_at)
    if _is_large(job):
        return Large(record=record, job=job, document=document)
    to = envelopes(job)
    return Work(record=record, job=lean, call=call, envelopes=to, entries=tuple(range(len(to))))


def _is_large(job: Job) -> bool:
    """Tell whether a merge has to be cut into parts; a part never has."""
    return job.merge is not None and len(job.merge.recipients) > PART_RECIPIENTS


def _may_be_part(job: Job) -> bool:
    return job.merge is not None and not _is_large(job)


def _call(sender: Sender, record: Record, job: Job, deadline: float) -> Request | BulkRequest:
    filled = _filled(sender, job, deadline)
    if filled.merge is None:
        return build_request(filled, sender.settings)
    first = msgspec.structs.replace(filled.merge, recipients=filled.merge.recipients[:PART_RECIPIENTS])
    return build_bulk_request(msgspec.structs.replace(filled, merge=first), sender.settings, record.part)


def _filled(sender: Sender, job: Job, deadline: float) -> Job:
    """Fetch the attachments that lie in S3, some at a time."""
    places = {
        f"$.attachments[{index}].s3": file.content
        for index, file in enumerate(job.attachments)
        if isinstance(file.content, S3Object)
    }
    if not places:
        return job
    room = FILES_BYTES - sum(len(file.content) for file in job.attachments if isinstance(file.content, bytes))
    paths = list(places)
    fetched: list[bytes] = []
    with ThreadPoolExecutor(max_workers=READERS) as pool:
        for some in (paths[start : start + READERS] for start in range(0, len(paths), READERS)):
            # each of them may take what is left; what they make together is looked at before it is composed
            fetch = functools.partial(_fetch, sender, most=max(room, 0), deadline=deadline)
            read = list(pool.map(fetch, (places[path] for path in some), some))
            room -= sum(len(content) for content in read)
            fetched += read
    contents = iter(fetched)
    return msgspec.structs.replace(
        job,
        attachments=tuple(
            msgspec.structs.replace(file, content=next(contents))
            if isinstance(file.content, S3Object)
            else file
            for file in job.attachments
        ),
    )


def _fetch(sender: Sender, at: S3Object, path: str, *, most: int, deadline: float) -> bytes:
    """Read an object while there is time for it, and for SES after it."""
    if sender.now().timestamp() > deadline - READ_SECONDS - sender.settings.ses_seconds:
        reason = f"there was no time left to read {path} from S3"
        raise SendError(NO_TIME, reason, retryable=True)
    return sender.objects.read(at, path, max_bytes=most)


def expired() -> SendError:
    """Say that a job's time is over."""
    return SendError("Expired", "expires_at passed before SES took the mail; it is not sent", retryable=False)
